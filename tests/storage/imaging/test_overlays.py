"""Overlay planes (PS3.3 C.9.2)."""

import numpy as np
import pytest

from storage.imaging.header import Header, Value
from storage.imaging.overlays import GROUPS, overlay
from tests.storage.imaging.image_headers import image, overlay_plane, us

PIXELS = np.zeros((4, 6), "<u2")
CORNER = np.array([[1, 0], [0, 1]], bool)


def drawn(values: dict[int, Value], number: int = 1) -> list[tuple[int, int]]:
    """Rows and columns, from 0, where something is drawn."""
    mask = overlay(Header(values), image(PIXELS), PIXELS, number, GROUPS)
    return [] if mask is None else [(int(row), int(column)) for row, column in np.argwhere(mask)]


def test_every_group_is_drawn_at_its_origin() -> None:
    values = overlay_plane(0x6000, CORNER) | overlay_plane(0x601E, CORNER, origin=(3, 5))
    assert drawn(values) == [(0, 0), (1, 1), (2, 4), (3, 5)]


def test_what_lies_outside_the_image_is_cut_off() -> None:
    assert drawn(overlay_plane(0x6000, CORNER, origin=(0, 0))) == [(0, 0)]
    assert drawn(overlay_plane(0x6000, CORNER, origin=(4, 6))) == [(3, 5)]
    assert drawn(overlay_plane(0x6000, CORNER, origin=(-9, 60))) == []


def test_a_plane_without_frame_origin_is_for_every_frame() -> None:
    assert drawn(overlay_plane(0x6000, CORNER), 7) == [(0, 0), (1, 1)]


def test_planes_of_many_frames_begin_with_the_frame_they_name() -> None:
    """Image Frame Origin (C.9.2.1): frames of the overlay lie behind one another, bit by bit."""
    three = np.array([[[1, 0, 0]], [[0, 1, 0]], [[0, 0, 1]]], bool)
    values = overlay_plane(0x6000, three, e0015=Value("IS", b"3 ", False), e0051=us(2))
    assert [drawn(values, number) for number in range(1, 6)] == [[], [(0, 0)], [(0, 1)], [(0, 2)], []]


def test_a_bit_beside_the_pixels() -> None:
    samples = np.array([[0x4001, 0x0FFF], [0x8000, 0xC000]], "<u2")
    base = 0x60000000
    values = {base | 0x10: us(2), base | 0x11: us(2), base | 0x100: us(16), base | 0x102: us(14)}
    described = image(samples, bits_stored=12, high_bit=11)
    mask = overlay(Header(values), described, samples, 1, GROUPS)
    assert mask is not None and mask.tolist() == [[True, False], [False, True]]
    assert overlay(Header(values | {base | 0x102: us(11)}), described, samples, 1, GROUPS) is None


@pytest.mark.parametrize(
    "change",
    [
        {0x60003000: Value("OW", b"\x01", False), 0x60000010: us(60000), 0x60000011: us(60000)},
        {0x60000010: us(0)},
        {0x60000010: Value("US", b"", False)},
        {0x60000051: us(9)},
    ],
)
def test_what_contradicts_itself_draws_nothing(change: dict[int, Value]) -> None:
    assert drawn(overlay_plane(0x6000, CORNER) | change) == []


def test_nothing_is_drawn_without_overlays() -> None:
    assert overlay(Header({}), image(PIXELS), PIXELS, 1, GROUPS) is None
