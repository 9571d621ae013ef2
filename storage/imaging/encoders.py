"""The table from transfer syntax to encoder, and the encoding of one frame (PS3.5 8.2 and annex A.4).

All but JPEG Baseline give back every sample. Codec libraries are imported when a frame first needs them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from storage.imaging.image_pixels import ImagePixels, Samples, Undecodable

JPEG_BASELINE: Final = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS: Final = "1.2.840.10008.1.2.4.70"
JPEG_LS: Final = "1.2.840.10008.1.2.4.80"
JPEG_2000: Final = "1.2.840.10008.1.2.4.90"
HTJ2K: Final = "1.2.840.10008.1.2.4.201"
HTJ2K_RPCL: Final = "1.2.840.10008.1.2.4.202"
RLE: Final = "1.2.840.10008.1.2.5"

_QUALITY: Final = 92
_SIZE_MARKER: Final = b"\xff\x4f\xff\x51"
_FIRST_DEPTH: Final = 42
_SIGNED: Final = 0x80
_DECOMPOSITIONS: Final = 5
_LARGEST_BASE: Final = 64


@dataclass(frozen=True, slots=True)
class Encoding:
    """How frames become one transfer syntax.

    `allocations` are the Bits Allocated that it takes, `photometric` is what a Photometric Interpretation becomes
    (what is not there is not taken), `planar_configuration` that of colour (PS3.5 8.2.2). `lossy_method` is the
    Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1), "" where nothing is lost.
    """

    encoder: Callable[[Samples, ImagePixels], bytes]
    photometric: Mapping[str, str]
    allocations: tuple[int, ...] = (8, 16)
    planar_configuration: int = 0
    lossy_method: str = ""

    def described(self, image: ImagePixels) -> ImagePixels:
        """What is true of a frame once it is encoded; raises `Undecodable` for one that this syntax cannot hold."""
        photometric = self.photometric.get(image.photometric_interpretation)
        if photometric is None or image.kind != "integer" or image.bits_allocated not in self.allocations:
            raise Undecodable("These pixels cannot be encoded in the transfer syntax asked for.")
        if self.lossy_method and image.pixel_representation:
            raise Undecodable("Signed pixels cannot be encoded in the transfer syntax asked for.")
        encoded = replace(image, photometric_interpretation=photometric)
        if self.lossy_method:
            encoded = replace(encoded, bits_stored=8, high_bit=7)
        return replace(encoded, planar_configuration=self.planar_configuration if image.samples_per_pixel > 1 else 0)


@lru_cache(maxsize=64)
def encodings(bits_allocated: int) -> tuple[str, ...]:
    """The transfer syntaxes that images with these Bits Allocated can be had in; none for 0, which is no image."""
    return tuple(uid for uid, encoding in ENCODINGS.items() if bits_allocated in encoding.allocations)


def encode(samples: Samples, image: ImagePixels, transfer_syntax_uid: str) -> bytes:
    """One frame, shaped rows x columns (x 3, colour by pixel), as the content of its fragment, of even length."""
    encoding = ENCODINGS[transfer_syntax_uid]
    encoding.described(image)
    frame = encoding.encoder(np.ascontiguousarray(samples), image)
    return frame + b"\0" * (len(frame) % 2)


def _baseline(samples: Samples, image: ImagePixels) -> bytes:
    from imagecodecs import jpeg8_encode

    if image.samples_per_pixel == 1:
        return bytes(jpeg8_encode(samples, level=_QUALITY))
    colours = "RGB" if image.photometric_interpretation == "RGB" else "YCBCR"
    return bytes(jpeg8_encode(samples, level=_QUALITY, colorspace=colours, outcolorspace="YCBCR", subsampling="422"))


def _jpeg_lossless(samples: Samples, image: ImagePixels) -> bytes:
    """Process 14, selection value 1. Signed samples take all bits: few decoders extend the sign of fewer."""
    from imagecodecs import jpeg8_encode

    bits = image.bits_allocated if image.pixel_representation else max(_bits(samples, image), 2)
    values = samples.view(f"u{samples.dtype.itemsize}").astype("u1" if bits <= 8 else "<u2", copy=False)
    colours = None if image.samples_per_pixel == 1 else "RGB"
    return bytes(
        jpeg8_encode(values, lossless=True, predictor=1, bitspersample=bits, colorspace=colours, outcolorspace=colours)
    )


def _jpeg_ls(samples: Samples, image: ImagePixels) -> bytes:
    """With a precision of Bits Allocated, which browsers' decoders need to get signed samples right."""
    from imagecodecs import jpegls_encode

    return bytes(jpegls_encode(samples.view(f"u{samples.dtype.itemsize}")))


