import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from storage.errors import Refusal
from storage.imaging.decoders import SYNTAXES, VIDEO, decode, native
from storage.imaging.greyscale import stored_values
from storage.imaging.image_pixels import ImagePixels, Undecodable
from storage.pixels import DecodedFrame, Pixels
from tests.support.corpus import bundled, shared
from tests.support.pixel_sources import kept, oracle, plain_files

Array = NDArray[Any]

BASELINE, LOSSLESS_JPEG, JPEG_LS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"
JPEG_2000, JPEG_XL, JPEG_XL_LOSSY = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.112"
HTJ2K, DEFLATED_FRAME, EXPLICIT = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.1"


def jls(samples: Array) -> bytes:
    return bytes(imagecodecs.jpegls_encode(samples))


def ljpeg(samples: Array) -> bytes:
    return bytes(imagecodecs.ljpeg_encode(samples))


def jpeg(samples: Array, **options: Any) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(samples, **options))


def j2k(samples: Array, **options: Any) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(samples, level=0, codecformat="j2k", **options))


def jxl(samples: Array, **options: Any) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(samples, **options))


def image(samples: Array, photometric: str = "", bits_stored: int = 0, **changes: int) -> ImagePixels:
    """The description that fits `samples`."""
    bits = samples.dtype.itemsize * 8
    per_pixel = samples.shape[2] if samples.ndim == 3 else 1
    fields: dict[str, Any] = {
        "rows": samples.shape[0],
        "columns": samples.shape[1],
        "samples_per_pixel": per_pixel,
        "bits_allocated": bits,
        "bits_stored": bits_stored or bits,
        "high_bit": (bits_stored or bits) - 1,
        "pixel_representation": int(samples.dtype.kind == "i"),
        "photometric_interpretation": photometric or ("RGB" if per_pixel == 3 else "MONOCHROME2"),
        "planar_configuration": 0,
        "number_of_frames": 1,
    }
    return ImagePixels(**(fields | changes))


def ramp(dtype: str, low: int, high: int, shape: tuple[int, ...] = (24, 40)) -> Array:
    return np.linspace(low, high, int(np.prod(shape))).astype(dtype).reshape(shape)


GREY12 = ramp("<u2", 0, 4095)
COLOUR = ramp("u1", 0, 255, (24, 40, 3))


@pytest.fixture(scope="module")
def pixels() -> Iterator[Pixels]:
    service = Pixels(plain_files(), processes=1)
    yield service
    service.close()


def test_frames_are_equal_to_what_any_plugin_of_pydicom_decodes(pixels: Pixels) -> None:
    compared = 0
    for path in (*bundled(), *shared("transfer_syntax", "colour", "encapsulation")):
        try:
            frame = pixels.decoded(*kept(path), 1)
        except Refusal:
            continue
        expected = oracle(path)
        if expected is None:
            continue
        samples = _samples(frame)
        if not np.array_equal(samples, expected):
            # Codecs round differently only where a lossy codestream is brought back to RGB.
            assert frame.photometric_interpretation == "RGB", path.name
            assert _distance(samples, oracle(path, raw=False)) <= 1, path.name
        compared += 1
    assert compared >= 60


def _samples(frame: DecodedFrame) -> Array:
    fields = asdict(frame)
    described = ImagePixels(
        **{name: fields[name] for name in fields if name not in ("pixels", "icc_profile")}, number_of_frames=1
    )
    samples, decoded = native(frame.pixels, described)
    return stored_values(samples.reshape(decoded.shape), decoded)


def _distance(one: Array, other: Array | None) -> int:
    assert other is not None
    return int(np.abs(one.astype(np.int64) - other.astype(np.int64)).max())


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (LOSSLESS_JPEG, ljpeg),
        (JPEG_LS, jls),
        (JPEG_2000, lambda samples: imagecodecs.jpeg2k_encode(samples, level=0, codecformat="j2k")),
        (HTJ2K, lambda samples: bytes(imagecodecs.htj2k_encode(samples))),
        (JPEG_XL, lambda samples: jxl(samples, lossless=True)),
        (DEFLATED_FRAME, lambda samples: zlib.compress(samples.tobytes(), wbits=-15) + b"\0"),
        (EXPLICIT, lambda samples: samples.tobytes()),
    ],
)
def test_lossless_syntaxes_give_back_every_sample(syntax: str, encode: Any) -> None:
    decoded, described = decode(encode(GREY12), image(GREY12, bits_stored=12), syntax)
    assert np.array_equal(decoded, GREY12)
    assert decoded.dtype == np.dtype("<u2")
    assert described == image(GREY12, bits_stored=max(12, described.bits_stored))


