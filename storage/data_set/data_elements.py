"""Data elements of an encoded data set: where they lie, and how their headers are written (PS3.5 section 7)."""

from dataclasses import dataclass
from functools import partial
from mmap import mmap
from struct import Struct
from typing import Final

from storage.data_set.value_representations import SHORT_FORM

Buffer = bytes | mmap

UNDEFINED: Final = 0xFFFFFFFF

PIXEL_DATA: Final = 0x7FE00010


@dataclass(slots=True)
class Element:
    """Where one data element lies: `offset` and `length` of its value in the scanned buffer, in bytes.

    `items` are the data sets of a sequence, None for everything else. The length of encapsulated Pixel Data is that
    of all fragments with their headers, without the closing delimiter.
    """

    tag: int
    vr: str
    offset: int
    length: int
    items: "list[list[Element]] | None" = None
    big_endian: bool = False


class Encoding:
    """How data element headers are written (PS3.5 annex A)."""

    __slots__ = ("big_endian", "header", "implicit", "item", "new", "short_form", "word")

    def __init__(self, *, implicit: bool, big_endian: bool) -> None:
        order = ">" if big_endian else "<"
        self.implicit = implicit
        self.big_endian = big_endian
        self.header = Struct(f"{order}HH2sH").unpack_from
        self.item = Struct(f"{order}HHL").unpack_from
        self.word = Struct(f"{order}L").unpack_from
        self.short_form: dict[bytes, str] = {} if implicit else SHORT_FORM
        self.new = partial(Element, big_endian=True) if big_endian else Element


EXPLICIT_LITTLE_ENDIAN: Final = Encoding(implicit=False, big_endian=False)
EXPLICIT_BIG_ENDIAN: Final = Encoding(implicit=False, big_endian=True)
IMPLICIT_LITTLE_ENDIAN: Final = Encoding(implicit=True, big_endian=False)
IMPLICIT_BIG_ENDIAN: Final = Encoding(implicit=True, big_endian=True)


def other_byte_order(encoding: Encoding) -> Encoding:
    """The same form of headers in the other byte order."""
    if encoding.implicit:
        return IMPLICIT_LITTLE_ENDIAN if encoding.big_endian else IMPLICIT_BIG_ENDIAN
    return EXPLICIT_LITTLE_ENDIAN if encoding.big_endian else EXPLICIT_BIG_ENDIAN
