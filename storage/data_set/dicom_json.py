"""Data sets in the DICOM JSON model (PS3.18 annex F)."""

import math
from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from struct import Struct, unpack
from typing import Any, Final

from storage.data_set.character_sets import DEFAULT_REPERTOIRE, CharacterSets, character_sets, terms_of
from storage.data_set.data_elements import Buffer, Element
from storage.data_set.part10 import Part10
from storage.data_set.value_representations import OTHER

BULK_DATA_MARK: Final = "bulkdata:"

_LARGEST_INLINE_BINARY: Final = 1 << 10
_LARGEST_INLINE_TEXT: Final = 1 << 20
_LARGEST_INLINE_ALTOGETHER: Final = 32 << 20

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_NOT_IN_DATA_SETS: Final = (0x0000, 0x0002)  # Commands (PS3.7) and file meta information (PS3.10).

_BINARY: Final = OTHER | {"UN"}
# What is repeated in the unit of its words when the byte order changes (PS3.5 7.3).
_WORD: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_NUMBER: Final = {
    "US": ("H", 2),
    "SS": ("h", 2),
    "UL": ("L", 4),
    "SL": ("l", 4),
    "UV": ("Q", 8),
    "SV": ("q", 8),
    "FL": ("f", 4),
    "FD": ("d", 8),
}
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_LARGEST_INTEGER: Final = 1 << 63

Json = dict[str, Any]