@pytest.mark.parametrize("syntax", [JPEG_LS, LOSSLESS_JPEG])
def test_signed_samples_of_codecs_without_sign(syntax: str) -> None:
    signed = ramp("<i2", -2048, 2047)
    stored = signed.view("<u2") & 0x0FFF
    encode = jls if syntax == JPEG_LS else ljpeg
    decoded, _ = decode(encode(stored), image(signed, bits_stored=12), syntax)
    whole = decode(encode(signed.view("<u2")), image(signed, bits_stored=16), syntax)[0]
    assert np.array_equal(whole, signed)
    if syntax == LOSSLESS_JPEG:
        assert np.array_equal(decoded, signed)


def test_unsigned_jpeg_2000_codestream_of_signed_samples_and_the_reverse() -> None:
    signed = ramp("<i2", -4096, 4095)
    unsigned_stream = j2k(signed.view("<u2"))
    decoded, _ = decode(unsigned_stream, image(signed, bits_stored=13), JPEG_2000)
    assert np.array_equal(decoded, signed)
    signed_stream = j2k(signed)
    decoded, _ = decode(signed_stream, image(signed.view("<u2"), bits_stored=16), JPEG_2000)
    assert np.array_equal(decoded, signed.view("<u2"))
    assert decoded.dtype == np.dtype("<u2")


def test_eight_bit_codestream_fills_sixteen_bits_allocated() -> None:
    narrow = ramp("u1", 0, 255)
    wide = image(narrow.astype("<u2"), bits_stored=8)
    decoded, _ = decode(j2k(narrow), wide, JPEG_2000)
    assert decoded.dtype == np.dtype("<u2")
    assert np.array_equal(decoded, narrow)


def test_more_bits_in_the_codestream_than_stored_are_told() -> None:
    samples = ramp("<u2", 0, 5000)
    _, described = decode(jls(samples), image(samples, bits_stored=12), JPEG_LS)
    assert described.bits_stored > 12
    assert described.high_bit == described.bits_stored - 1


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422", "RGB"])
def test_baseline_jpeg_becomes_rgb_whatever_it_was_called(photometric: str) -> None:
    # libjpeg writes JFIF and YCbCr here, which counts more than the data set.
    smooth = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    decoded, described = decode(jpeg(smooth, level=95), image(smooth, photometric), BASELINE)
    assert described.photometric_interpretation == "RGB"
    assert _distance(decoded, smooth) <= 3


def test_baseline_jpeg_without_colour_transformation_stays_rgb() -> None:
    smooth = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    frame = jpeg(smooth, level=95, colorspace="RGB", outcolorspace="RGB")
    decoded, described = decode(frame, image(smooth), BASELINE)
    assert described.photometric_interpretation == "RGB"
    assert _distance(decoded, smooth) <= 3


def test_lossless_colour_is_not_converted() -> None:
    ybr = image(COLOUR, "YBR_FULL")
    for syntax, frame in (
        (JPEG_LS, jls(COLOUR)),
        (JPEG_XL, jxl(COLOUR, lossless=True)),
    ):
        decoded, described = decode(frame, ybr, syntax)
        assert np.array_equal(decoded, COLOUR)
        assert described.photometric_interpretation == "YBR_FULL"


@pytest.mark.parametrize("photometric", ["YBR_RCT", "YBR_ICT"])
def test_jpeg_2000_undoes_its_own_transformation(photometric: str) -> None:
    frame = j2k(COLOUR, mct=True)
    decoded, described = decode(frame, image(COLOUR, photometric), JPEG_2000)
    assert np.array_equal(decoded, COLOUR)
    assert described.photometric_interpretation == "RGB"