def _jpeg_2000(samples: Samples, image: ImagePixels) -> bytes:
    from imagecodecs import jpeg2k_encode

    bits, letter = _bits(samples, image), "i" if image.pixel_representation else "u"
    # Each resolution halves the image: more of them than it has halves is an error.
    resolutions = min(6, min(image.rows, image.columns).bit_length())
    return bytes(
        jpeg2k_encode(
            samples.astype(f"<{letter}{1 if bits <= 8 else 2}", copy=False),
            level=0,
            codecformat="J2K",
            bitspersample=bits,
            resolutions=resolutions,
            reversible=True,
            mct=image.photometric_interpretation == "RGB",
            planar=False,
            numthreads=1,
        )
    )


def _htj2k(
    samples: Samples, image: ImagePixels, decompositions: int = _DECOMPOSITIONS, *, lengths: bool = False
) -> bytes:
    """One codestream in the order RPCL, which is the only one that the encoder has.

    It takes the width of the type for the precision; PS3.5 8.2.4 wants that of the samples. The two differ by the DC
    level shift of unsigned samples (ISO/IEC 15444-1 G.1) and by what the SIZ marker says: so the difference of the
    shifts is added before, and the marker is set after.
    """
    from imagecodecs import htj2k_encode

    bits, allocated, signed = _bits(samples, image), image.bits_allocated, bool(image.pixel_representation)
    shift = 0 if signed else (1 << allocated - 1) - (1 << bits - 1)
    values = samples + samples.dtype.type(shift)
    encoded = bytearray(
        htj2k_encode(
            values,
            reversible=True,
            planar=False,
            rgb=image.photometric_interpretation == "RGB",
            resolutions=decompositions,
            tlm=lengths,
        )
    )
    depths = encoded.index(_SIZE_MARKER) + _FIRST_DEPTH
    for component in range(image.samples_per_pixel):
        encoded[depths + 3 * component] = bits - 1 | (_SIGNED if signed else 0)
    return bytes(encoded)


def _htj2k_rpcl(samples: Samples, image: ImagePixels) -> bytes:
    """PS3.5 10.18: tile length markers, and so many decompositions that the base resolution is a thumbnail."""
    halvings = (-(-max(image.rows, image.columns) // _LARGEST_BASE) - 1).bit_length()
    return _htj2k(samples, image, max(_DECOMPOSITIONS, halvings), lengths=True)


def _rle(samples: Samples, image: ImagePixels) -> bytes:
    from rle.utils import encode_pixel_data

    # It wants colour by pixel, and sorts the planes itself (PS3.5 G.2).
    return encode_pixel_data(
        samples.tobytes(),
        byteorder="<",
        rows=image.rows,
        columns=image.columns,
        samples_per_pixel=image.samples_per_pixel,
        bits_allocated=image.bits_allocated,
    )


def _bits(samples: Samples, image: ImagePixels) -> int:
    """Bits Stored, or Bits Allocated where samples need more than it admits."""
    low = -(1 << image.bits_stored - 1) if image.pixel_representation else 0
    high = 1 << image.bits_stored - image.pixel_representation
    fit = low <= samples.min() and samples.max() < high
    return image.bits_stored if fit else image.bits_allocated


_GREY: Final = {name: name for name in ("MONOCHROME1", "MONOCHROME2")}
_SAME: Final = _GREY | {name: name for name in ("PALETTE COLOR", "RGB", "YBR_FULL")}
_TRANSFORMED: Final = _SAME | {"RGB": "YBR_RCT"}

# In the order in which they are offered.
ENCODINGS: Final[Mapping[str, Encoding]] = {
    JPEG_LS: Encoding(_jpeg_ls, _SAME),
    JPEG_2000: Encoding(_jpeg_2000, _TRANSFORMED),
    HTJ2K: Encoding(_htj2k, _TRANSFORMED),
    HTJ2K_RPCL: Encoding(_htj2k_rpcl, _TRANSFORMED),
    JPEG_LOSSLESS: Encoding(_jpeg_lossless, _SAME),
    RLE: Encoding(_rle, _SAME, (8, 16, 32), planar_configuration=1),
    JPEG_BASELINE: Encoding(
        _baseline, _GREY | {"RGB": "YBR_FULL_422", "YBR_FULL": "YBR_FULL_422"}, (8,), lossy_method="ISO_10918_1"
    ),
}
