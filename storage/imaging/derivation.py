"""What makes a lossily compressed image a derived one (PS3.3 C.7.6.1.1.5).

"If an image is a compressed version of another image", Lossy Image Compression is 01, Value 1 of Image Type is DERIVED,
and it "shall receive a new SOP Instance UID". The new UID always is the same for the same image, so that whoever
retrieves it twice has one object.
"""

from collections.abc import Callable
from typing import Final

from storage.data_set.data_elements import Element
from storage.data_set.part10 import Part10
from storage.identifiers import stand_in_uid
from storage.imaging.explicit_encoding import data_set, encoded, sequence

RATIO_LENGTH: Final = 16
"""Characters of a decimal string (PS3.5 table 6.2-1): room for a ratio that is known when all frames are encoded."""

_IMAGE_TYPE: Final = 0x00080008
_SOP_INSTANCE_UID: Final = 0x00080018
_DERIVATION_DESCRIPTION: Final = 0x00082111
_SOURCE_IMAGE: Final = 0x00082112
_DERIVATION_CODE: Final = 0x00089215
_LOSSY: Final = 0x00282110
_RATIO: Final = 0x00282112
_METHOD: Final = 0x00282114
_LONGEST_DESCRIPTION: Final = 1024

# PS3.16 CID 7203 Image Derivation.
_LOSSY_COMPRESSION: Final = b"".join(
    (
        encoded(0x00080100, "SH", b"113040"),
        encoded(0x00080102, "SH", b"DCM"),
        encoded(0x00080104, "LO", b"Lossy Compression"),
    )
)

Nested = Callable[[list[Element]], dict[int, bytes]]


def derived_uid(sop_instance_uid: str, transfer_syntax_uid: str) -> str:
    """The SOP Instance UID of the lossy version of an image."""
    return stand_in_uid("lossy", sop_instance_uid, transfer_syntax_uid)


def derived(
    part10: Part10, sop_class_uid: str, sop_instance_uid: str, new_uid: str, method: str, ratio: bytes
) -> dict[int, bytes]:
    """The elements that a lossy version of `part10` has instead of its own; `ratio` is its compression ratio."""
    reference = encoded(0x00081150, "UI", sop_class_uid.encode()) + encoded(0x00081155, "UI", sop_instance_uid.encode())
    kind = _values(part10, _IMAGE_TYPE)[1:] or [b"PRIMARY"]
    description = _values(part10, _DERIVATION_DESCRIPTION, b"\0") + [f"Lossy compression by {method}".encode()]
    return {
        _IMAGE_TYPE: encoded(_IMAGE_TYPE, "CS", b"\\".join([b"DERIVED", *kind])),
        _SOP_INSTANCE_UID: encoded(_SOP_INSTANCE_UID, "UI", new_uid.encode()),
        _DERIVATION_DESCRIPTION: encoded(
            _DERIVATION_DESCRIPTION, "ST", b"; ".join(description)[-_LONGEST_DESCRIPTION:]
        ),
        _SOURCE_IMAGE: _extended(part10, _SOURCE_IMAGE, reference),
        _DERIVATION_CODE: _extended(part10, _DERIVATION_CODE, _LOSSY_COMPRESSION),
        _LOSSY: encoded(_LOSSY, "CS", b"01"),
        _RATIO: encoded(_RATIO, "DS", b"\\".join([*_values(part10, _RATIO), ratio])),
        _METHOD: encoded(_METHOD, "CS", b"\\".join([*_values(part10, _METHOD), method.encode()])),
    }


def _values(part10: Part10, tag: int, separator: bytes = b"\\") -> list[bytes]:
    element = part10.find(tag)
    value = b"" if element is None or element.items is not None else part10.value(element).strip(b"\0 ")
    return [one.strip() for one in value.split(separator)] if value else []


def _extended(part10: Part10, tag: int, item: bytes) -> bytes:
    """A sequence with its own items and one more."""
    element = part10.find(tag)
    items = [] if element is None or element.items is None else element.items
    own = [b"".join(data_set(part10.buffer, one, lambda _: {})) for one in items]
    return sequence(tag, *own, item)
