"""UIDs with the names that PS3.6 annex A gives them."""

from collections.abc import Iterable
from typing import Final

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from dimse.services.dispatch import Offer

_MISSING: Final = {
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.113619.5.2": "Implicit VR Little Endian with Big Endian pixels (private)",
}
"""Names that pydicom's dictionary does not have yet, and a private one."""


def name(uid: str) -> str:
    """The name, without the remark that it is retired; the UID where there is none."""
    return _MISSING.get(uid) or UID(uid).name.removesuffix(" (Retired)")


def named(uids: Iterable[str]) -> list[tuple[str, str]]:
    """Rows of name and UID."""
    return [(name(uid), f"`{uid}`") for uid in uids]


def sop_classes(offer: Offer) -> list[str]:
    """Every registered SOP class that an operation is offered under, in the order of the names."""
    registered = (uid for uid, (_, kind, *_) in UID_dictionary.items() if kind in ("SOP Class", "Meta SOP Class"))
    return sorted((uid for uid in registered if offer.takes(uid)), key=name)


def is_retired(uid: str) -> bool:
    """Whether PS3.6 has retired it."""
    return bool(UID(uid).is_retired)
