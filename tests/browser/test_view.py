"""Screen and image coordinates agree with where the browser puts the image, however it is turned and moved."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Site, Visits
from tests.browser.stage import wait_for
from tests.browser.unit import run

# A stage with a view of 50 columns and 20 rows, whose pixels are twice as high as wide; its SVG is the measure.
_VIEW = """
  const stage = document.createElement("div");
  Object.assign(stage.style, { position: "fixed", inset: "30px auto auto 40px", width: "300px", height: "200px" });
  const layer = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  layer.setAttribute("viewBox", "0 0 50 20");
  layer.setAttribute("preserveAspectRatio", "none");
  layer.style.position = "absolute";
  stage.append(layer);
  document.body.append(stage);
  const view = new it.View(stage);
  view.surfaces = [layer];
  view.setSize(50, 20);
  view.setRatio(50 / 40);
"""
_COMPARE = """
  for (const step of argument) {
    view[step]?.(...(step === "rotate" ? [90] : []));
  }
  view.zoomBy(1.7, { x: 100, y: 90 });
  view.pan(-13, 7);
  const found = [];
  for (const [x, y] of [[0, 0], [50, 20], [12.5, 3]]) {
    const seen = new DOMPoint(x, y).matrixTransform(layer.getScreenCTM());
    const told = view.toClient({ x, y });
    const back = view.toImage({ x: seen.x, y: seen.y });
    found.push([seen.x - told.x, seen.y - told.y, back.x - x, back.y - y]);
  }
  stage.remove();
  return found.flat();
"""


@pytest.fixture
def page(site: Site, visits: Visits, chromium: Browser) -> Page:
    page = visits.patient(chromium)
    page.goto(site.series("stack"))
    wait_for(page, quality="full")
    return page


@pytest.mark.parametrize(
    "steps",
    [
        [],
        ["rotate"],
        ["rotate", "rotate"],
        ["rotate", "rotate", "rotate"],
        ["flipHorizontally"],
        ["flipVertically"],
        ["rotate", "flipHorizontally"],
        ["flipVertically", "rotate"],
    ],
    ids="-".join,
)
def test_screen_and_image_agree(page: Page, steps: list[str]) -> None:
    differences: list[float] = run(page, "viewer/view.js", _VIEW + _COMPARE, steps)
    assert max(map(abs, differences)) < 0.01


_CORNERS: dict[str, tuple[list[str], Any]] = {
    "turned": (["rotate"], (True, False)),
    "mirrored": (["flipHorizontally"], (True, False)),
    "turned, then mirrored": (["rotate", "flipHorizontally"], (False, False)),
    "turned, then upside down": (["rotate", "flipVertically"], (True, True)),
}


@pytest.mark.parametrize("case", _CORNERS)
def test_flips_are_those_of_the_screen(page: Page, case: str) -> None:
    """Where the first pixel is: right of the middle, below the middle."""
    steps, wanted = _CORNERS[case]
    script = """
      for (const step of argument) {
        view[step](...(step === "rotate" ? [90] : []));
      }
      const { x, y } = view.toClient({ x: 0, y: 0 });
      stage.remove();
      return [x > 40 + 150, y > 30 + 100];
    """
    assert tuple(run(page, "viewer/view.js", _VIEW + script, steps)) == wanted


def test_a_turned_image_fits_the_stage(page: Page) -> None:
    script = (
        "view.rotate(90); const box = layer.getBoundingClientRect(); stage.remove(); return [box.width, box.height];"
    )
    width, height = run(page, "viewer/view.js", _VIEW + script)
    assert (round(width), round(height)) == (160, 200)


_PLANES = """
  const plane = (position, cosines) => it.planeOf({
    "00200032": { Value: position }, "00200037": { Value: cosines }, "00280030": { Value: [2, 0.5] },
    "00280010": { Value: [10] }, "00280011": { Value: [40] }, "00200052": { Value: ["1.2.3"] },
  }, 1);
"""


def test_points_of_the_patient(page: Page) -> None:
    script = """
      const axial = plane([-10, 5, 30], [1, 0, 0, 0, 1, 0]);
      const there = it.toPatient(axial, { x: 4.5, y: 2.5 });
      return [there, it.fromPatient(axial, [there[0], there[1], there[2] + 7])];
    """
    there, back = run(page, "viewer/geometry.js", _PLANES + script)
    assert there == [-8, 9, 30]
    assert back == {"x": 4.5, "y": 2.5, "distance": 7}


def test_lines_of_other_slices(page: Page) -> None:
    script = """
      const axial = plane([-10, -10, 30], [1, 0, 0, 0, 1, 0]);
      const coronal = plane([-10, 0, 50], [1, 0, 0, 0, 0, -1]);
      return [it.intersection(coronal, axial), it.intersection(axial, axial)];
    """
    line, parallel = run(page, "viewer/geometry.js", _PLANES + script)
    assert parallel is None
    assert {round(point["y"], 6) for point in line} == {(50 - 30) / 2 + 0.5}
    assert sorted(round(point["x"], 6) for point in line) == [0, 40]


@pytest.mark.parametrize(
    ("position", "cosines"),
    [
        ([], [1, 0, 0, 0, 1, 0]),
        ([0, 0, 0], [1, 0, 0]),
        ([0, 0, 0], [1, 0, 0, 1, 0, 0]),
        ([0, 0, 0], [0, 0, 0, 0, 0, 0]),
        ([0, None, 0], [1, 0, 0, 0, 1, 0]),
        (["a", "b", "c"], [1, 0, 0, 0, 1, 0]),
    ],
    ids=["no position", "half a direction", "one direction twice", "no length", "a gap", "no numbers"],
)
def test_what_is_no_geometry_is_none(page: Page, position: list[Any], cosines: list[Any]) -> None:
    script = "return plane(...argument);"
    assert run(page, "viewer/geometry.js", _PLANES + script, [position, cosines]) is None
