"""The oblique plane equals an independent computation, is turned by handles and keys, and measures in millimetres."""

from base64 import b64decode
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import doctor
from tests.browser.axe import violations
from tests.browser.conftest import Site, Visits
from tests.browser.stage import Fingers, wait_for
from tests.browser.test_mpr import AXIAL, SOURCE, open_planes
from tests.browser.unit import run

COLUMNS, ROWS, SLICES = 12, 10, 9
STEPS: Final = np.array([(1.5, 0, 0), (0, 2, 0), (0, 0.75, 3)])
"""From voxel to voxel along columns, rows and slices: a stack sheared by a tilted gantry."""
ORIGIN: Final = np.array([-30.0, 40.0, 5.0])
CENTRE, RADIUS = np.array([-22.0, 52.0, 17.0]), 5.5


def _sphere() -> NDArray[np.float64]:
    """Slices x rows x columns in HU: a sphere with a sharp edge in something that rises to the left."""
    k, j, i = np.mgrid[:SLICES, :ROWS, :COLUMNS]
    places = ORIGIN + i[..., None] * STEPS[0] + j[..., None] * STEPS[1] + k[..., None] * STEPS[2]
    inside = np.linalg.norm(places - CENTRE, axis=-1) < RADIUS
    return np.where(inside, 700.0, np.rint(10 * places[..., 0]) + 300)


def _trilinear(volume: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted means of the eight voxels around each place (n x 3); NaN outside of the outermost voxels' edges."""
    voxels = np.linalg.solve(STEPS.T, (places - ORIGIN).T).T
    size = np.array([COLUMNS, ROWS, SLICES])
    outside = ((voxels < -0.5) | (voxels > size - 0.5)).any(axis=1)
    held = np.clip(voxels, 0, size - 1)
    low = np.minimum(np.floor(held).astype(int), size - 2)
    part = held - low
    total = np.zeros(len(places))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1)
        column, row, plane = (low + corner).T
        total += weight * volume[plane, row, column]
    return np.where(outside, np.nan, total)


def _directions(forwards: float, sideways: float) -> NDArray[np.float64]:
    """Right, down and through: the axial plane turned about the left-right axis, then about the front-back one."""
    a, b = np.radians([forwards, sideways])
    about_x = np.array([(1, 0, 0), (0, np.cos(a), -np.sin(a)), (0, np.sin(a), np.cos(a))])
    about_y = np.array([(np.cos(b), 0, np.sin(b)), (0, 1, 0), (-np.sin(b), 0, np.cos(b))])
    turned: NDArray[np.float64] = (about_y @ about_x).T
    return turned


@pytest.fixture
def page(site: Site, visits: Visits, chromium: Browser) -> Page:
    page = visits.patient(chromium)
    page.goto(f"{site.series('volume')}?i=10")
    wait_for(page, shown="10", quality="full")
    return page


def test_an_oblique_plane_equals_an_independent_computation(page: Page) -> None:
    script = """
      const { axesAt, anglesOf } = await import("/static/js/tools/oblique.js");
      const { geometry, values, angles, point, window } = argument;
      const volume = filled(series(geometry), (place, column, row, plane) => {
        return values[Math.round((plane.position[2] - 5) / 3)][row][column];
      });
      return angles.map(([forwards, sideways]) => {
        const axes = axesAt({ forwards, sideways });
        const cut = cutOf(volume, axes, point, 0.5);
        const { data } = painted(volume, cut, made(sampled(volume, cut, { thickness: 0, mode: "max" })), window);
        const grey = btoa(String.fromCharCode(...data.filter((_, at) => at % 4 === 0)));
        return { cut, grey, back: anglesOf(axes.through) };
      });
    """
    sphere, point = _sphere(), (CENTRE + (0.3, -0.4, 0.7)).tolist()
    angles = [(0, 0), (30, 0), (0, -50), (25, 40), (-70, 15), (90, 0), (0, 90)]
    window = {"center": 350, "width": 900, "shape": "LINEAR_EXACT"}
    geometry = AXIAL | {"step": STEPS[2].tolist()}
    argument = {"geometry": geometry, "values": sphere.tolist(), "angles": angles, "point": point, "window": window}
    for wanted, found in zip(angles, run(page, "tools/volume.js", SOURCE + script, argument), strict=True):
        cut, back = found["cut"], found["back"]
        right, down, through = _directions(*wanted)
        spacings = [np.linalg.norm(cut[way]) for way in ("right", "down")]
        assert cut["right"] == pytest.approx(right * spacings[0], abs=1e-9)
        assert cut["down"] == pytest.approx(down * spacings[1], abs=1e-9)
        assert (np.array(cut["origin"]) - point) @ through == pytest.approx(0, abs=1e-9)
        rows, columns = np.mgrid[: cut["rows"], : cut["columns"]].reshape(2, -1, 1)
        places = np.array(cut["origin"]) + columns * spacings[0] * right + rows * spacings[1] * down
        hu = _trilinear(sphere, places)
        grey = np.clip(np.rint(255 * np.nan_to_num((hu - 350) / 900 + 0.5, nan=0.0)), 0, 255)
        shown = np.frombuffer(b64decode(found["grey"]), np.uint8)
        assert np.abs(shown - grey).max() <= 1, wanted
        assert len(np.unique(shown)) > 50, "the sphere, its edge and what is around it"
        if abs(wanted[0]) < 90:
            assert (back["forwards"], back["sideways"]) == pytest.approx(wanted)