def test_lossy_jpeg_xl_is_rgb() -> None:
    smooth = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    decoded, described = decode(jxl(smooth, distance=1.0), image(smooth, "XYB"), JPEG_XL_LOSSY)
    assert described.photometric_interpretation == "RGB"
    assert _distance(decoded, smooth) <= 6


def test_rle_planes_become_colour_by_pixel(pixels: Pixels) -> None:
    frame = pixels.decoded(*kept(next(path for path in bundled() if path.name == "SC_rgb_rle_16bit.dcm")), 1)
    assert (frame.planar_configuration, frame.bits_allocated) == (0, 16)


def test_native_planes_and_shared_chrominance() -> None:
    by_plane = np.ascontiguousarray(COLOUR.transpose(2, 0, 1)).tobytes()
    decoded, described = decode(by_plane, image(COLOUR, planar_configuration=1), EXPLICIT)
    assert np.array_equal(decoded, COLOUR)
    assert described.planar_configuration == 0
    subsampled = bytes((10, 20, 128, 129, 30, 40, 130, 131))
    decoded, described = decode(subsampled, image(np.zeros((1, 4, 3), np.uint8), "YBR_FULL_422"), EXPLICIT)
    assert decoded.tolist() == [[[10, 128, 129], [20, 128, 129], [30, 130, 131], [40, 130, 131]]]
    assert described.photometric_interpretation == "YBR_FULL"


def test_native_single_bits_come_lowest_first() -> None:
    described = image(np.zeros((2, 5), np.uint8), bits_allocated=1, bits_stored=1, high_bit=0)
    decoded, _ = decode(bytes((0b01000101, 0b00000010)), described, EXPLICIT)
    assert decoded.tolist() == [[1, 0, 1, 0, 0], [0, 1, 0, 0, 1]]


def test_native_frame_that_is_too_short() -> None:
    with pytest.raises(Undecodable, match="fewer bytes"):
        decode(bytes(15), image(np.zeros((4, 4), np.uint8)), EXPLICIT)


@pytest.mark.parametrize("syntax", sorted(VIDEO) + ["1.2.3"])
def test_what_is_not_in_the_table_is_named(syntax: str) -> None:
    with pytest.raises(Undecodable, match=syntax.replace(".", r"\.")):
        decode(b"", image(GREY12), syntax)


def bombs() -> Iterator[tuple[str, bytes]]:
    """Codestreams of 24 x 40 that announce 60000 x 60000."""
    huge = struct.pack(">HH", 60000, 60000)
    small = struct.pack(">HH", *GREY12.shape)
    for syntax, frame in (
        (BASELINE, jpeg(ramp("u1", 0, 255))),
        (LOSSLESS_JPEG, ljpeg(GREY12)),
        (JPEG_LS, jls(GREY12)),
    ):
        yield syntax, frame.replace(small, huge, 1)
    frame = j2k(GREY12)
    sizes = struct.pack(">II", *reversed(GREY12.shape))
    yield JPEG_2000, frame.replace(sizes, struct.pack(">II", 60000, 60000))
    yield JPEG_XL, jxl(np.zeros((48, 40), np.uint8))


@pytest.mark.parametrize(("syntax", "frame"), list(bombs()))
def test_a_codestream_that_is_larger_than_the_data_set_says_is_not_decoded(syntax: str, frame: bytes) -> None:
    with pytest.raises(Undecodable, match="other dimensions"):
        decode(frame, image(GREY12), syntax)


@pytest.mark.parametrize("syntax", sorted(uid for uid, row in SYNTAXES.items() if not row.is_native))
def test_noise_is_refused_by_every_codec(syntax: str) -> None:
    with pytest.raises(Exception):  # noqa: B017  each library raises its own
        decode(bytes(range(256)) * 8, image(GREY12), syntax)


def test_bits_beyond_bits_allocated_are_refused() -> None:
    with pytest.raises(Undecodable, match="more bits"):
        decode(jls(GREY12), image(GREY12.astype(np.uint8)), JPEG_LS)
