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

_PIXEL_PRESENTATION: Final = 0x00089205


def is_palette(image: ImagePixels) -> bool:
    """Whether samples are indices into a palette."""
    return image.photometric_interpretation == "PALETTE COLOR"


def rgb(samples: Samples, image: ImagePixels) -> Bytes:
    """Three stored values a pixel as 8 bit RGB; VOI does not apply to colour (C.11.2)."""
    values = _to_eight_bits(samples, image.bits_stored)
    if image.photometric_interpretation.startswith("YBR_PARTIAL"):
        return _converted(values, _FROM_PARTIAL, 16.0)
    if image.photometric_interpretation.startswith("YBR"):
        return _converted(values, _FROM_FULL, 0.0)
    return values


def _to_eight_bits(samples: Samples, bits: int) -> Bytes:
    """The upper 8 bits of wider samples; narrower ones are spread over all of 8 bits."""
    if bits < 8:
        highest = (1 << bits) - 1
        return np.rint(np.minimum(samples, highest) * (255.0 / highest)).astype(np.uint8)
    return np.right_shift(samples, bits - 8).astype(np.uint8, copy=False) if bits > 8 else np.asarray(samples, np.uint8)


def _converted(values: Bytes, matrix: NDArray[np.float32], black: float) -> Bytes:
    centred = values.astype(np.float32) - np.array([black, 128.0, 128.0], np.float32)
    converted: Bytes = np.clip(np.rint(centred @ matrix.T), 0, 255).astype(np.uint8)
    return converted


def palette(header: Header) -> Callable[[Samples], Bytes]:
    """What turns indices into 8 bit RGB, by the three Palette Color Lookup Tables of `header`."""
    tables = [_palette_table(header, number) for number in range(3)]
    channels = [(_eight_bits(table), table.first) for table in tables]

    def colours(samples: Samples) -> Bytes:
        index = samples.astype(np.intp)
        found = [np.take(entries, index - first, mode="clip") for entries, first in channels]
        return np.stack(found, axis=-1)

    return colours


def pseudo_colours(header: Header) -> tuple[Callable[[Samples], Bytes], int] | None:
    """Of a presentation state that has a palette: what turns steps of grey into colours, and the highest step.

    All that the step before can yield is mapped to all entries of the palette (PS3.4 N.2.3).
    """
    if _DESCRIPTOR not in header.values:
        return None
    table, colours = _palette_table(header, 0), palette(header)
    return lambda steps: colours(steps.astype(np.intp) + table.first), len(table.entries) - 1


def has_supplement(header: Header) -> bool:
    """Whether a greyscale image has a Supplemental Palette Color Lookup Table for its upper values (C.7.6.19)."""
    return header.text(_PIXEL_PRESENTATION) in ("COLOR", "MIXED") and _DESCRIPTOR in header.values


def supplemented(grey: Bytes, stored: Samples, header: Header) -> Bytes:
    """`grey` with those pixels in colour whose stored values a supplemental palette is for (C.7.6.19)."""
    first = _palette_table(header, 0).first
    return np.where((stored >= first)[..., np.newaxis], palette(header)(stored), grey[..., np.newaxis])


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
