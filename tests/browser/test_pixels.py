"""Pixel truth: what the canvas holds is what pydicom makes of the image, by WebGL2 and Canvas2D alike."""

from collections.abc import Iterator
from copy import deepcopy
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page
from pydicom.dataset import Dataset

from tests.browser.conftest import Site, Visits
from tests.browser.pictures import UNLABELLED, VARIANTS, expected
from tests.browser.stage import grey, pixels, state, wait_for

RENDERERS = {"webgl2": "chromium", "canvas2d": "chromium_without_webgl"}


@pytest.fixture(params=RENDERERS)
def browser(request: pytest.FixtureRequest) -> Iterator[tuple[str, Browser]]:
    yield request.param, request.getfixturevalue(RENDERERS[request.param])


@pytest.fixture
def page(visits: Visits, browser: tuple[str, Browser]) -> Page:
    return visits.patient(browser[1])


def test_every_encoding_equals_pydicom(site: Site, page: Page, browser: tuple[str, Browser]) -> None:
    page.goto(f"{site.series('encodings')}?i=1")
    differences = {}
    for number, (variant, data_set) in enumerate(zip(VARIANTS, site.studies["encodings"], strict=True), 1):
        if number > 1:
            page.keyboard.press("ArrowDown")
        assert wait_for(page, shown=str(number), quality="full")["renderer"] == browser[0]
        reference = expected(data_set)
        assert np.ptp(reference) > 100, f"{variant.name}: a flat picture proves nothing"
        differences[variant.name] = int(np.abs(grey(page).astype(int) - reference).max())
    assert max(differences.values()) <= 1, differences


def test_without_a_window_script_and_server_agree(site: Site, page: Page, browser: tuple[str, Browser]) -> None:
    page.goto(f"{site.series('no window')}?i=1")
    differences = {}
    for number, variant in enumerate(UNLABELLED, 1):
        if number > 1:
            page.keyboard.press("ArrowDown")
        assert wait_for(page, shown=str(number), quality="full")["renderer"] == browser[0]
        instance = f"/instances/{site.studies['no window'][number - 1].SOPInstanceUID}"
        address = site.series("no window").replace("/studies", "/dicom-web/studies") + instance
        answer = page.request.get(f"{address}/rendered?accept=image/png")
        rendered = np.asarray(Image.open(BytesIO(answer.body())).convert("L"), int)
        differences[variant.name] = int(np.abs(grey(page).astype(int) - rendered).max())
    assert max(differences.values()) <= 1, differences


def test_a_chosen_window_equals_pydicom(site: Site, page: Page, browser: tuple[str, Browser]) -> None:
    page.goto(f"{site.series('encodings')}?i=2")
    wait_for(page, shown="2", quality="full")
    page.get_by_role("button", name="Helligkeit").click()
    page.get_by_role("button", name="Knochen").click()
    wait_for(page, window="400 1800", quality="full")
    chosen = site.studies["encodings"][1]
    wanted = expected(_windowed(chosen, 400, 1800))
    assert np.abs(grey(page).astype(int) - wanted).max() <= 1
    page.get_by_role("button", name="setzen").click()
    wait_for(page, window="40 400")
    assert np.abs(grey(page).astype(int) - expected(chosen)).max() <= 1


def _windowed(data_set: Dataset, center: int, width: int) -> Dataset:
    other = deepcopy(data_set)
    other.WindowCenter, other.WindowWidth = center, width
    return other


def test_a_voi_lut_is_rendered_by_the_server_until_another_window_is_chosen(site: Site, page: Page) -> None:
    page.goto(site.series("VOI LUT"))
    assert wait_for(page, shown="1", quality="full")["renderer"] == "picture"
    found = grey(page)
    assert found[0, 0] > 250 and found[-1, -1] < 5, "the table turns the ramp upside down"


def test_colour(site: Site, page: Page) -> None:
    page.goto(site.series("colour"))
    assert wait_for(page, shown="1", quality="full")["renderer"] == "picture"
    found = pixels(page)
    assert tuple(found[0, 0]) == (250, 0, 0) and tuple(found[-1, -1]) == (0, 0, 250)
    page.get_by_role("button", name="Helligkeit").click()
    assert page.get_by_text("lassen sich Helligkeit und Kontrast nicht ändern").is_visible()


def test_frames(site: Site, page: Page) -> None:
    page.goto(f"{site.series('frames')}?i=1")
    for number in range(1, 6):
        wait_for(page, shown=str(number), quality="full")
        assert (np.abs(grey(page).astype(int) - 20 * number) <= 1).all()
        page.keyboard.press("ArrowRight")
    assert state(page)["shown"] == "5", "there is nothing behind the last image"