def _degrees(page: Page) -> tuple[float, float]:
    values = [page.locator(f"[data-part=mpr-{name}]").input_value() for name in ("forwards", "sideways")]
    return float(values[0]), float(values[1])


def _drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end)
    page.mouse.up()


def _box(plane: Locator) -> Any:
    return plane.locator(".mpr-image").bounding_box()


def test_turning_measuring_and_looking_closely(page: Page) -> None:
    open_planes(page)
    page.locator("[data-part=mpr-oblique]").check()
    expect(page.locator("[data-plane=oblique]")).to_have_attribute("data-quality", "full")
    _turn(page)
    axial = page.locator("[data-plane=axial]")
    _measure(page, axial)
    _look_closely(page, axial)
    page.locator(".mpr-controls [data-preset=lung]").click()
    expect(page.locator(".mpr-controls [data-preset=lung]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".mpr-body")).to_have_attribute("data-settled", "true")
    values = [page.locator(".mpr-controls input[type=range]").nth(at).input_value() for at in (-2, -1)]
    assert [float(value) for value in values] == pytest.approx([-600, 1500], abs=5)
    assert violations(page) == ""


def _turn(page: Page) -> None:
    """By keys, and by a handle to straight behind the crosshair: then the plane lies across the body."""
    assert _degrees(page) == (30, 0)
    page.locator("[data-part=mpr-sideways]").press("ArrowRight")
    assert _degrees(page) == (30, 1)
    page.locator("[data-part=mpr-sideways]").press("ArrowLeft")
    expect(page.locator(".mpr-body")).to_have_attribute("data-settled", "true")
    sagittal = page.locator("[data-plane=sagittal]")
    box = _box(sagittal)
    handle: Any = sagittal.locator(".mpr-slant circle").first.bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    behind = 0.9 if x > box["x"] + box["width"] / 2 else 0.1
    _drag(page, (x, y), (box["x"] + box["width"] * behind, box["y"] + box["height"] / 2))
    assert _degrees(page) == pytest.approx((0, 0), abs=1)


def _measure(page: Page, axial: Locator) -> None:
    """By hand along half of the diagonal; by keys four steps to the left and three to the back."""
    page.locator("[data-part=mpr-measure]").click()
    box = _box(axial)
    start, end = ((box["x"] + box["width"] * part, box["y"] + box["height"] * part) for part in (0.2, 0.7))
    _drag(page, start, end)
    whole = np.hypot(doctor.COLUMNS * doctor.SPACING[0], doctor.ROWS * doctor.SPACING[1])
    lengths = page.locator(".mpr-controls .measure-name span")
    assert float(lengths.inner_text().split("\u00a0")[0].replace(",", ".")) == pytest.approx(whole / 2, abs=0.3)
    axial.focus()
    for key in ("Enter", *["ArrowRight"] * 4, *["ArrowDown"] * 3, "Enter"):
        page.keyboard.press(key)
    expect(lengths.last).to_have_text("7,5\u00a0mm")
    assert axial.locator(".mpr-lengths g").count() == 2
    page.keyboard.press("Escape")
    expect(page.locator("[data-part=mpr-measure]")).to_have_attribute("aria-pressed", "false")


def _look_closely(page: Page, axial: Locator) -> None:
    """By keys and by two fingers, which leave the crosshair where it is."""
    box = _box(axial)
    page.keyboard.press("+")
    assert _box(axial)["width"] == pytest.approx(box["width"] * 1.25, rel=0.01)
    page.keyboard.press("0")
    place = page.locator("[data-part=mpr-place]").inner_text()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers = Fingers(page.context.new_cdp_session(page))
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 60)):
        fingers.put(kind, (x - apart, y), (x + apart, y))
    fingers.put("touchEnd")
    expect(axial).to_have_attribute("data-zoom", "3.00")
    expect(page.locator("[data-part=mpr-place]")).to_have_text(place)
