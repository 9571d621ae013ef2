"""Decodes identifiers and other small data sets that come without a file: of C-FIND, C-MOVE, N-ACTION (PS3.7)."""

from base64 import b64encode
from typing import Any, Final

from storage.data_set.character_sets import terms_of
from storage.data_set.data_elements import (
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    Encoding,
)
from storage.data_set.dicom_json import attributes
from storage.data_set.encoder import CHARACTER_SET, in_other_byte_order
from storage.data_set.scanner import Scanner

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_ENCODINGS: Final = {"1.2.840.10008.1.2": IMPLICIT_LITTLE_ENDIAN, "1.2.840.10008.1.2.2": EXPLICIT_BIG_ENDIAN}


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """How data sets are written in this transfer syntax; all but two are Explicit VR Little Endian (PS3.5 annex A)."""
    return _ENCODINGS.get(transfer_syntax_uid, EXPLICIT_LITTLE_ENDIAN)


def decode(data: bytes, transfer_syntax_uid: str) -> dict[str, Any]:
    """The data set as DICOM JSON (PS3.18 F.2), every value inline, tags in ascending order.

    Text is Unicode; Specific Character Set still says how it was encoded, so that an answer can be encoded alike; it
    is missing where the peer left it out. Raises `CannotUnderstand` when the data set is cut short or malformed.
    """
    elements = Scanner(data).scan(0, encoding_of(transfer_syntax_uid)) if data else []
    json, references = attributes(data, elements, len(data))
    for path, (offset, length) in references.items():
        _put_inline(json, path.split("/"), data[offset : offset + length], encoding_of(transfer_syntax_uid).big_endian)
    for element in elements:
        if element.tag == _SPECIFIC_CHARACTER_SET:
            terms = terms_of(data[element.offset : element.offset + element.length])
            json[CHARACTER_SET] = (
                {"vr": "CS", "Value": [term or None for term in terms]} if any(terms) else {"vr": "CS"}
            )
    return dict(sorted(json.items()))


def _put_inline(json: dict[str, Any], path: list[str], value: bytes, big_endian: bool) -> None:
    """Replace a reference, at `path` of tags and item numbers, by the bytes."""
    for tag, item in zip(path[:-1:2], path[1:-1:2], strict=True):
        json = json[tag]["Value"][int(item)]
    element = json[path[-1]]
    value = in_other_byte_order(element["vr"], value) if big_endian else value
    json[path[-1]] = {"vr": element["vr"], "InlineBinary": b64encode(value).decode("ascii")}
