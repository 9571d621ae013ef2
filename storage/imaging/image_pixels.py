"""The Image Pixel module (PS3.3 C.7.6.3): how the bytes of a frame become samples."""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.imaging.header import Header

Samples = NDArray[Any]


class Undecodable(Exception):
    """The pixels cannot be had; the message is one sentence for the caller and holds no value of the data set."""


@dataclass(frozen=True, slots=True)
class ImagePixels:
    """The attributes that describe one frame, after checking that they can be meant.

    `kind` is "integer" for Pixel Data, "float" for (Double) Float Pixel Data.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    photometric_interpretation: str
    planar_configuration: int
    number_of_frames: int
    kind: str = "integer"

    @property
    def samples(self) -> int:
        """Samples in one frame."""
        return self.rows * self.columns * self.samples_per_pixel

    @property
    def subsampled(self) -> bool:
        """Whether native frames hold one pair of chrominance samples for two pixels (C.7.6.3.1.2)."""
        return self.photometric_interpretation in ("YBR_FULL_422", "YBR_PARTIAL_422")

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame as it lies in Pixel Data."""
        if self.subsampled and self.samples_per_pixel == 3:
            return self.rows * self.columns * 2 * self.bits_allocated
        return self.samples * self.bits_allocated

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Little endian type of one sample (unsigned bytes for single bits)."""
        if self.kind == "float":
            return np.dtype(f"<f{self.bits_allocated // 8}")
        letter = "i" if self.pixel_representation else "u"
        return np.dtype(f"<{letter}{max(self.bits_allocated // 8, 1)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns, and samples where there is more than one."""
        return (self.rows, self.columns, self.samples_per_pixel)[: 2 if self.samples_per_pixel == 1 else 3]


FLOAT_PIXEL_DATA: Final = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA: Final = 0x7FE00009
PIXEL_DATA: Final = 0x7FE00010

_FLOAT_BITS: Final = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64}
_ALLOCATIONS: Final = (1, 8, 16, 32, 64)


def describe(header: Header, pixels: int = PIXEL_DATA) -> ImagePixels:
    """The Image Pixel module of `header`, or `Undecodable` naming the attribute that makes no sense.

    `pixels` is the tag of the attribute that holds them.
    """
    samples = _whole(header, 0x00280002, 1)
    allocated = _FLOAT_BITS.get(pixels) or _whole(header, 0x00280100, 0)
    stored = _whole(header, 0x00280101, allocated)
    stored = stored if 0 < stored <= allocated else allocated
    described = ImagePixels(
        rows=_whole(header, 0x00280010, 0),
        columns=_whole(header, 0x00280011, 0),
        samples_per_pixel=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_high_bit(header, allocated, stored),
        pixel_representation=_whole(header, 0x00280103, 0),
        photometric_interpretation=header.text(0x00280004) or ("RGB" if samples == 3 else "MONOCHROME2"),
        planar_configuration=_whole(header, 0x00280006, 0) if samples > 1 else 0,
        number_of_frames=max(_whole(header, 0x00280008, 1), 1),
        kind="integer" if pixels == PIXEL_DATA else "float",
    )
    _check(described)
    return described


def _check(described: ImagePixels) -> None:
    if described.rows < 1 or described.columns < 1:
        raise Undecodable("Rows or Columns is missing or zero.")
    if described.samples_per_pixel not in (1, 3):
        raise Undecodable("Samples per Pixel is neither 1 nor 3.")
    if described.bits_allocated not in _ALLOCATIONS:
        raise Undecodable("Bits Allocated is none of 1, 8, 16, 32 and 64.")
    if described.pixel_representation not in (0, 1):
        raise Undecodable("Pixel Representation is neither 0 nor 1.")


def _high_bit(header: Header, allocated: int, stored: int) -> int:
    """High Bit where it leaves room for Bits Stored; the standard now demands Bits Stored - 1 (PS3.5 8.1.1)."""
    high = _whole(header, 0x00280102, stored - 1)
    return high if stored <= high + 1 <= allocated else stored - 1


def _whole(header: Header, tag: int, absent: int) -> int:
    number = header.number(tag)
    return absent if number is None or not isfinite(number) else int(number)
