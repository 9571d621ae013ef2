"""Encapsulated Pixel Data: the chain of fragments, and the marks of the compressed images in them (PS3.5 A.4)."""

from array import array
from typing import Final

from storage.data_set.data_elements import Buffer, Encoding
from storage.data_set.element_headers import ends_inside
from storage.data_set.value_representations import describe
from storage.errors import CannotUnderstand

MOST_FRAGMENTS: Final = 2_000_000

# JPEG and JPEG-LS: SOI. JPEG 2000: SOC and SIZ, or the signature box of a JP2 file. JPEG XL: bare or in a container.
_BEGINNINGS: Final = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\x0a", b"\0\0\0\x0cJXL ")
# EOI of JPEG and JPEG-LS and EOC of JPEG 2000 are the same two bytes; padding may follow.
_END: Final = b"\xff\xd9"
_LONGEST_BEGINNING: Final = 8
_LONGEST_PADDED_END: Final = 10


def fragments(buffer: Buffer, tag: int, position: int, end: int, encoding: Encoding) -> "array[int]":
    """Offsets of the item headers from `position` on, that of the closing delimiter last.

    Raises `CannotUnderstand` when there is something else than items, when one reaches beyond `end`, or when the
    delimiter is not there. `tag` is the attribute, for the message.
    """
    offsets = array("Q")
    for _ in range(MOST_FRAGMENTS):
        if position + 8 > end:
            raise CannotUnderstand(f"The data set ends inside {describe(tag)}, before its closing delimiter.")
        group, number, length = encoding.item(buffer, position)
        offsets.append(position)
        if group == 0xFFFE and number == 0xE0DD:
            return offsets
        if group != 0xFFFE or number != 0xE000:
            raise CannotUnderstand(f"{describe(tag)} is encapsulated but holds something that is not a fragment.")
        position += 8 + length
        if position > end:
            raise ends_inside(tag, length, end - position + length, "a fragment of ")
    raise CannotUnderstand(f"{describe(tag)} has more than {MOST_FRAGMENTS} fragments.")


def begins_codestream(buffer: Buffer, start: int, stop: int) -> bool:
    """Whether the bytes from `start` to `stop` begin as a compressed image does."""
    return buffer[start : min(stop, start + _LONGEST_BEGINNING)].startswith(_BEGINNINGS)


def ends_codestream(buffer: Buffer, start: int, stop: int) -> bool:
    """Whether the bytes from `start` to `stop` end as a compressed image does, padding allowed."""
    return _END in buffer[max(start, stop - _LONGEST_PADDED_END) : stop]
