"""Headers and Image Pixel modules for tests, value by value."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.imaging.header import Header, Value
from storage.imaging.image_pixels import ImagePixels

Array = NDArray[Any]


def us(*numbers: int) -> Value:
    return Value("US", np.asarray(numbers, "<u2").tobytes(), False)


def sl(*numbers: int) -> Value:
    return Value("SL", np.asarray(numbers, "<i4").tobytes(), False)


def fl(*numbers: float) -> Value:
    return Value("FL", np.asarray(numbers, "<f4").tobytes(), False)


def ds(*numbers: float) -> Value:
    return Value("DS", "\\".join(str(number) for number in numbers).encode(), False)


def cs(text: str) -> Value:
    return Value("CS", text.encode(), False)


def image(samples: Array, **changes: Any) -> ImagePixels:
    """The Image Pixel module that describes `samples`."""
    bits = samples.dtype.itemsize * 8
    fields: dict[str, Any] = {
        "rows": samples.shape[0],
        "columns": samples.shape[1],
        "samples_per_pixel": samples.shape[2] if samples.ndim == 3 else 1,
        "bits_allocated": bits,
        "bits_stored": bits,
        "high_bit": bits - 1,
        "pixel_representation": int(samples.dtype.kind == "i"),
        "photometric_interpretation": "RGB" if samples.ndim == 3 else "MONOCHROME2",
        "planar_configuration": 0,
        "number_of_frames": 1,
    }
    return ImagePixels(**(fields | changes))


def overlay_plane(group: int, mask: Array, *, origin: tuple[int, int] = (1, 1), **more: Value) -> dict[int, Value]:
    """The attributes of an overlay in Overlay Data."""
    base = group << 16
    packed = np.packbits(mask, bitorder="little").tobytes()
    row, column = (number % 65536 for number in origin)
    shape = mask.shape[-2:]
    attributes = {0x10: us(shape[0]), 0x11: us(shape[1]), 0x50: Value("SS", us(row, column).encoded, False)}
    attributes |= {0x3000: Value("OW", packed, False)} | {int(name[1:], 16): value for name, value in more.items()}
    return {base | element: value for element, value in attributes.items()}


def with_sequences(values: dict[int, Value], **sequences: Any) -> Header:
    """A header whose sequences are named by their tag, such as `s00700001=[...]`."""
    return Header(values, {int(name[1:], 16): tuple(items) for name, items in sequences.items()})
