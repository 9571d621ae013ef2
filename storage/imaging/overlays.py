"""Overlay planes (PS3.3 C.9.2): graphics and regions, one bit a pixel, in a group of their own or beside the pixels."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.imaging.header import Header
from storage.imaging.image_pixels import ImagePixels, Samples

Mask = NDArray[np.bool_]

GROUPS: Final = range(0x6000, 0x6020, 2)

# Element numbers in every overlay group.
_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FRAME_ORIGIN = 0x0010, 0x0011, 0x0015, 0x0050, 0x0051
_BIT_POSITION, _DATA = 0x0102, 0x3000


def overlay(header: Header, image: ImagePixels, samples: Samples, number: int, groups: Iterable[int]) -> Mask | None:
    """Where any overlay of `groups` draws on frame `number` (from 1), whose decoded `samples` may hold some of them.

    None where nothing is drawn. Planes that contradict themselves draw nothing.
    """
    whole: Mask | None = None
    for group in groups:
        for plane in _planes(header, image, samples, number, group << 16):
            whole = plane if whole is None else whole | plane
    return whole


def plane_bits(header: Header, group: int) -> Mask | None:
    """The first frame of the plane of `group` in its own rows and columns, as bitmap shutters have it (C.7.6.15)."""
    return _stored(header, group << 16, 0)


def _planes(header: Header, image: ImagePixels, samples: Samples, number: int, base: int) -> Iterator[Mask]:
    if base | _DATA in header.values:
        frame = number - int(header.number(base | _FRAME_ORIGIN) or 1)
        frames = int(header.number(base | _FRAMES) or 1)
        # One plane without an origin of frames is for all of them.
        every = frames == 1 and base | _FRAME_ORIGIN not in header.values
        bits = _stored(header, base, 0 if every else frame) if every or 0 <= frame < frames else None
    else:
        bits = _embedded(header, image, samples, base)
    if bits is not None:
        yield _placed(bits, header.numbers(base | _ORIGIN), image)


def _stored(header: Header, base: int, frame: int) -> Mask | None:
    """Frame `frame` (from 0) of the plane in Overlay Data; frames lie behind one another without padding."""
    data = header.words(base | _DATA) or b""
    rows, columns = int(header.number(base | _ROWS) or 0), int(header.number(base | _COLUMNS) or 0)
    first, count = frame * rows * columns, rows * columns
    if not count or first + count > len(data) * 8:
        return None
    packed = np.frombuffer(data, np.uint8)[first // 8 : (first + count + 7) // 8]
    bits = np.unpackbits(packed, bitorder="little")[first % 8 : first % 8 + count]
    return bits.astype(np.bool_).reshape(rows, columns)


def _embedded(header: Header, image: ImagePixels, samples: Samples, base: int) -> Mask | None:
    """The retired form: the plane is a bit of each pixel that Bits Stored leaves free (PS3.3 C.9.2.1.1 until 2004)."""
    position = header.number(base | _BIT_POSITION)
    lowest = image.high_bit + 1 - image.bits_stored
    if position is None or image.kind != "integer" or image.samples_per_pixel != 1 or base | _ROWS not in header.values:
        return None
    if not 0 <= position < image.bits_allocated or lowest <= position <= image.high_bit:
        return None
    return np.asarray(np.right_shift(samples, int(position)) & 1, np.bool_)


def _placed(bits: Mask, origin: tuple[float, ...], image: ImagePixels) -> Mask:
    """The plane on the image: Overlay Origin is row and column of its upper left corner, from 1."""
    whole = np.zeros((image.rows, image.columns), np.bool_)
    row, column = (int(origin[0]) - 1, int(origin[1]) - 1) if len(origin) > 1 else (0, 0)
    top, left = max(row, 0), max(column, 0)
    bottom, right = min(row + bits.shape[0], image.rows), min(column + bits.shape[1], image.columns)
    if top < bottom and left < right:
        whole[top:bottom, left:right] = bits[top - row : bottom - row, left - column : right - column]
    return whole
