"""From the samples of one frame to a JPEG or PNG file (PS3.18 8.7.4 and 8.3.5, PS3.3 C.7.6.3, C.8.11.3, C.11)."""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from storage.imaging.header import Header
from storage.imaging.image_pixels import ImagePixels, Samples, Undecodable
from storage.imaging.photometric import is_palette, palette, rgb
from storage.imaging.presentation import Presentation, presentation
from storage.imaging.rendering import Rendering
from storage.imaging.voi import Floats, Window, looked_up, spread, windowed

if TYPE_CHECKING:
    from PIL.Image import Image

Bytes = NDArray[np.uint8]

MOST_PIXELS = 1 << 26
"""Pixels of the largest picture that is made."""

_AT_ONCE = 1 << 20
_LARGEST_TABLE = 1 << 16
_SAMPLED_FOR_WINDOW = 1 << 16
_SQUARE_ENOUGH = 0.01


def picture(samples: Samples, image: ImagePixels, header: Header, number: int, rendering: Rendering) -> bytes:
    """The file that shows frame `number`, whose decoded `samples` are described by `image`."""
    shown = presentation(header, image, number)
    if image.samples_per_pixel == 3:
        eight = by_rows(lambda rows: rgb(rows, image), samples, samples.shape)
    elif is_palette(image):
        eight = by_rows(palette(header), samples, (*samples.shape, 3))
    else:
        eight = grey(samples, image, shown, rendering.window)
    return _encoded(_framed(eight, shown.pixel_height, rendering), rendering)


def grey(
    samples: Samples, image: ImagePixels, shown: Presentation, window: tuple[float, float, str] | None = None
) -> Bytes:
    """Greyscale samples as 8 bits a pixel, black 0: modality LUT, VOI LUT, then inversion."""
    stored = stored_values(samples, image)
    black_white = _automatic(stored, image, shown) if _needs_window(shown, window) else (0.0, 1.0)

    def chain(values: Samples) -> Bytes:
        return _eight_bits(_chain(values.astype(np.float64), shown, window, black_white))

    low, high = stored.min(), stored.max()
    if image.kind == "float" or int(high) - int(low) > _LARGEST_TABLE:
        return by_rows(chain, stored, stored.shape)
    table = chain(np.arange(int(low), int(high) + 1))
    return by_rows(lambda rows: np.take(table, rows.astype(np.intp) - int(low)), stored, stored.shape)


def by_rows(make: Callable[[Samples], Bytes], samples: Samples, shape: tuple[int, ...]) -> Bytes:
    """What `make` makes of `samples`, some rows at a time: it may need ten times the memory of its argument."""
    made = np.empty(shape, np.uint8)
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
    return 1.0 - result if shown.inverse else result


def _rescaled(values: Floats, shown: Presentation) -> Floats:
    if shown.modality_lut is not None:
        return shown.modality_lut(values)
    if shown.slope == 1.0 and shown.intercept == 0.0:
        return values
    return values * shown.slope + shown.intercept


def _automatic(stored: Samples, image: ImagePixels, shown: Presentation) -> tuple[float, float]:
    """Black and white where the data set names no window: all of 8 bits, else the 1st and 99th percentile.

    Dose and parametric maps span their whole range; fractions of a segmentation their largest possible value.
    """
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


def _ends(low: float, high: float, shown: Presentation) -> tuple[float, float]:
    ends = _rescaled(np.array([low, high]), shown)
    return float(ends.min()), float(ends.max())


def _without_padding(stored: Samples, shown: Presentation) -> Samples:
    """The frame's samples that are numbers and no padding, or a zero where there are none."""
    flat = stored.reshape(-1)
    inside = np.isfinite(flat) if flat.dtype.kind == "f" else np.ones(flat.shape, np.bool_)
    if shown.padding is not None:
        inside &= (flat < shown.padding[0]) | (flat > shown.padding[1])
    return flat[inside] if inside.any() else np.zeros(1, flat.dtype)


def _eight_bits(values: Floats) -> Bytes:
    return (np.nan_to_num(values) * 255.0 + 0.5).astype(np.uint8)


def _framed(eight: Bytes, pixel_height: float, rendering: Rendering) -> "Image":
    """The asked region, with square pixels, inside the viewport."""
    from PIL import Image

    shown = Image.fromarray(eight)
    if rendering.region is not None:
        shown = _region(shown, rendering.region)
    width, height = float(shown.width), float(shown.height)
    if abs(pixel_height - 1.0) > _SQUARE_ENOUGH:
        # The finer direction keeps its resolution.
        width, height = (width, height * pixel_height) if pixel_height > 1 else (width / pixel_height, height)
    if rendering.viewport is not None:
        scale = min(rendering.viewport[0] / width, rendering.viewport[1] / height)
        scale = scale if rendering.enlarge else min(scale, 1.0)
        width, height = width * scale, height * scale
    size = max(round(width), 1), max(round(height), 1)
    if size[0] * size[1] > MOST_PIXELS:
        raise Undecodable("The picture would be larger than any that is made here; ask for a smaller viewport.")
    return shown if size == shown.size else shown.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _region(shown: "Image", region: tuple[float, float, float, float]) -> "Image":
    from PIL import Image

    x, y, width, height = region
    left, right = max(x, 0.0), min(x + abs(width), shown.width)
    top, bottom = max(y, 0.0), min(y + abs(height), shown.height)
    if round(right) - round(left) < 1 or round(bottom) - round(top) < 1:
        raise Undecodable("The region that is asked for lies outside the image.")
    cut = shown.crop((round(left), round(top), round(right), round(bottom)))
    if width < 0:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return cut.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if height < 0 else cut


def _encoded(shown: "Image", rendering: Rendering) -> bytes:
    target = BytesIO()
    if rendering.media_type == "image/png":
        shown.save(target, "PNG", compress_level=3)
    else:
        shown.save(target, "JPEG", quality=rendering.quality, subsampling=0)
    return target.getvalue()
