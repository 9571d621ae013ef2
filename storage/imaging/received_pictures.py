"""The pixels of PNG and GIF files that are stored as Pixel Data (PS3.18 10.5.2): native samples, and what they are."""

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from storage.imaging.image_pixels import Samples, Undecodable

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS: Final = {"image/png": "PNG", "image/gif": "GIF"}
"""The media types that are taken, by what Pillow calls them."""

_OPAQUE: Final = 255
# Bit depth and colour type in the header of a PNG (ISO/IEC 15948 11.2.2); Pillow would keep 8 of 16 bits of colours.
_DEPTH, _COLOUR_TYPE = 24, 25
_WIDEST_PIXEL: Final = 4
# Where an ICC profile names the space of its colours (ICC.1 7.2.8).
_SPACE: Final = slice(16, 20)


def native(data: bytes, media_type: str, samples: int, largest: int) -> tuple[dict[str, Any], bytes]:
    """One frame as it would lie in Pixel Data of Explicit VR Little Endian, colour by pixel, and its description.

    Grey becomes MONOCHROME2, everything else RGB; with 3 `samples` grey of 8 bits becomes RGB too. Bits Stored are as
    many as the greatest sample needs. The ICC profile of colours comes as base64, empty for none. Raises `Undecodable`
    for what takes more than `largest` bytes, what is no such file, and what DICOM has no place for: moving pictures,
    transparency; and for 16 bits a channel of colour.
    """
    picture = _opened(data, media_type, largest)
    pixels = _shaped(picture, samples)
    profile: bytes = picture.info.get("icc_profile") or b""
    rows, columns = pixels.shape[:2]
    allocated = 8 * pixels.dtype.itemsize
    needed = max(int(pixels.max()).bit_length(), 1)
    described = {
        "rows": rows,
        "columns": columns,
        "samples_per_pixel": 1 if pixels.ndim == 2 else 3,
        "bits_allocated": allocated,
        "bits_stored": needed,
        "high_bit": needed - 1,
        "pixel_representation": 0,
        "photometric_interpretation": "MONOCHROME2" if pixels.ndim == 2 else "RGB",
        "planar_configuration": 0,
        "icc_profile": b64encode(profile).decode() if pixels.ndim == 3 and profile[_SPACE] == b"RGB " else "",
    }
    return described, pixels.astype(f"<u{allocated // 8}", copy=False).tobytes()


def _opened(data: bytes, media_type: str, largest: int) -> "Image":
    from PIL import Image, UnidentifiedImageError

    try:
        opened = Image.open(BytesIO(data), formats=[FORMATS[media_type]])
    except UnidentifiedImageError:
        raise Undecodable(f"The pixels are no {media_type}, as their part says they are.") from None
    if opened.width * opened.height * _WIDEST_PIXEL > largest:
        raise Undecodable("The picture is larger than the memory set aside for decoding.")
    if getattr(opened, "n_frames", 1) > 1:
        raise Undecodable("A moving picture is not taken: each frame is a part of its own.")
    if opened.format == "PNG" and data[_DEPTH] == 16 and data[_COLOUR_TYPE] != 0:
        raise Undecodable("Of colours 8 bits a channel are taken; wider ones as application/octet-stream.")
    return opened


def _shaped(picture: "Image", samples: int) -> Samples:
    if picture.mode == "I;16":
        if "transparency" in picture.info:
            raise _transparent()
        return np.asarray(picture)
    # A palette is how a GIF, and a PNG that wants to be small, say grey too.
    has_palette = picture.mode == "P"
    has_alpha = picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info
    if has_alpha and picture.convert("RGBA").getchannel("A").getextrema()[0] != _OPAQUE:
        raise _transparent()
    pixels = np.asarray(picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB"))
    if has_palette and samples != 3 and (pixels == pixels[..., :1]).all():
        return pixels[..., 0]
    return np.repeat(pixels[..., np.newaxis], 3, axis=2) if samples == 3 and pixels.ndim == 2 else pixels


def _transparent() -> Undecodable:
    return Undecodable("A picture that is transparent anywhere is not taken: Pixel Data have no such thing.")
