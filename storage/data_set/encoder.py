"""Encodes data sets that are made, not kept: DICOM JSON (PS3.18 annex F) in one of the native transfer syntaxes."""

from base64 import b64decode
from collections.abc import Callable, Iterable
from functools import lru_cache
from struct import Struct, pack
from typing import Any, Final

from storage.data_set.repertoires import TextEncoder, text_encoder
from storage.data_set.value_representations import LONG_FORM, OTHER, SHORT_FORM

CHARACTER_SET: Final = "00080005"
UNICODE: Final = "ISO_IR 192"

IMPLICIT: Final = "1.2.840.10008.1.2"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"

_LONGEST_SHORT: Final = 0xFFFE
_LONGEST_DECIMAL: Final = 16
_TEXTS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_CODES: Final = {
    **{"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"},
}
# What is repeated in the unit of its words when the byte order changes (PS3.5 7.3).
_WORDS: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_NUL_PADDED: Final = OTHER | {"UI", "UN"}


def encode(data_set: dict[str, Any], transfer_syntax_uid: str) -> bytes:
    """`data_set` in Implicit or Explicit VR Little Endian or Explicit VR Big Endian, each value of even length.

    Text is written in the data set's own Specific Character Set if all of it can be, else in ISO_IR 192, and Specific
    Character Set says which; it is left out where none was stated and none is needed. Group lengths are not written,
    bulk data elsewhere cannot be: they raise `ValueError`, like values that their VR cannot hold.
    """
    try:
        return Encoder(transfer_syntax_uid, text_encoder(stated_terms(data_set))).data_set(data_set)
    except UnicodeEncodeError:
        unicode = {**data_set, CHARACTER_SET: {"vr": "CS", "Value": [UNICODE]}}
        return Encoder(transfer_syntax_uid, text_encoder((UNICODE,))).data_set(unicode)


def stated_terms(data_set: dict[str, Any]) -> tuple[str, ...]:
    """The values of Specific Character Set (0008,0005)."""
    stated = data_set.get(CHARACTER_SET, {}).get("Value") or []
    return tuple("" if term is None else str(term) for term in stated)


def in_other_byte_order(vr: str, value: bytes) -> bytes:
    """A binary value of words with the bytes of each turned round."""
    size = _WORDS.get(vr, 1)
    if size == 1 or len(value) % size:
        return value
    return b"".join(value[at : at + size][::-1] for at in range(0, len(value), size))


class Encoder:
    """Encodes in one transfer syntax and in the character sets of `text`; raises what that raises, and `ValueError`."""

    def __init__(self, transfer_syntax_uid: str, text: TextEncoder) -> None:
        self._order = ">" if transfer_syntax_uid == BIG_ENDIAN else "<"
        self._header = _implicit_header if transfer_syntax_uid == IMPLICIT else _EXPLICIT_HEADERS[self._order]
        self._item = Struct(f"{self._order}HHL").pack
        self._text = text

    def data_set(self, data_set: dict[str, Any]) -> bytes:
        """All elements in ascending order."""
        return b"".join([self.element(tag, data_set[tag]) for tag in sorted(data_set)])

    def element(self, tag: str, element: dict[str, Any]) -> bytes:
        """One element with its header."""
        vr = element["vr"]
        value = self._value(vr, element)
        if len(value) % 2:
            value += self.padding(vr)
        return self._header(tag, vr, len(value)) + value

    def header(self, tag: str, vr: str, length: int) -> bytes:
        """The header of an element whose value comes from elsewhere."""
        return self._header(tag, vr, length)

    def padding(self, vr: str) -> bytes:
        """What makes a value of odd length even (PS3.5 6.2)."""
        return b"\0" if vr in _NUL_PADDED else b" "

    def _value(self, vr: str, element: dict[str, Any]) -> bytes:
        values = element.get("Value")
        if not values:
            return self._binary(vr, element)
        if vr in _TEXTS:
            text = "\\".join([_name(value) if vr == "PN" else _text(value) for value in values])
            return text.encode("ascii") if text.isascii() else self._text(text)
        if vr == "SQ":
            return b"".join(map(self._of_item, values))
        if vr in _CODES:
            return pack(f"{self._order}{len(values)}{_CODES[vr]}", *_numbers(vr, values))
        if vr == "AT":
            return b"".join(_tag(self._order, value) for value in values)
        form = _decimal if vr == "DS" else _text
        return "\\".join([form(value) for value in values]).encode("utf-8" if vr == "UR" else "latin-1", "replace")

    def _of_item(self, item: dict[str, Any]) -> bytes:
        encoded = self.data_set(item or {})
        return self._item(0xFFFE, 0xE000, len(encoded)) + encoded

    def _binary(self, vr: str, element: dict[str, Any]) -> bytes:
        if "BulkDataURI" in element:
            raise ValueError("bulk data are elsewhere")
        value = b64decode(element.get("InlineBinary", ""))
        return in_other_byte_order(vr, value) if self._order == ">" else value


def _implicit_header(tag: str, vr: str, length: int) -> bytes:
    return _tag("<", tag) + length.to_bytes(4, "little")


def _explicit_header(order: str) -> Callable[[str, str, int], bytes]:
    short, long = Struct(f"{order}2sH").pack, Struct(f"{order}2sHL").pack

    def header(tag: str, vr: str, length: int) -> bytes:
        code = vr.encode("ascii")
        if code in SHORT_FORM and length <= _LONGEST_SHORT:
            return _tag(order, tag) + short(code, length)
        # A value too long for its VR becomes UN (PS3.5 6.2.2).
        return _tag(order, tag) + long(code if code in LONG_FORM else b"UN", 0, length)

    return header


@lru_cache(maxsize=4096)
def _tag(order: str, tag: str) -> bytes:
    number = int(tag, 16)
    return pack(f"{order}HH", number >> 16, number & 0xFFFF)


_EXPLICIT_HEADERS: Final = {order: _explicit_header(order) for order in "<>"}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _name(value: Any) -> str:
    """Component groups of a person name (PS3.5 6.2.1)."""
    if not isinstance(value, dict):
        return _text(value)
    return "=".join([_text(value.get(group)) for group in _GROUPS]).rstrip("=")


def _decimal(value: Any) -> str:
    """At most 16 characters (PS3.5 6.2, DS), as exact as these allow."""
    text = _text(value)
    digits = 16
    while len(text) > _LONGEST_DECIMAL and isinstance(value, float):
        text = f"{value:.{digits}g}"
        digits -= 1
    return text


def _numbers(vr: str, values: Iterable[Any]) -> list[Any]:
    """NaN and infinities come as strings (PS3.18 F.2.3)."""
    return [float(value) if vr in ("FL", "FD") else int(value) for value in values]
