"""The table from transfer syntax to codec, and the decoding of one frame to native samples (PS3.5 8.2 and annex A).

Codec libraries are imported when a frame first needs them: a child that shows CT slices never loads JPEG XL.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from storage.imaging.codestream import Codestream, jpeg, jpeg_2000
from storage.imaging.image_pixels import ImagePixels, Samples, Undecodable

Codec = Callable[[bytes, ImagePixels], tuple[Samples, ImagePixels]]


@dataclass(frozen=True, slots=True)
class Syntax:
    """How one transfer syntax holds a frame; `lossy` where decoding cannot give back what was acquired."""

    codec: Codec
    lossy: bool = False

    @property
    def is_native(self) -> bool:
        """Whether samples lie there uncompressed."""
        return self.codec is native


def decode(frame: bytes, image: ImagePixels, transfer_syntax_uid: str) -> tuple[Samples, ImagePixels]:
    """Decode one frame to samples shaped rows x columns (x 3, colour by pixel), in the type of the data set.

    Returns the samples and the description that now is true of them: photometric interpretation RGB where the codec
    undid a colour transformation, planar configuration 0. Raises `Undecodable`, or whatever the codec raises.
    """
    samples, decoded = syntax(transfer_syntax_uid).codec(frame, image)
    return samples.reshape(decoded.shape), decoded


def syntax(transfer_syntax_uid: str) -> Syntax:
    """The row of the table, or `Undecodable` for video and whatever is not in it."""
    found = SYNTAXES.get(transfer_syntax_uid)
    if found is None:
        kind = "Video" if transfer_syntax_uid in VIDEO else "This transfer syntax"
        raise Undecodable(f"{kind} is not decoded here; retrieve it as it is stored, in {transfer_syntax_uid}.")
    return found


def native(frame: bytes, image: ImagePixels) -> tuple[Samples, ImagePixels]:
    """Samples of an uncompressed little endian frame that starts at its first bit, colour by pixel."""
    needed = -(-image.frame_bits // 8)
    if len(frame) < needed:
        raise Undecodable("The frame holds fewer bytes than Rows, Columns and Bits Allocated demand.")
    by_pixel = replace(image, planar_configuration=0)
    if image.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(frame, np.uint8, needed), count=image.samples, bitorder="little")
        return bits, by_pixel
    values = np.frombuffer(frame, image.dtype, image.frame_bits // image.bits_allocated)
    if image.subsampled and image.samples_per_pixel == 3:
        return _upsampled(values, image), replace(by_pixel, photometric_interpretation=_full(image))
    if image.planar_configuration == 1:
        return _by_pixel(values, image), by_pixel
    return values, by_pixel


def _full(image: ImagePixels) -> str:
    return image.photometric_interpretation.removesuffix("_422")


def _upsampled(values: Samples, image: ImagePixels) -> Samples:
    """One Y, Cb, Cr per pixel from the order Y1 Y2 Cb Cr of C.7.6.3.1.2."""
    if image.columns % 2:
        raise Undecodable("Chrominance is subsampled although Columns is odd.")
    pairs = values.reshape(-1, 4)
    whole = np.empty((len(pairs), 2, 3), values.dtype)
    whole[:, :, 0] = pairs[:, :2]
    whole[:, :, 1:] = pairs[:, np.newaxis, 2:]
    return whole


def _by_pixel(values: Samples, image: ImagePixels) -> Samples:
    planes = values.reshape(image.samples_per_pixel, image.rows, image.columns)
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


def _deflated_frame(frame: bytes, image: ImagePixels) -> tuple[Samples, ImagePixels]:
    """PS3.5 A.4.20: each frame is a raw deflate stream, possibly with a byte of padding behind it."""
    needed = -(-image.frame_bits // 8)
    return native(zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, needed), image)


def _jpeg(frame: bytes, image: ImagePixels) -> tuple[Samples, ImagePixels]:
    from imagecodecs import jpeg8_decode

    found = _agreeing(jpeg(frame), image)
    if found.components == 1:
        return _fitted(jpeg8_decode(frame), found, image, image.bits_stored), _by_codec(image, found)
    stored = "RGB" if found.lossless or not _is_ycbcr(found, image) else "YCBCR"
    samples = jpeg8_decode(frame, colorspace=stored, outcolorspace="RGB")
    photometric = image.photometric_interpretation if found.lossless else "RGB"
    return _fitted(samples, found, image, image.bits_stored), _by_codec(image, found, photometric)


def _is_ycbcr(found: Codestream, image: ImagePixels) -> bool:
    """Whether lossy JPEG holds YCbCr: its own marks count more than the data set, which often is wrong."""
    if found.adobe_transform is not None:
        return found.adobe_transform != 0
    if found.jfif:
        return True
    if found.component_ids in ((82, 71, 66), (114, 103, 98)):
        return False
    return image.photometric_interpretation != "RGB"


def _jpeg_ls(frame: bytes, image: ImagePixels) -> tuple[Samples, ImagePixels]:
    from imagecodecs import jpegls_decode

    found = _agreeing(jpeg(frame), image)
    samples = _fitted(jpegls_decode(frame), found, image, found.precision)
    return samples, _by_codec(image, found)


def _jpeg_2000(frame: bytes, image: ImagePixels) -> tuple[Samples, ImagePixels]:
    from openjpeg.utils import Version, decode_pixel_data

    found = _agreeing(jpeg_2000(frame), image)
    container = 1 if found.precision <= 8 else 2 if found.precision <= 16 else 4
    letter = "i" if found.signed else "u"
    samples = np.frombuffer(decode_pixel_data(frame, version=Version.v2), f"<{letter}{container}")
    photometric = image.photometric_interpretation
    if photometric in ("YBR_ICT", "YBR_RCT"):
        photometric = "RGB"
    decoded = _by_codec(image, found, photometric)
    if found.signed == bool(image.pixel_representation):
        return _in_type(samples, image), decoded
    return _fitted(samples, found, image, found.precision), decoded


def _jpeg_xl(frame: bytes, image: ImagePixels) -> tuple[Samples, ImagePixels]:
    from imagecodecs import jpegxl_decode

    samples = np.asarray(jpegxl_decode(frame, numthreads=1))
    if samples.shape != image.shape:
        raise Undecodable("The codestream has other dimensions than the data set.")
    photometric = image.photometric_interpretation
    if image.samples_per_pixel == 3 and photometric != "YBR_FULL":
        photometric = "RGB"
    decoded = replace(image, planar_configuration=0, photometric_interpretation=photometric)
    return _in_type(samples, image), decoded


def _rle(frame: bytes, image: ImagePixels) -> tuple[Samples, ImagePixels]:
    from rle.utils import decode_frame  # type: ignore[attr-defined]

    planes = decode_frame(frame, image.rows * image.columns, image.bits_allocated, "<")
    return _by_pixel(np.frombuffer(planes, image.dtype), image), replace(image, planar_configuration=0)


def _agreeing(found: Codestream | None, image: ImagePixels) -> Codestream:
    """The codestream's header, if it announces what the data set says; memory is only spent after this."""
    if found is None:
        raise Undecodable("The frame is no codestream of its transfer syntax.")
    if (found.rows, found.columns, found.components) != (image.rows, image.columns, image.samples_per_pixel):
        raise Undecodable("The codestream has other dimensions than the data set.")
    if found.precision > image.bits_allocated:
        raise Undecodable("The codestream has more bits per sample than Bits Allocated.")
    return found


