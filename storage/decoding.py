"""What a decoder process does with one frame: the cap on its size, the codec, and the shape of the answer."""

from typing import Any

import numpy as np

from storage.decoders import decode
from storage.image_pixels import ImagePixels, Samples, Undecodable
from storage.rendering import Rendering, picture
from storage.stored_image import Ranges, StoredImage


def decoded_frame(
    stored: StoredImage, number: int, ranges: Ranges | None, largest: int
) -> tuple[dict[str, Any], bytes]:
    """Frame `number` as it would lie in Explicit VR Little Endian Pixel Data, and what is then true of it."""
    if stored.is_native:
        return _described(stored.image), stored.encoded_frame(number, ranges)
    samples, image = _samples(stored, number, ranges, largest)
    native = np.packbits(samples, bitorder="little") if image.bits_allocated == 1 else samples
    return _described(image), native.tobytes()


def rendered_frame(
    stored: StoredImage, number: int, ranges: Ranges | None, largest: int, wanted: dict[str, Any]
) -> bytes:
    """The picture of frame `number`; `wanted` are the fields of a `Rendering`."""
    samples, image = _samples(stored, number, ranges, largest)
    return picture(samples, image, stored.header, number, Rendering(**wanted))


def _samples(stored: StoredImage, number: int, ranges: Ranges | None, largest: int) -> tuple[Samples, ImagePixels]:
    image = stored.image
    if image.samples * max(image.bits_allocated // 8, 1) > largest:
        raise Undecodable("The frame is larger than the memory set aside for decoding.")
    return decode(stored.encoded_frame(number, ranges), image, stored.transfer_syntax_uid)


def _described(image: ImagePixels) -> dict[str, Any]:
    return {
        "rows": image.rows,
        "columns": image.columns,
        "samples_per_pixel": image.samples_per_pixel,
        "bits_allocated": image.bits_allocated,
        "bits_stored": image.bits_stored,
        "pixel_representation": image.pixel_representation,
        "photometric_interpretation": image.photometric_interpretation,
        "planar_configuration": image.planar_configuration,
    }
