"""The Basic Application Level Confidentiality Profile (PS3.15 E.2) for one copy of instances.

Nothing is retained that an option could retain. Pixels are not looked at: what is written in them stays, so whoever
passes such images on has to look at them first (see `burned_in`).
"""

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, Literal

from storage.confidentiality.basic_profile import EMPTIED, REMOVED, RENAMED, REPLACED
from storage.data_set import part10
from storage.data_set.dicom_json import BULK_DATA_MARK, model
from storage.data_set.encoder import Encoder, encode
from storage.data_set.json_values import Json, written
from storage.data_set.part10 import EXPLICIT_VR_LITTLE_ENDIAN, FileMeta
from storage.data_set.repertoires import text_encoder
from storage.data_set.value_representations import OTHER, is_private
from storage.errors import CannotUnderstand
from storage.identifiers import stand_in_uid

_STANDARD_UIDS: Final = "1.2.840.10008."
_PIXELS: Final = "7FE00010"
_NOT_OF_IMAGES: Final = frozenset({"00083002"})
_LARGEST_TABLE: Final = 16 << 20
_AT_ONCE: Final = 1 << 20
_PATIENT_ID: Final = "00100020"
_PATIENT_NAME: Final = "00100010"

_NOTHING: Final = "ANONYM"
_DUMMIES: Final[dict[str, Any]] = {
    **{"DA": "19000101", "DT": "19000101000000", "TM": "000000", "AS": "000Y", "PN": {"Alphabetic": _NOTHING}},
    **dict.fromkeys(("DS", "IS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"), 0),
    **dict.fromkeys(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"), _NOTHING),
}
"""A value that says nothing, by VR; what has none here is emptied."""

_MARKS: Final[Json] = {
    "00120062": {"vr": "CS", "Value": ["YES"]},
    "00120063": {"vr": "LO", "Value": ["PS3.15 Basic Application Level Confidentiality Profile"]},
    "00120064": {
        "vr": "SQ",
        "Value": [
            {
                "00080100": {"vr": "SH", "Value": ["113100"]},
                "00080102": {"vr": "SH", "Value": ["DCM"]},
                "00080104": {"vr": "LO", "Value": ["Basic Application Confidentiality Profile"]},
            }
        ],
    },
    "00280303": {"vr": "CS", "Value": ["REMOVED"]},
}
"""Patient Identity Removed, by which method, and that dates went too (E.1.1, PS3.3 C.7.1.1 and C.12.1)."""

# Images of these often show names: what devices write into their pictures, photographs, scans, screens.
_OFTEN_WRITTEN_ON: Final = frozenset({"US", "IVUS", "XC", "ES", "GM", "OP", "OT", "SC", "DOC", "DG", "RF", "BMD"})
_SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"


class Anonymiser:
    """One copy: the same UID becomes the same other one everywhere in it, and nobody can tell which it was."""

    def __init__(self) -> None:
        self._secret = secrets.token_hex(16)
        self._patient = f"{_NOTHING}-{secrets.token_hex(4).upper()}"

    def uid(self, uid: str) -> str:
        """What a UID becomes in this copy; those of the standard stay."""
        return uid if uid.startswith(_STANDARD_UIDS) else stand_in_uid("anonymous", self._secret, uid)

    def instance(self, file: BinaryIO) -> tuple[Json, Iterator[bytes]]:
        """The data set of an image in Explicit VR Little Endian, and its whole Part 10 file in pieces, anonymised.

        Raises `CannotUnderstand` for what is no such image.
        """
        read = part10.read(file)
        pixels = read.find(int(_PIXELS, 16))
        if read.meta.transfer_syntax_uid != EXPLICIT_VR_LITTLE_ENDIAN or pixels is None or not pixels.length:
            raise CannotUnderstand("Only uncompressed images are anonymised.")
        json, bulk_data = model(read)

        def table(path: str) -> bytes:
            offset, length = bulk_data[path]
            return bytes(read.buffer[offset : offset + length]) if length <= _LARGEST_TABLE else b""

        vr = json[_PIXELS]["vr"]
        made = self.data_set(json, table)
        sop_class, sop_instance = (str(made[tag]["Value"][0]) for tag in ("00080016", "00080018"))
        encoder = Encoder(EXPLICIT_VR_LITTLE_ENDIAN, text_encoder(()))
        head = FileMeta(sop_class, sop_instance, EXPLICIT_VR_LITTLE_ENDIAN).encode()
        head += encode(made, EXPLICIT_VR_LITTLE_ENDIAN) + encoder.header(_PIXELS, vr, pixels.length)
        return made, _file(head, read, pixels.offset, pixels.length)

    def data_set(self, json: Json, table: Callable[[str], bytes] = lambda path: b"") -> Json:
        """A data set of the DICOM JSON model without Pixel Data, with the profile applied; `table` gives bulk data.

        Attributes come as the table of the profile wants it; those that it does not name stay, in sequences too.
        """
        made = self._items(json, table)
        made[_PATIENT_NAME] = {"vr": "PN", "Value": [{"Alphabetic": _NOTHING}]}
        made[_PATIENT_ID] = {"vr": "LO", "Value": [self._patient]}
        return dict(sorted((made | _MARKS).items()))

    def _items(self, json: Json, table: Callable[[str], bytes]) -> Json:
        changed = ((tag, self._element(tag, element, table)) for tag, element in json.items())
        return {tag: element for tag, element in changed if element is not None}

    def _element(self, tag: str, element: Json, table: Callable[[str], bytes]) -> Json | None:
        vr = element["vr"]
        if _goes(tag, vr):
            return None
        if tag in EMPTIED:
            return {"vr": vr}
        if tag in RENAMED or vr == "UI":
            return element | {"Value": [self.uid(str(one)) for one in element.get("Value", [])]}
        if tag in REPLACED:
            return {"vr": vr, "Value": [_DUMMIES[vr]]} if vr in _DUMMIES else {"vr": vr}
        if vr == "SQ":
            return element | {"Value": [self._items(item, table) for item in element.get("Value", [])]}
        if uri := element.get("BulkDataURI"):
            value = table(uri.removeprefix(BULK_DATA_MARK)) if vr in OTHER else b""
            return {"vr": vr, "InlineBinary": b64encode(value).decode()} if value else None
        return element


def burned_in(json: Json) -> Literal["no", "perhaps", "yes"]:
    """Whether words are written into the pixels of an image, as far as its data set tells (PS3.3 C.7.6.1.1)."""
    stated = written(json, "00280301")
    if stated in ("YES", "NO"):
        return "yes" if stated == "YES" else "no"
    often = written(json, "00080060") in _OFTEN_WRITTEN_ON or written(json, "00080016").startswith(_SECONDARY_CAPTURE)
    return "perhaps" if often else "no"


def _goes(tag: str, vr: str) -> bool:
    """What the table removes, and what nobody knows: private attributes, curves, overlays, unknown values."""
    repeating = tag.startswith(("50", "60"))
    unknown = is_private(int(tag, 16)) or vr == "UN" or tag in _NOT_OF_IMAGES
    return tag in REMOVED or repeating or unknown or tag.startswith("7FE0")


def _file(head: bytes, read: part10.Part10, offset: int, length: int) -> Iterator[bytes]:
    yield head
    for begin in range(offset, offset + length, _AT_ONCE):
        yield bytes(read.buffer[begin : min(begin + _AT_ONCE, offset + length)])
