"""Display shutters (PS3.3 C.7.6.11)."""

import numpy as np
import pytest

from storage.imaging.header import Header, Value
from storage.imaging.shutters import covered, shutter_grey
from tests.storage.imaging.image_headers import cs, overlay_plane, us

EDGES = {0x00181602: us(2), 0x00181604: us(4), 0x00181606: us(1), 0x00181608: us(3)}
RECTANGLE = EDGES | {0x00181600: cs("RECTANGULAR")}


def left_open(values: dict[int, Value], rows: int = 5, columns: int = 6) -> list[str]:
    mask = covered(Header(values), rows, columns)
    assert mask is not None
    return ["".join("." if shut else "o" for shut in row) for row in mask]


def test_a_rectangle_includes_its_edges() -> None:
    assert left_open(RECTANGLE) == [".ooo.."] * 3 + ["......"] * 2


def test_a_circle() -> None:
    circle = {0x00181600: cs("CIRCULAR"), 0x00181610: us(3, 4), 0x00181612: us(1)}
    assert left_open(circle)[2] == "..ooo."
    assert [row.count("o") for row in left_open(circle)] in ([0, 1, 3, 1, 0], [0, 3, 3, 3, 0])


def test_a_polygon_names_row_and_column() -> None:
    polygon = {0x00181600: cs("POLYGONAL"), 0x00181620: us(1, 1, 1, 3, 5, 3, 5, 1)}
    assert left_open(polygon) == ["ooo..."] * 5


def test_several_shapes_leave_what_all_leave() -> None:
    both = RECTANGLE | {0x00181600: cs("RECTANGULAR\\POLYGONAL"), 0x00181620: us(1, 3, 1, 6, 5, 6, 5, 3)}
    assert left_open(both) == ["..oo.."] * 3 + ["......"] * 2


def test_a_bitmap_is_an_overlay_whose_ones_cover() -> None:
    mask = np.zeros((5, 6), bool)
    mask[1:4, 2] = True
    bitmap = overlay_plane(0x6002, mask) | {0x00181600: cs("BITMAP"), 0x00181623: us(0x6002)}
    assert left_open(bitmap) == ["oooooo", "oo.ooo", "oo.ooo", "oo.ooo", "oooooo"]
    assert covered(Header(bitmap | {0x00181623: us(0x6004)}), 5, 6) is None


@pytest.mark.parametrize(
    "values",
    [
        {},
        {0x00181600: cs("RECTANGULAR")},
        EDGES | {0x00181600: cs("RECTANGULAR"), 0x00181604: us(1)},
        {0x00181600: cs("CIRCULAR"), 0x00181610: us(3)},
        {0x00181600: cs("POLYGONAL"), 0x00181620: us(1, 1, 2, 2)},
        {0x00181600: cs("STAR")},
    ],
)
def test_what_is_no_shutter_covers_nothing(values: dict[int, Value]) -> None:
    assert covered(Header(values), 5, 6) is None


def test_edges_beyond_all_measure_leave_everything_open() -> None:
    wide = {0x00181602: Value("IS", b"-999999999", False), 0x00181604: Value("IS", b"99999999999", False)}
    assert left_open(RECTANGLE | wide)[0] == "oooooo"


def test_the_grey_of_a_shutter_is_a_p_value() -> None:
    """Shutter Presentation Value has 16 bits whatever the image has (C.7.6.11.1)."""
    assert [shutter_grey(Header({0x00181622: us(value)})) for value in (0, 0x80FF, 0xFFFF)] == [0, 0x80, 0xFF]
    assert shutter_grey(Header({})) == 0
