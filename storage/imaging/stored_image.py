"""One kept instance as the decoder sees it: what its header says of its pixels, and the bytes of each frame."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Final

import numpy as np

from storage.data_set.frames import FrameTable, locate
from storage.data_set.part10 import Part10, read
from storage.errors import NoSuchInstance
from storage.imaging.header import Header, header
from storage.imaging.image_pixels import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    PIXEL_DATA,
    ImagePixels,
    Undecodable,
    describe,
)

Ranges = Sequence[tuple[int, int]]

# GE's private syntax: Implicit VR Little Endian whose pixels are big endian.
GE_BIG_ENDIAN_PIXELS: Final = "1.2.840.113619.5.2"
_LARGEST_KEPT: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class PixelValue:
    """Where pixels lie: offset and length in the file, or in `inflated` where the data set is deflated.

    `word` is the number of bytes that must be reversed to get little endian, 1 for none.
    """

    tag: int
    offset: int
    length: int
    word: int
    inflated: bytes | bytearray | None


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An instance with pixels, opened once and good for many frames; it keeps no file open."""

    path: Path
    transfer_syntax_uid: str
    header: Header
    image: ImagePixels
    pixels: PixelValue
    frames: FrameTable | None
    is_native: bool
    """Whether frames lie behind one another uncompressed, not in fragments."""

    @property
    def may_be_kept(self) -> bool:
        """Whether it is small enough to be kept for the next request."""
        inflated = len(self.pixels.inflated) if self.pixels.inflated is not None else 0
        return inflated + self.header.size <= _LARGEST_KEPT

    @property
    def frame_count(self) -> int:
        """Frames that are wholly there; raises `Undecodable` where they cannot be told apart."""
        if self.is_native:
            return min(self.image.number_of_frames, self.pixels.length * 8 // self.image.frame_bits)
        if self.frames is None:
            raise Undecodable("The frames of this instance cannot be told apart.")
        return self.frames.count

    def encoded_frame(self, number: int, ranges: Ranges | None) -> bytes:
        """Frame `number` (from 1) as it is encoded, native ones little endian and from their first bit on.

        `ranges` say where an encapsulated one lies in the file, if the caller knows. Raises `NoSuchInstance` for a
        frame that is not wholly there.
        """
        if self.is_native:
            return self._native_frame(number)
        if ranges is None:
            if self.frames is None:
                raise Undecodable("The frames of this instance cannot be told apart.")
            ranges = self.frames.ranges(number)
        with self.path.open("rb") as file:
            return b"".join(os.pread(file.fileno(), length, offset) for offset, length in ranges)

    def _native_frame(self, number: int) -> bytes:
        bits, count = self.image.frame_bits, self.frame_count
        if not 1 <= number <= count:
            raise NoSuchInstance(f"There is no frame {number}: the image has {count}.")
        first = (number - 1) * bits
        start, word = first // 8, self.pixels.word
        begin, end = start // word * word, -(-(first + bits) // (8 * word)) * word
        data = self.native_bytes(begin, min(end, self.pixels.length))
        data = data[start - begin : start - begin + -(-(first % 8 + bits) // 8)]
        return data if bits % 8 == 0 else _from_first_bit(data, first % 8, bits)

    def native_bytes(self, begin: int, end: int) -> bytes:
        """Bytes `begin` to `end` of the whole native value, little endian; both are multiples of 8 or its end."""
        offset, word = self.pixels.offset + begin, self.pixels.word
        if self.pixels.inflated is not None:
            data = bytes(self.pixels.inflated[offset : offset + end - begin])
        else:
            with self.path.open("rb") as file:
                data = os.pread(file.fileno(), end - begin, offset)
        if word == 1:
            return data
        return np.frombuffer(data[: len(data) // word * word], f"u{word}").byteswap().tobytes()


def open_image(path: Path) -> StoredImage:
    """Read the header of the instance at `path`; `Undecodable` if it has none or they are not described."""
    with path.open("rb") as file:
        part10 = read(file)
    elements = {element.tag: element for element in part10.elements}
    tag = next((tag for tag in (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA) if tag in elements), None)
    if tag is None:
        raise Undecodable("This instance holds no image; retrieve it as application/dicom.")
    found = header(part10.buffer, part10.elements)
    image = describe(found, tag)
    syntax = part10.meta.transfer_syntax_uid
    pixels = _pixel_value(part10, tag, image)
    is_native = part10.fragments is None
    frames = None if is_native else locate(part10)
    return StoredImage(path, syntax, found, image, pixels, frames, is_native)


def _pixel_value(part10: Part10, tag: int, image: ImagePixels) -> PixelValue:
    element = next(element for element in reversed(part10.elements) if element.tag == tag)
    big_endian = element.big_endian or part10.meta.transfer_syntax_uid == GE_BIG_ENDIAN_PIXELS
    word = max(image.bits_allocated // 8, 1) if big_endian else 1
    if big_endian and word == 1 and element.vr == "OW":
        word = 2
    inflated = part10.buffer if not part10.in_file and not isinstance(part10.buffer, mmap) else None
    return PixelValue(tag, element.offset, element.length, word, inflated)


def _from_first_bit(data: bytes, shift: int, bits: int) -> bytes:
    """`bits` bits of packed single-bit pixels, moved so that they begin in the first bit (PS3.5 8.1.1)."""
    unpacked = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[shift : shift + bits]
    return np.packbits(unpacked, bitorder="little").tobytes()
