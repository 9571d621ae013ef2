"""From stored values to 8 bits of grey: modality LUT, VOI LUT, presentation LUT (PS3.3 C.11, C.7.5.1.1.2)."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from storage.imaging.image_pixels import ImagePixels, Samples
from storage.imaging.presentation import Presentation
from storage.imaging.voi import Floats, Window, looked_up, spread, windowed

Bytes = NDArray[np.uint8]
Steps = NDArray[np.unsignedinteger[Any]]

_Made = TypeVar("_Made", bound=np.generic)

_AT_ONCE = 1 << 20
_LARGEST_TABLE = 1 << 16
_SAMPLED_FOR_WINDOW = 1 << 16


def grey(
    samples: Samples, image: ImagePixels, shown: Presentation, window: tuple[float, float, str] | None = None
) -> Bytes:
    """Greyscale samples as 8 bits a pixel, black 0: modality LUT, VOI LUT, presentation LUT, then inversion.

    Padding is no image: it becomes background, black, also where the image is shown inverted.
    """
    return steps(samples, image, shown, window, 255).astype(np.uint8, copy=False)


def steps(
    samples: Samples, image: ImagePixels, shown: Presentation, window: tuple[float, float, str] | None, highest: int
) -> Steps:
    """The same in steps from 0 to `highest`, at most 65535."""
    stored = stored_values(samples, image)
    black_white = _automatic(stored, image, shown) if _needs_window(shown, window) else (0.0, 1.0)
    kind = np.min_scalar_type(highest)

    def chain(values: Samples) -> Steps:
        made = _stepped(_chain(values.astype(np.float64), shown, window, black_white), highest)
        if shown.padding is not None:
            made[is_padding(values, shown)] = 0
        return made

    low, high = stored.min(), stored.max()
    if image.kind == "float" or int(high) - int(low) > _LARGEST_TABLE:
        return by_rows(chain, stored, stored.shape, kind)
    values = np.arange(int(low), int(high) + 1)
    table = chain(values)
    if stored.dtype.itemsize > 2:
        return by_rows(lambda rows: np.take(table, rows.astype(np.intp) - int(low)), stored, stored.shape, kind)
    # Looking up by the bits of a value, whatever its sign, saves the wide copy that a subtraction makes.
    unsigned = np.dtype(f"u{stored.dtype.itemsize}")
    by_bits = np.zeros(1 << 8 * unsigned.itemsize, kind)
    by_bits[values % len(by_bits)] = table
    return by_rows(lambda rows: np.take(by_bits, rows.view(unsigned)), stored, stored.shape, kind)


def is_padding(stored: Samples, shown: Presentation) -> NDArray[np.bool_]:
    """Which stored values are no image."""
    if shown.padding is None:
        return np.zeros(stored.shape, np.bool_)
    return (stored >= shown.padding[0]) & (stored <= shown.padding[1])


def by_rows(
    make: Callable[[Samples], NDArray[_Made]],
    samples: Samples,
    shape: tuple[int, ...],
    kind: "np.dtype[_Made] | type[_Made]",
) -> NDArray[_Made]:
    """What `make` makes of `samples`, some rows at a time: it may need ten times the memory of its argument."""
    made = np.empty(shape, kind)
    step = max(_AT_ONCE * len(samples) // max(samples.size, 1), 1)
    for first in range(0, len(samples), step):
        made[first : first + step] = make(samples[first : first + step])
    return made


def stored_values(samples: Samples, image: ImagePixels) -> Samples:
    """Samples without what lies above Bits Stored (PS3.5 8.1.1: overlays, or anything)."""
    bits = image.dtype.itemsize * 8
    spare, above = bits - image.bits_stored, bits - 1 - image.high_bit
    if not spare or image.bits_allocated == 1:
        return samples
    return np.right_shift(np.left_shift(samples, above), spare)


def _needs_window(shown: Presentation, window: tuple[float, float, str] | None) -> bool:
    return window is None and shown.voi_lut is None and shown.window is None


def _chain(
    values: Floats, shown: Presentation, window: tuple[float, float, str] | None, black_white: tuple[float, float]
) -> Floats:
    rescaled = _rescaled(values, shown)
    if window is not None:
        result = windowed(rescaled, Window(*window))
    elif shown.voi_lut is not None:
        result = looked_up(rescaled, shown.voi_lut)
    elif shown.window is not None:
        result = windowed(rescaled, shown.window)
    else:
        result = spread(rescaled, *black_white)
    if shown.presentation_lut is not None:
        # Its input is whatever the step before yields, stretched to all of its entries (C.11.4).
        lut = shown.presentation_lut
        return looked_up(np.rint(result * (len(lut.entries) - 1)) + lut.first, lut)
    return 1.0 - result if shown.inverse else result


def _rescaled(values: Floats, shown: Presentation) -> Floats:
    if shown.modality_lut is not None:
        return shown.modality_lut(values)
    if shown.slope == 1.0 and shown.intercept == 0.0:
        return values
    return values * shown.slope + shown.intercept


def _automatic(stored: Samples, image: ImagePixels, shown: Presentation) -> tuple[float, float]:
    """Black and white where nothing names a window: all of 8 bits, else the 1st and 99th percentile.

    Dose and parametric maps span their whole range; fractions of a segmentation their largest possible value.
    """
    if shown.is_identity and image.kind == "integer":
        return _whole_range(image, shown)
    if image.bits_allocated <= 8 and not image.pixel_representation:
        highest = shown.largest_fraction or float((1 << image.bits_stored) - 1)
        return _ends(0.0, highest, shown)
    values = _without_padding(stored, shown)
    whole = float(values.min()), float(values.max())
    if shown.modality != "RTDOSE" and image.kind != "float":
        # An odd step, so that it does not stay in one column of the image.
        low, high = np.percentile(values[:: max(values.size // _SAMPLED_FOR_WINDOW, 1) | 1], (1, 99))
        whole = (float(low), float(high)) if high > low else whole
    return _ends(*whole, shown)


def _whole_range(image: ImagePixels, shown: Presentation) -> tuple[float, float]:
    """What the modality LUT can yield at all: a VOI LUT that is not there is the identity (C.11.8)."""
    if shown.modality_lut is not None:
        return 0.0, float((1 << shown.modality_lut.bits) - 1)
    half = 1 << image.bits_stored - 1
    low, high = (-half, half - 1) if image.pixel_representation else (0, 2 * half - 1)
    return _ends(float(low), float(high), shown)


def _ends(low: float, high: float, shown: Presentation) -> tuple[float, float]:
    ends = _rescaled(np.array([low, high]), shown)
    return float(ends.min()), float(ends.max())


def _without_padding(stored: Samples, shown: Presentation) -> Samples:
    """The frame's samples that are numbers and no padding, or a zero where there are none."""
    flat = stored.reshape(-1)
    inside = np.isfinite(flat) if flat.dtype.kind == "f" else np.ones(flat.shape, np.bool_)
    inside &= ~is_padding(flat, shown)
    return flat[inside] if inside.any() else np.zeros(1, flat.dtype)


def _stepped(values: Floats, highest: int) -> Steps:
    made: Steps = (np.nan_to_num(values) * float(highest) + 0.5).astype(np.min_scalar_type(highest))
    return made
