"""Segments and contours over the images: drawn where they lie, in their colours, each with its switch."""

from base64 import b64decode
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import doctor
from tests.browser.axe import violations
from tests.browser.conftest import Site, Visits
from tests.browser.stage import wait_for

CANVAS: Final = "[data-part=segments]"
_READ: Final = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.width, canvas.height, btoa(String.fromCharCode(...data))];
}"""


@pytest.fixture
def page(visits: Visits, chromium: Browser, site: Site) -> Page:
    page = visits.patient(chromium)
    page.goto(f"{site.series('drawn upon')}?i=1")
    wait_for(page, shown="1", quality="full")
    page.locator("#doctors-tools").click()
    page.get_by_text("Konturen und Segmente", exact=True).click()
    page.get_by_role("button", name="Segment 1: Bild 2 zeigen").wait_for()
    return page


def _painted(page: Page) -> NDArray[np.uint8]:
    """Red, green, blue and alpha of each pixel of the canvas that lies on the image."""
    width, height, encoded = page.locator(CANVAS).evaluate(_READ)
    return np.frombuffer(b64decode(encoded), np.uint8).reshape(height, width, 4)


def _saved(page: Page) -> NDArray[np.uint8]:
    """The image that the page saves, at the middles of its pixels."""
    with page.expect_download() as downloading:
        page.locator("#save").click()
    whole = np.asarray(Image.open(downloading.value.path()).convert("RGB"))
    side = whole.shape[1] // doctor.COLUMNS
    # Its pixels are not square: the picture is as high as the body.
    height = round(side * doctor.SPACING[1] / doctor.SPACING[0])
    rows = (np.arange(doctor.ROWS) + 0.5) * height
    return np.asarray(whole[rows.astype(int)][:, side // 2 :: side][:, : doctor.COLUMNS])


def _is_coloured(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(np.ptp(picture.astype(int), axis=-1) > 20)


def _colour(page: Page, name: str) -> list[int]:
    swatch = page.get_by_role("checkbox", name=name).locator("xpath=..").locator(".swatch")
    said: str = swatch.evaluate("one => getComputedStyle(one).backgroundColor")
    return [int(part) for part in said.removeprefix("rgb(").removesuffix(")").split(",")]


def test_segments_and_contours_lie_where_they_are(page: Page) -> None:
    assert not _painted(page).any(), "nothing lies on the first image"
    page.get_by_role("button", name="Segment 1: Bild 2 zeigen").click()
    expect(page.locator(CANVAS)).to_have_attribute("data-image", "2")
    painted = _painted(page)
    assert np.array_equal(painted[:, :, 3], 255 * doctor.SEGMENT)
    assert (painted[doctor.SEGMENT == 1][:, :3] == _colour(page, "Segment 1")).all()
    image, canvas = (page.locator(one).first.bounding_box() for one in ("#stage .layer", CANVAS))
    assert image == pytest.approx(canvas, abs=0.5)
    assert np.array_equal(_is_coloured(_saved(page)), doctor.SEGMENT == 1)
    page.get_by_role("checkbox", name="Segment 1").uncheck()
    expect(page.locator(CANVAS)).to_have_attribute("data-image", "2")
    assert not _painted(page).any()
    page.get_by_role("button", name="Ring: Bild 3 zeigen").click()
    expect(page.locator(CANVAS)).to_have_attribute("data-image", "3")
    line = page.locator(".layer .region")
    script = "(line) => { const { x, y, width, height } = line.getBBox(); return [x, y, width, height]; }"
    box: Any = line.evaluate(script)
    (left, top), (right, bottom) = doctor.RING.min(axis=0) + 0.5, doctor.RING.max(axis=0) + 0.5
    assert box == pytest.approx([left, top, right - left, bottom - top], abs=0.01)
    assert violations(page) == ""
    page.get_by_role("slider", name="Deckkraft").fill("80")
    assert float(page.locator(CANVAS).evaluate("one => one.style.opacity")) == 0.8


def test_what_cannot_be_read_is_said_and_the_rest_is_drawn(visits: Visits, page: Page, site: Site) -> None:
    images = site.studies["drawn upon"]
    broken = f"/{images[3].SOPInstanceUID}"
    visits.expected = {broken}
    page.route(f"**{broken}", lambda route: route.fulfill(status=406))
    page.reload()
    page.locator("#doctors-tools").click()
    page.get_by_text("Konturen und Segmente", exact=True).click()
    section = page.locator("[data-part=regions] section")
    expect(section.filter(has_text="Segmente")).to_contain_text("Diese Datei lässt sich nicht lesen.")
    section.get_by_role("button", name="Ring: Bild 3 zeigen").click()
    expect(page.locator(".layer .region")).to_have_count(1)
