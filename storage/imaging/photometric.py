"""From colour samples to RGB: YBR spaces and palettes (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5 to C.7.6.3.1.6, C.7.9)."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.imaging.header import Header
from storage.imaging.image_pixels import ImagePixels, Samples, Undecodable
from storage.imaging.lookup_tables import LookupTable, lookup_table

Bytes = NDArray[np.uint8]

# PS3.3 C.7.6.3.1.2: the inverse of the YBR_FULL and YBR_PARTIAL equations, for columns Y, Cb, Cr.
_FROM_FULL: Final = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]], np.float32)
_FROM_PARTIAL: Final = np.array([[1.1644, 0, 1.5960], [1.1644, -0.3917, -0.8130], [1.1644, 2.0173, 0]], np.float32)

# Red, green and blue follow one another.
_DESCRIPTOR: Final = 0x00281101
_DATA: Final = 0x00281201
_SEGMENTED_DATA: Final = 0x00281221


def is_palette(image: ImagePixels) -> bool:
    """Whether samples are indices into a palette."""
    return image.photometric_interpretation == "PALETTE COLOR"


def rgb(samples: Samples, image: ImagePixels) -> Bytes:
    """Three samples a pixel as 8 bit RGB; VOI does not apply to colour (C.11.2)."""
    wide = samples.dtype.itemsize > 1
    eight = np.right_shift(samples, max(image.bits_stored - 8, 0)) if wide else samples
    values: Bytes = np.asarray(eight).astype(np.uint8, copy=False)
    if image.photometric_interpretation.startswith("YBR_PARTIAL"):
        return _converted(values, _FROM_PARTIAL, 16.0)
    if image.photometric_interpretation.startswith("YBR"):
        return _converted(values, _FROM_FULL, 0.0)
    return values


def _converted(values: Bytes, matrix: NDArray[np.float32], black: float) -> Bytes:
    centred = values.astype(np.float32) - np.array([black, 128.0, 128.0], np.float32)
    converted: Bytes = np.clip(np.rint(centred @ matrix.T), 0, 255).astype(np.uint8)
    return converted


def palette(header: Header) -> Callable[[Samples], Bytes]:
    """What turns indices into 8 bit RGB, by the three Palette Color Lookup Tables of `header`."""
    tables = [_palette_table(header, number) for number in range(3)]
    if len({(len(table.entries), table.first) for table in tables}) != 1:
        raise Undecodable("The palette's three tables differ in length.")
    colours = np.stack([_eight_bits(table) for table in tables], axis=1)
    first = tables[0].first
    return lambda samples: np.take(colours, samples.astype(np.intp) - first, axis=0, mode="clip")


def _palette_table(header: Header, number: int) -> LookupTable:
    table = lookup_table(header, _DESCRIPTOR + number, _DATA + number, segmented=_SEGMENTED_DATA + number)
    if table is None:
        raise Undecodable("The palette of this PALETTE COLOR image is missing.")
    return table


def _eight_bits(table: LookupTable) -> Bytes:
    # Writers announce 16 bits and then use only the lower 8 of them.
    if table.bits > 8 and table.entries.max(initial=0) > 255:
        return (table.entries >> (table.bits - 8)).astype(np.uint8)
    return table.entries.astype(np.uint8)
