"""Writes a scanned data set as Explicit VR Little Endian (PS3.5 A.2), value by value as the bytes are.

No value is parsed, so nothing that a device wrote can be lost, mended or refused: numbers of big endian data sets
are turned round, everything else is copied.
"""

from collections.abc import Callable, Iterator, Mapping
from struct import Struct
from typing import Final

import numpy as np

from storage.data_set.data_elements import UNDEFINED, Buffer, Element
from storage.data_set.value_representations import LONG_FORM, SHORT_FORM

Nested = Callable[[list[Element]], Mapping[int, bytes]]

_SHORT: Final = Struct("<HH2sH")
_LONG: Final = Struct("<HH2sHL")
_ITEM: Final = Struct("<HHL")
_ITEM_END: Final = _ITEM.pack(0xFFFE, 0xE00D, 0)
SEQUENCE_END: Final = _ITEM.pack(0xFFFE, 0xE0DD, 0)
"""What stands behind the last item of a sequence, and behind the last fragment."""
_LONGEST_SHORT: Final = 0xFFFE
_WORDS: Final = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_NUL_PADDED: Final = frozenset({"UI", "OB", "UN"})


def element_header(tag: int, vr: str, length: int) -> bytes:
    """Tag, VR and length of one element; a value too long for its VR becomes UN (PS3.5 6.2.2)."""
    if vr.encode() in SHORT_FORM and length <= _LONGEST_SHORT:
        return _SHORT.pack(tag >> 16, tag & 0xFFFF, vr.encode(), length)
    long_vr = vr if vr.encode() in LONG_FORM else "UN"
    return _LONG.pack(tag >> 16, tag & 0xFFFF, long_vr.encode(), 0, length)


def encoded(tag: int, vr: str, value: bytes) -> bytes:
    """One whole element, its value padded to even length."""
    if len(value) % 2:
        value += b"\0" if vr in _NUL_PADDED else b" "
    return element_header(tag, vr, len(value)) + value


def sequence(tag: int, *items: bytes) -> bytes:
    """A sequence whose items are these encoded data sets."""
    whole = b"".join(_ITEM.pack(0xFFFE, 0xE000, len(item)) + item for item in items)
    return element_header(tag, "SQ", len(whole)) + whole


def encapsulation(tag: int, table: int) -> bytes:
    """The beginning of encapsulated Pixel Data (PS3.5 A.4): a Basic Offset Table of `table` words, all 0, or none."""
    return element_header(tag, "OB", UNDEFINED) + _ITEM.pack(0xFFFE, 0xE000, 4 * table) + bytes(4 * table)


def fragment_header(length: int) -> bytes:
    """What stands before a fragment of `length` bytes."""
    return _ITEM.pack(0xFFFE, 0xE000, length)


def data_set(
    buffer: Buffer, elements: list[Element], nested: Nested, replaced: Mapping[int, bytes] | None = None
) -> Iterator[bytes]:
    """The elements in ascending order, as pieces to be written behind one another; group lengths are left out.

    `replaced` are whole elements that take the place of those with their tag, or are added; empty ones remove.
    `nested` gives what to replace in an item of a sequence.
    """
    one_each: dict[int, Element | bytes] = {element.tag: element for element in elements if element.tag & 0xFFFF}
    one_each |= replaced or {}
    for tag in sorted(one_each):
        element = one_each[tag]
        if isinstance(element, bytes):
            yield element
        elif element.items is not None:
            yield from _sequence(buffer, element, element.items, nested)
        else:
            yield from _value(buffer, element)


def is_encapsulated(buffer: Buffer, element: Element) -> bool:
    """Whether Pixel Data consist of fragments (PS3.5 A.4): their length is undefined."""
    return bytes(buffer[element.offset - 4 : element.offset]) == UNDEFINED.to_bytes(4, "little")


def _sequence(buffer: Buffer, element: Element, items: list[list[Element]], nested: Nested) -> Iterator[bytes]:
    yield element_header(element.tag, "SQ", UNDEFINED)
    for item in items:
        yield _ITEM.pack(0xFFFE, 0xE000, UNDEFINED)
        yield from data_set(buffer, item, nested, nested(item))
        yield _ITEM_END
    yield SEQUENCE_END


def _value(buffer: Buffer, element: Element) -> Iterator[bytes]:
    value = buffer[element.offset : element.offset + element.length]
    word = _WORDS.get(element.vr, 1) if element.big_endian else 1
    if word > 1 and element.length % word == 0:
        value = np.frombuffer(value, f"u{word}").byteswap().tobytes()
    yield element_header(element.tag, element.vr, element.length + element.length % 2)
    yield bytes(value)
    if element.length % 2:
        yield b"\0" if element.vr in _NUL_PADDED else b" "