def _by_codec(image: ImagePixels, found: Codestream, photometric: str = "") -> ImagePixels:
    """What is true of decoded samples. Codestreams hold more bits than Bits Stored admits often enough to count."""
    bits = max(image.bits_stored, found.precision)
    return replace(
        image,
        planar_configuration=0,
        photometric_interpretation=photometric or image.photometric_interpretation,
        bits_stored=bits,
        high_bit=max(image.high_bit, bits - 1),
    )


def _fitted(samples: Any, found: Codestream, image: ImagePixels, bits: int) -> Samples:
    """`samples` in the type of the data set; its low `bits` bits are the two's complement of signed samples."""
    values = _in_type(np.asarray(samples), image)
    spare = values.dtype.itemsize * 8 - bits
    if spare and (image.pixel_representation or found.signed):
        values = np.right_shift(np.left_shift(values, spare), spare)
    return values


def _in_type(samples: Samples, image: ImagePixels) -> Samples:
    if samples.dtype.itemsize == image.dtype.itemsize:
        return samples.view(image.dtype)
    return samples.astype(image.dtype)


_JPEG: Final = Syntax(_jpeg)
_LOSSY_JPEG: Final = Syntax(_jpeg, lossy=True)
_NATIVE: Final = Syntax(native)

SYNTAXES: Final[dict[str, Syntax]] = {
    "1.2.840.10008.1.2": _NATIVE,
    "1.2.840.10008.1.2.1": _NATIVE,
    "1.2.840.10008.1.2.2": _NATIVE,
    "1.2.840.10008.1.2.1.99": _NATIVE,
    "1.2.840.10008.1.2.1.98": _NATIVE,
    "1.2.840.113619.5.2": _NATIVE,
    "1.2.840.10008.1.2.8.1": Syntax(_deflated_frame),
    "1.2.840.10008.1.2.4.50": _LOSSY_JPEG,
    "1.2.840.10008.1.2.4.51": _LOSSY_JPEG,
    "1.2.840.10008.1.2.4.53": _LOSSY_JPEG,
    "1.2.840.10008.1.2.4.55": _LOSSY_JPEG,
    "1.2.840.10008.1.2.4.57": _JPEG,
    "1.2.840.10008.1.2.4.70": _JPEG,
    "1.2.840.10008.1.2.4.80": Syntax(_jpeg_ls),
    "1.2.840.10008.1.2.4.81": Syntax(_jpeg_ls, lossy=True),
    "1.2.840.10008.1.2.4.90": Syntax(_jpeg_2000),
    "1.2.840.10008.1.2.4.91": Syntax(_jpeg_2000, lossy=True),
    "1.2.840.10008.1.2.4.92": Syntax(_jpeg_2000),
    "1.2.840.10008.1.2.4.93": Syntax(_jpeg_2000, lossy=True),
    "1.2.840.10008.1.2.4.110": Syntax(_jpeg_xl),
    "1.2.840.10008.1.2.4.111": Syntax(_jpeg_xl, lossy=True),
    "1.2.840.10008.1.2.4.112": Syntax(_jpeg_xl, lossy=True),
    "1.2.840.10008.1.2.4.201": Syntax(_jpeg_2000),
    "1.2.840.10008.1.2.4.202": Syntax(_jpeg_2000),
    "1.2.840.10008.1.2.4.203": Syntax(_jpeg_2000, lossy=True),
    "1.2.840.10008.1.2.5": Syntax(_rle),
}
VIDEO: Final = frozenset(f"1.2.840.10008.1.2.4.{number}{part}" for number in range(100, 109) for part in ("", ".1"))
