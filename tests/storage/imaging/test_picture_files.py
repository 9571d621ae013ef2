"""Picture files and the colour profiles in them (PS3.18 8.3.5.1.5, PS3.3 C.11.15)."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageCms
from pydicom.pixels.processing import apply_icc_profile

from storage.imaging.header import Header, Value
from storage.imaging.picture_files import encoded, with_profile
from storage.imaging.profiles import matrix_profile
from storage.imaging.rendering import PictureType, Profile, Rendering
from tests.storage.imaging.image_headers import with_sequences
from tests.support.corpus import SHARED, needs_shared

ADOBE = Header({0x00282000: Value("OB", matrix_profile("adobergb"), False)})


def colour(*rgb: int) -> Image.Image:
    return Image.fromarray(np.full((8, 8, 3), rgb, np.uint8))


def made(picture: Image.Image, header: Header, profile: Profile, media_type: PictureType = "image/png") -> Image.Image:
    rendering = Rendering(media_type, profile=profile)
    return Image.open(BytesIO(encoded([with_profile(picture, rendering, header)], rendering)))


@pytest.mark.parametrize("name", ["srgb", "adobergb", "rommrgb"])
def test_profiles_are_what_they_say(name: str) -> None:
    profile = ImageCms.ImageCmsProfile(BytesIO(matrix_profile(name)))
    assert profile.profile.xcolor_space == "RGB "
    assert profile.profile.version == pytest.approx(2.1)
    white = profile.profile.media_white_point
    assert white is not None and white[0] == pytest.approx((0.9642, 1.0, 0.8249), abs=1e-3)


def test_our_srgb_is_that_of_little_cms() -> None:
    theirs = ImageCms.createProfile("sRGB")
    source = ImageCms.ImageCmsProfile(BytesIO(matrix_profile("srgb")))
    shades = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    converted = ImageCms.profileToProfile(shades, source, theirs)
    assert converted is not None
    assert np.abs(np.asarray(converted).astype(int) - np.asarray(shades)).max() <= 1


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg"])
def test_a_profile_of_the_image_is_passed_on_unless_nobody_wants_it(media_type: PictureType) -> None:
    for profile in ("", "yes"):
        assert made(colour(1, 2, 3), ADOBE, profile, media_type).info["icc_profile"] == matrix_profile("adobergb")
    assert "icc_profile" not in made(colour(1, 2, 3), ADOBE, "no", media_type).info
    assert "icc_profile" not in made(colour(1, 2, 3), Header({}), "", media_type).info
    assert made(colour(1, 2, 3), Header({}), "yes", media_type).info["icc_profile"] == matrix_profile("srgb")


def test_the_first_optical_path_has_the_profile_of_a_slide() -> None:
    slide = with_sequences({}, s00480105=[ADOBE, Header({})])
    assert made(colour(1, 2, 3), slide, "").info["icc_profile"] == matrix_profile("adobergb")


def test_colours_are_converted_to_the_space_that_is_named() -> None:
    green = made(colour(0, 255, 0), Header({}), "adobergb")
    assert green.info["icc_profile"] == matrix_profile("adobergb")
    # Adobe RGB reaches further into green, so the same colour is mixed with some red there.
    assert np.asarray(green)[0, 0].tolist() == pytest.approx([144, 255, 60], abs=4)
    assert np.asarray(made(colour(0, 255, 0), ADOBE, "adobergb"))[0, 0].tolist() == [0, 255, 0]


@needs_shared
def test_conversion_into_srgb_is_that_of_pydicom() -> None:
    # Its profile is of version 4, perceptual and made of tables: that into one of version 2 black is no longer black.
    data_set = pydicom.dcmread(SHARED / "objects/seg_image_sm_control_labelmap_palette_color.dcm")
    of_file = Header({0x00282000: Value("OB", data_set.ICCProfile, False)})
    shades = np.array([[(0, 0, 0), (255, 255, 255), (20, 20, 20), (255, 0, 0), (0, 94, 255), (41, 0, 255)]], np.uint8)
    converted = made(Image.fromarray(shades), of_file, "srgb")
    assert converted.info["icc_profile"] == matrix_profile("srgb")
    expected = apply_icc_profile(shades.copy(), data_set, color_space="sRGB")
    assert expected[0, 0].tolist() == [0, 0, 0] and np.abs(expected.astype(int) - shades).max() > 50
    assert np.abs(np.asarray(converted).astype(int) - expected).max() <= 1


def test_grey_becomes_colour_only_where_a_space_is_named() -> None:
    grey = Image.new("L", (4, 4), 100)
    assert made(grey.copy(), Header({}), "").mode == "L"
    assert made(grey.copy(), Header({}), "srgb").mode == "RGB"


@pytest.mark.parametrize("damage", [b"no profile", matrix_profile("adobergb")[:300]], ids=["none", "cut off"])
def test_a_damaged_profile_counts_as_none(damage: bytes) -> None:
    broken = Header({0x00282000: Value("OB", damage, False)})
    for name in ("srgb", "adobergb"):
        one, other = made(colour(9, 200, 30), broken, name), made(colour(9, 200, 30), Header({}), name)
        assert np.array_equal(np.asarray(one), np.asarray(other))
        assert one.info["icc_profile"] == matrix_profile(name)


def test_a_moving_picture() -> None:
    frames = [Image.new("L", (4, 4), shade) for shade in (10, 100, 200)]
    moving = Image.open(BytesIO(encoded(frames, Rendering("image/gif"), 40.0)))
    assert (moving.format, getattr(moving, "n_frames", 0), moving.info["duration"], moving.info["loop"]) == (
        "GIF", 3, 40, 0,
    )  # fmt: skip
