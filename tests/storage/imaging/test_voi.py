import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.imaging.lookup_tables import LookupTable
from storage.imaging.voi import LINEAR, LINEAR_EXACT, SIGMOID, Window, looked_up, spread, windowed


def grey(value: float, window: Window) -> float:
    return float(windowed(np.array([value]), window)[0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # PS3.3 C.11.2.1.2, the worked example: center 2048, width 4096 is all of 12 bits.
        (0, 0.0),
        (4095, 1.0),
        (2047.5, 0.5),
        (1, 1 / 4095),
        (-5, 0.0),
        (5000, 1.0),
    ],
)
def test_linear_at_its_boundaries(value: float, expected: float) -> None:
    assert grey(value, Window(2048, 4096)) == pytest.approx(expected, abs=1e-12)


def test_linear_of_width_one_is_a_threshold() -> None:
    # C.11.2.1.2: <= c - 0.5 is black, > c - 0.5 is white.
    assert [grey(value, Window(100, 1)) for value in (99, 99.5, 99.6, 100)] == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(("value", "expected"), [(0, 0.0), (4096, 1.0), (2048, 0.5), (1024, 0.25)])
def test_linear_exact(value: float, expected: float) -> None:
    assert grey(value, Window(2048, 4096, LINEAR_EXACT)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("value", "expected"), [(50, 0.5), (150, 1 / (1 + np.exp(-4))), (-50, 1 / (1 + np.exp(4))), (-1e9, 0.0), (1e9, 1.0)]
)
def test_sigmoid(value: float, expected: float) -> None:
    assert grey(value, Window(50, 100, SIGMOID)) == pytest.approx(expected, abs=1e-12)


def test_linear_narrower_than_one_unit_is_read_as_linear_exact() -> None:
    assert grey(0.25, Window(0.5, 0.5)) == 0.0
    assert grey(0.5, Window(0.5, 0.5)) == 0.5
    assert grey(0.75, Window(0.5, 0.5)) == 1.0


def test_an_unknown_function_is_linear() -> None:
    assert grey(0, Window(2048, 4096, "LOGARITHMIC")) == grey(0, Window(2048, 4096, LINEAR))


def formula(x: float, c: float, w: float) -> float:
    """PS3.3 C.11.2.1.2 word for word, with ymin 0 and ymax 1."""
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 1.0
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * (1.0 - 0.0) + 0.0


@given(
    st.floats(-70000, 70000),
    st.floats(-70000, 70000),
    st.floats(1, 140000),
)
def test_linear_follows_the_formula(x: float, center: float, width: float) -> None:
    # Just above the threshold of a width of nearly 1 both are right that differ by one rounding.
    if abs(x - (center - 0.5)) < 1e-6:
        return
    assert grey(x, Window(center, width)) == pytest.approx(formula(x, center, width), abs=1e-6)


def test_lookup_table_clamps_and_scales_by_its_bits() -> None:
    table = LookupTable(np.array([0, 100, 1023], np.uint16), first=-1, bits=10)
    values = looked_up(np.array([-50.0, -1.0, 0.0, 0.9, 1.0, 7.0]), table)
    assert values == pytest.approx([0, 0, 100 / 1023, 100 / 1023, 1, 1])


def test_spread_of_a_flat_image_is_black() -> None:
    assert spread(np.array([5.0, 5.0]), 5.0, 5.0).tolist() == [0.0, 0.0]
    assert spread(np.array([0.0, 5.0, 10.0, 20.0]), 0.0, 10.0).tolist() == [0.0, 0.5, 1.0, 1.0]
