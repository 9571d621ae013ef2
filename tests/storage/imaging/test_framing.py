"""Where a point of the image comes to lie in the picture, whatever was cut, scaled, turned and mirrored."""

import numpy as np
import pytest
from PIL import Image

from storage.imaging.framing import framing
from storage.imaging.header import Header, Value
from storage.imaging.image_pixels import Undecodable
from storage.imaging.presentation_state import PresentationState
from storage.imaging.rendering import Rendering
from tests.storage.imaging.image_headers import cs, sl, us, with_sequences

SIZE = (60, 40)


def state(area: tuple[int, int, int, int] | None = None, rotation: int = 0, flip: str = "N") -> PresentationState:
    corners = {0x00700052: sl(*area[:2]), 0x00700053: sl(*area[2:])} if area else {}
    values = {0x00700041: cs(flip), 0x00700042: us(rotation)}
    return PresentationState(with_sequences(values, s0070005A=[Header(corners)] if area else []), "1.2", 1)


def spot(x: int, y: int) -> Image.Image:
    """A dark image with a light block of 5 x 5 pixels around (x, y)."""
    pixels = np.zeros(SIZE[::-1], np.uint8)
    pixels[y - 2 : y + 3, x - 2 : x + 3] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["N", "Y"])
@pytest.mark.parametrize("area", [None, (11, 6, 50, 35), (-9, -9, 70, 50)])
@pytest.mark.parametrize("viewport", [None, (100, 100)])
def test_points_go_where_pixels_go(
    rotation: int, flip: str, area: tuple[int, int, int, int] | None, viewport: tuple[int, int] | None
) -> None:
    frame = framing(SIZE, 1.25, Rendering(viewport=viewport, enlarge=True), state(area, rotation, flip))
    made = frame.frame(spot(30, 12))
    assert made.size == frame.turned_size
    light = np.argwhere(np.asarray(made) > 128)
    y, x = light.mean(axis=0) + 0.5
    assert (x, y) == pytest.approx(frame.place(30.5, 12.5), abs=1.0)


def test_rotation_is_clockwise_and_mirroring_comes_after_it() -> None:
    """C.10.6: Image Rotation clockwise, then Image Horizontal Flip."""
    assert framing(SIZE, 1, Rendering(), state(rotation=90)).place(0, 0) == (40, 0)
    assert framing(SIZE, 1, Rendering(), state(rotation=90, flip="Y")).place(0, 0) == (0, 0)
    assert framing(SIZE, 1, Rendering(), state(rotation=270)).place(0, 0) == (0, 60)


def test_a_region_that_is_mirrored_keeps_its_points() -> None:
    frame = framing(SIZE, 1, Rendering(region=(10, 10, -20, -10)))
    assert frame.size == (20, 10)
    assert frame.place(10, 10) == (20, 10)


def test_corners_of_a_displayed_area_come_in_any_order() -> None:
    """C.10.4: the upper left corner is that of the turned image."""
    assert framing(SIZE, 1, Rendering(), state((50, 35, 11, 6), 180)).box == (10, 5, 50, 35)


def test_a_displayed_area_beyond_all_measure_is_refused() -> None:
    with pytest.raises(Undecodable, match="displayed area"):
        framing(SIZE, 1, Rendering(), state((-2_000_000, 1, 2_000_000, 900_000)))


def test_a_displayed_area_that_is_none_is_the_whole_image() -> None:
    broken = PresentationState(with_sequences({}, s0070005A=[Header({0x00700052: Value("SL", b"\1", False)})]), "1", 1)
    assert framing(SIZE, 1, Rendering(), broken).box == (0, 0, 60, 40)
