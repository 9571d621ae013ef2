"""Every sample comes back from every lossless encoder; other people's decoders say so too in test_transcoding.py."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.imaging.codestream import jpeg, jpeg_2000
from storage.imaging.decoders import decode
from storage.imaging.encoders import (
    ENCODINGS,
    HTJ2K,
    HTJ2K_RPCL,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    JPEG_LS,
    RLE,
    encode,
    encodings,
)
from storage.imaging.image_pixels import ImagePixels, Undecodable

LOSSLESS = (JPEG_LS, JPEG_2000, HTJ2K, HTJ2K_RPCL, JPEG_LOSSLESS, RLE)
SHAPES = ((37, 53), (1, 1), (1, 40), (3, 200), (64, 64))


def image(allocated: int, stored: int, signed: bool = False, photometric: str = "MONOCHROME2") -> ImagePixels:
    colours = 3 if photometric in ("RGB", "YBR_FULL") else 1
    return ImagePixels(37, 53, colours, allocated, stored, stored - 1, int(signed), photometric, 0, 1)


def noise(described: ImagePixels, bits: int | None = None) -> NDArray[Any]:
    """Noise over the whole range, beside flat areas at both of its ends."""
    bits = bits or described.bits_stored
    low, high = (-(1 << bits - 1), 1 << bits - 1) if described.pixel_representation else (0, 1 << bits)
    samples = np.random.default_rng(bits).integers(low, high, described.shape).astype(described.dtype)
    samples[: described.rows // 3], samples[-(described.rows // 3) or 1 :] = low, high - 1
    return samples


@pytest.mark.parametrize("uid", LOSSLESS)
@pytest.mark.parametrize(
    "described",
    [
        image(8, 8),
        image(8, 5),
        image(8, 1),
        image(8, 8, True),
        image(16, 12),
        image(16, 16),
        image(16, 8),
        image(16, 1),
        image(16, 12, True),
        image(16, 16, True),
        image(16, 7, True),
        image(8, 8, photometric="RGB"),
        image(8, 8, photometric="YBR_FULL"),
        image(16, 12, photometric="RGB"),
        image(8, 8, photometric="PALETTE COLOR"),
    ],
    ids=lambda one: (
        f"{one.photometric_interpretation}-{one.bits_allocated}-{one.bits_stored}-{one.pixel_representation}"
    ),
)
def test_every_sample_comes_back(uid: str, described: ImagePixels) -> None:
    for rows, columns in SHAPES:
        shaped = replace(described, rows=rows, columns=columns)
        samples = noise(shaped)
        frame = encode(samples, shaped, uid)
        decoded, became = decode(frame, ENCODINGS[uid].described(shaped), uid)
        assert np.array_equal(decoded, samples), (rows, columns)
        assert len(frame) % 2 == 0
        expected = "RGB" if described.photometric_interpretation == "RGB" else described.photometric_interpretation
        assert became.photometric_interpretation == expected


@pytest.mark.parametrize("uid", [JPEG_LS, JPEG_2000, HTJ2K, HTJ2K_RPCL, JPEG_LOSSLESS, RLE])
def test_samples_beyond_bits_stored_are_kept(uid: str) -> None:
    """Overlays in unused bits, or plain mistakes: nothing is lost (PS3.5 8.1.1)."""
    described = image(16, 12)
    samples = noise(described, 16)
    decoded, _ = decode(encode(samples, described, uid), described, uid)
    assert np.array_equal(decoded, samples)


def test_precision_is_that_of_the_samples() -> None:
    """PS3.5 8.2.4: Bits Stored and the bit depth of JPEG 2000 are consistent; 8.2.1 for JPEG."""
    for signed in (False, True):
        described = image(16, 12, signed)
        for uid in (JPEG_2000, HTJ2K, HTJ2K_RPCL):
            found = jpeg_2000(encode(noise(described), described, uid))
            assert found is not None
            assert (found.precision, found.signed) == (12, signed)
    found = jpeg(encode(noise(image(16, 12)), image(16, 12), JPEG_LOSSLESS))
    assert found is not None
    assert (found.precision, found.lossless) == (12, True)


def test_colour_is_transformed_where_that_is_said() -> None:
    """YBR_RCT is what RGB becomes in JPEG 2000 (PS3.5 8.2.4): the multiple component transformation is on."""
    for photometric, transformed in (("RGB", 1), ("YBR_FULL", 0)):
        described = image(8, 8, photometric=photometric)
        for uid in (JPEG_2000, HTJ2K, HTJ2K_RPCL):
            frame = encode(noise(described), described, uid)
            style = frame.index(b"\xff\x52")
            assert frame[style + 8] == transformed, (photometric, uid)
            expected = "YBR_RCT" if transformed else "YBR_FULL"
            assert ENCODINGS[uid].described(described).photometric_interpretation == expected


@pytest.mark.parametrize(("columns", "decompositions"), [(8, 5), (2048, 5), (2049, 6), (5000, 7)])
def test_what_rpcl_demands(columns: int, decompositions: int) -> None:
    """PS3.5 10.18: order RPCL (2), a base resolution of at most 64 pixels, and tile length markers."""
    described = replace(image(8, 8), columns=columns)
    frame = encode(noise(described), described, HTJ2K_RPCL)
    main = frame[: frame.index(b"\xff\x90")]
    style = main.index(b"\xff\x52")
    assert (main[style + 5], main[style + 9]) == (2, decompositions)
    assert b"\xff\x55" in main
    assert -(-columns >> decompositions) <= 64


def test_jpeg_baseline_is_close() -> None:
    grey = replace(image(8, 8), rows=64, columns=64)
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    decoded, _ = decode(encode(smooth, grey, JPEG_BASELINE), grey, JPEG_BASELINE)
    assert np.abs(decoded.astype(int) - smooth).max() <= 4
    colour = replace(image(8, 8, photometric="RGB"), rows=64, columns=64)
    pixels = np.stack([smooth, smooth // 2, 255 - smooth], axis=-1)
    became = ENCODINGS[JPEG_BASELINE].described(colour)
    assert became.photometric_interpretation == "YBR_FULL_422"
    decoded, again = decode(encode(pixels, colour, JPEG_BASELINE), became, JPEG_BASELINE)
    assert (again.photometric_interpretation, again.planar_configuration) == ("RGB", 0)
    assert np.abs(decoded.astype(int) - pixels).max() <= 12


def test_what_can_be_made_of_what() -> None:
    assert encodings(16) == (JPEG_LS, JPEG_2000, HTJ2K, HTJ2K_RPCL, JPEG_LOSSLESS, RLE)
    assert encodings(8) == (*encodings(16), JPEG_BASELINE)
    assert encodings(32) == (RLE,)
    assert encodings(1) == encodings(64) == encodings(0) == ()


@pytest.mark.parametrize(
    ("uid", "described"),
    [
        (JPEG_BASELINE, image(8, 8, photometric="PALETTE COLOR")),
        (JPEG_BASELINE, image(8, 8, True)),
        (JPEG_BASELINE, image(16, 8)),
        (JPEG_LS, image(32, 32)),
        (JPEG_2000, image(8, 8, photometric="YBR_PARTIAL")),
        (RLE, replace(image(32, 32), kind="float")),
    ],
)
def test_what_a_syntax_cannot_hold(uid: str, described: ImagePixels) -> None:
    with pytest.raises(Undecodable, match="cannot be encoded"):
        encode(np.zeros(described.shape, described.dtype), described, uid)
