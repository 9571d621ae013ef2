"""Writes a scanned little endian data set as Implicit VR Little Endian (PS3.5 A.1), value by value as the bytes are.

Every node of the DICOM network takes this transfer syntax, so what has it can be sent to anybody.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final

from storage.data_set.data_elements import UNDEFINED, Buffer, Element
from storage.errors import CannotUnderstand

_HEADER: Final = Struct("<HHL")
_ITEM: Final = _HEADER.pack(0xFFFE, 0xE000, UNDEFINED)
_ITEM_END: Final = _HEADER.pack(0xFFFE, 0xE00D, 0)
_SEQUENCE_END: Final = _HEADER.pack(0xFFFE, 0xE0DD, 0)
_AT_ONCE: Final = 1 << 18


def implicit(buffer: Buffer, elements: list[Element]) -> Iterator[bytes]:
    """The data set as pieces of at most 256 kB, never empty; group lengths are left out.

    Pixel Data must be native. Raises `CannotUnderstand` for values in big endian order.
    """
    pending = bytearray()
    for piece in _data_set(buffer, elements):
        pending += piece
        if len(pending) >= _AT_ONCE:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)


def _data_set(buffer: Buffer, elements: list[Element]) -> Iterator[bytes]:
    last_of_each = {element.tag: element for element in elements if element.tag & 0xFFFF}
    for tag in sorted(last_of_each):
        element = last_of_each[tag]
        if element.items is not None:
            yield from _sequence(buffer, tag, element.items)
        else:
            yield from _value(buffer, element)


def _sequence(buffer: Buffer, tag: int, items: list[list[Element]]) -> Iterator[bytes]:
    yield _HEADER.pack(tag >> 16, tag & 0xFFFF, UNDEFINED)
    for item in items:
        yield _ITEM
        yield from _data_set(buffer, item)
        yield _ITEM_END
    yield _SEQUENCE_END


def _value(buffer: Buffer, element: Element) -> Iterator[bytes]:
    if element.big_endian:
        raise CannotUnderstand("Big endian values cannot be copied into a little endian data set.")
    odd = element.length % 2
    yield _HEADER.pack(element.tag >> 16, element.tag & 0xFFFF, element.length + odd)
    end = element.offset + element.length
    for begin in range(element.offset, end, _AT_ONCE):
        yield bytes(buffer[begin : min(begin + _AT_ONCE, end)])
    if odd:
        yield b"\0" if element.vr in ("UI", "OB", "UN") else b" "