def model(part10: Part10) -> tuple[Json, dict[str, tuple[int, int]]]:
    """The data set as DICOM JSON, and where the values lie that it refers to by `BulkDataURI`.

    Text is Unicode and Specific Character Set says so (ISO_IR 192). Binary values are `InlineBinary` up to 1 KiB, in
    little endian; longer ones, Pixel Data, and text or numbers beyond 1 MiB are `BULK_DATA_MARK` + path, the path
    being tags and item indexes from 0 ("54000100/0/54001010"). The second result maps each path to (offset, length)
    in `part10.buffer`. Values that are not what their VR demands are given as strings, or as VR UN if they are
    no numbers at all. NaN and infinities become the strings "NaN", "Infinity" and "-Infinity".
    """
    largest = _LARGEST_INLINE_TEXT if _is_moderate(part10) else _LARGEST_INLINE_BINARY
    json, bulk_data = attributes(part10.buffer, part10.elements, largest)
    json["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    json["00083002"] = {"vr": "UI", "Value": [part10.meta.transfer_syntax_uid]}
    return {key: json[key] for key in sorted(json)}, bulk_data


def attributes(
    buffer: Buffer,
    elements: list[Element],
    largest: int = _LARGEST_INLINE_TEXT,
    text: CharacterSets = DEFAULT_REPERTOIRE,
) -> tuple[Json, dict[str, tuple[int, int]]]:
    """`model` of some elements alone, whose text is in these character sets unless they themselves declare others.

    Text and numbers of more than `largest` bytes are referred to.
    """
    bulk_data: dict[str, tuple[int, int]] = {}
    return _Model(buffer, bulk_data, largest).data_set(elements, text, ""), bulk_data


def character_sets_of(buffer: Buffer, elements: list[Element]) -> CharacterSets:
    """The character sets that a data set declares."""
    text = DEFAULT_REPERTOIRE
    for element in elements:
        if element.tag == _SPECIFIC_CHARACTER_SET and element.length and element.vr in _VALUES:
            text = character_sets(terms_of(buffer[element.offset : element.offset + element.length]))
    return text


def _is_moderate(part10: Part10) -> bool:
    """Whether text and numbers altogether are little enough to be held in memory as Python objects."""
    if len(part10.buffer) <= _LARGEST_INLINE_ALTOGETHER:
        return True
    return sum(e.length for e in part10.elements if e.vr not in _BINARY) <= _LARGEST_INLINE_ALTOGETHER


class _Model:
    def __init__(self, buffer: Buffer, bulk_data: dict[str, tuple[int, int]], largest: int) -> None:
        self._buffer = buffer
        self._bulk_data = bulk_data
        self._largest = largest

    def data_set(self, elements: list[Element], text: CharacterSets, path: str) -> Json:
        json: Json = {}
        buffer, largest, values = self._buffer, self._largest, _VALUES
        for element in elements:
            tag, vr, length = element.tag, element.vr, element.length
            if tag & 0xFFFF == 0 or tag >> 16 in _NOT_IN_DATA_SETS:
                continue
            if not length and vr != "SQ":
                json[key_of(tag)] = {"vr": vr}
                continue
            read = values.get(vr)
            if read is None or length > largest:
                json[key_of(tag)] = self._other(element, text, path)
                continue
            value = buffer[element.offset : element.offset + length]
            if tag == _SPECIFIC_CHARACTER_SET:
                text = character_sets(terms_of(value))
                value = b"ISO_IR 192"
            found = read(value, element.big_endian, text)
            if found:
                json[key_of(tag)] = {"vr": vr, "Value": found}
            else:
                json[key_of(tag)] = {"vr": vr} if found is not None else _binary("UN", value, element)
        return json

    def _other(self, element: Element, text: CharacterSets, path: str) -> Json:
        key = key_of(element.tag)
        if element.items is not None:
            if not element.items:
                return {"vr": "SQ"}
            items = [self.data_set(item, text, f"{path}{key}/{i}/") for i, item in enumerate(element.items)]
            return {"vr": "SQ", "Value": items}
        vr = element.vr if len(element.vr) == 2 and element.vr != "SQ" else "UN"
        if element.length <= _LARGEST_INLINE_BINARY and element.tag not in _PIXELS and vr in _BINARY:
            return _binary(vr, self._buffer[element.offset : element.offset + element.length], element)
        self._bulk_data[path + key] = (element.offset, element.length)
        return {"vr": vr, "BulkDataURI": f"{BULK_DATA_MARK}{path}{key}"}


@lru_cache(maxsize=8192)
def key_of(tag: int) -> str:
    """The name of an attribute in the model."""
    return f"{tag:08X}"


def _binary(vr: str, value: bytes, element: Element) -> Json:
    size = _WORD.get(vr, 1)
    if element.big_endian and size > 1 and len(value) % size == 0:
        value = b"".join(value[i : i + size][::-1] for i in range(0, len(value), size))
    return {"vr": vr, "InlineBinary": b64encode(value).decode("ascii")}


# Every reader gets the encoded value, whether it is big endian, and the character sets; it returns the values, none
# of them if there is nothing but padding, or None when the bytes cannot be of that VR.
_Reader = Callable[[bytes, bool, CharacterSets], list[Any] | None]


def _strings(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
    whole = value.decode("latin-1").rstrip("\0 ")
    if "\\" in whole:
        return _split(whole)
    return [whole] if whole else []


def _texts(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
    return _split(value.decode("ascii") if value.isascii() and b"\x1b" not in value else text.decode(value))


def _one_text(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
    whole = text.decode(value).rstrip("\0 ")
    return [whole] if whole else []


def _uri(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
    return _one_text(value, big_endian, DEFAULT_REPERTOIRE)


def _split(whole: str) -> list[Any]:
    if "\\" in whole:
        values = [part.rstrip("\0 ") or None for part in whole.split("\\")]
        return values if any(value is not None for value in values) else []
    whole = whole.rstrip("\0 ")
    return [whole] if whole else []


def _names(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
    values = _texts(value, big_endian, text) or []
    return [None if name is None else _name(name) for name in values]


def _name(name: str) -> dict[str, str] | None:
    """Component groups of a person name (PS3.5 6.2.1); what is empty is left out."""
    if "=" not in name:
        return {"Alphabetic": name}
    groups = zip(_GROUPS, name.split("="), strict=False)
    return {label: group.rstrip(" ") for label, group in groups if group.strip(" ")} or None


def _decimals(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
    try:
        number = float(value)  # One number is what there mostly is.
    except ValueError:
        number = math.nan
    if math.isfinite(number) and b"_" not in value:
        return [number]
    return [None if part is None else _decimal(part) for part in _split(value.decode("latin-1"))]


def _decimal(part: str) -> float | str:
    try:
        number = float(part)
    except ValueError:
        return part
    return number if math.isfinite(number) and "_" not in part else part


def _integers(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
    return [None if part is None else _integer(part) for part in _split(value.decode("latin-1"))]


def _integer(part: str) -> float | str:
    try:
        number = int(part)
    except ValueError:
        return _decimal(part)
    return number if -_LARGEST_INTEGER <= number < _LARGEST_INTEGER and "_" not in part else part


def _number_reader(code: str, size: int) -> _Reader:
    little, big = Struct("<" + code).unpack, Struct(">" + code).unpack

    def numbers(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
        length = len(value)
        if length == size:
            return list(big(value) if big_endian else little(value))
        if length % size:
            return None
        return list(unpack(f"{'>' if big_endian else '<'}{length // size}{code}", value))

    return numbers


def _float_reader(code: str, size: int) -> _Reader:
    numbers = _number_reader(code, size)

    def floats(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
        found = numbers(value, big_endian, text)
        return found and [number if math.isfinite(number) else _special(number) for number in found]

    return floats


def _special(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _tags(value: bytes, big_endian: bool, text: CharacterSets) -> list[Any] | None:
    if len(value) % 4:
        return None
    words = unpack(f"{'>' if big_endian else '<'}{len(value) // 2}H", value)
    return [f"{group:04X}{number:04X}" for group, number in zip(words[::2], words[1::2], strict=True)]


_VALUES: Final[dict[str, _Reader]] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI"), _strings),
    **dict.fromkeys(("LO", "SH", "UC"), _texts),
    **dict.fromkeys(("LT", "ST", "UT"), _one_text),
    **{vr: _number_reader(*_NUMBER[vr]) for vr in ("US", "SS", "UL", "SL", "UV", "SV")},
    **{vr: _float_reader(*_NUMBER[vr]) for vr in ("FL", "FD")},
    "AT": _tags,
    "DS": _decimals,
    "IS": _integers,
    "PN": _names,
    "UR": _uri,
}
