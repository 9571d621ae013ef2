"""The image in sight as a file and on paper, each with whose it is, of when, and what it is not good for."""

import re
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from pypdf import PdfReader

from tests.browser.conftest import DESKTOP, PHONE, Site, Visits
from tests.browser.pictures import COLUMNS, ROWS
from tests.browser.stage import pixels, wait_for

Pixels = NDArray[np.uint8]


@pytest.fixture
def opened(site: Site, visits: Visits, chromium: Browser) -> Callable[..., Page]:
    """Opens an image of a series, and waits until it stands there in full."""

    def open_image(name: str, number: int = 1) -> Page:
        page = visits.patient(chromium)
        page.goto(f"{site.series(name)}?i={number}")
        wait_for(page, shown=str(number), quality="full")
        page.locator("[data-part=marks-button]").wait_for()
        return page

    return open_image


def _saved(page: Page) -> tuple[str, Pixels]:
    """Name and pixels of what the button gives."""
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Bild speichern").click()
    expect(page.get_by_role("status").filter(has_text="Gespeichert.")).to_be_visible()
    with Image.open(BytesIO(Path(downloading.value.path()).read_bytes())) as picture:
        assert picture.format == "JPEG"
        return downloading.value.suggested_filename, np.asarray(picture.convert("RGB"))


def _is_above(stage: Pixels, saved: Pixels) -> None:
    """`saved` is `stage`, enlarged by whole pixels, and below it a strip with something written on it."""
    rows, columns, _ = stage.shape
    times = saved.shape[1] // columns
    assert times >= 1 and saved.shape[1] == columns * times
    image, strip = saved[: rows * times], saved[rows * times :]
    expected = stage.repeat(times, axis=0).repeat(times, axis=1)
    assert np.abs(image.astype(int) - expected.astype(int)).max() <= 3
    assert len(strip) > 60 and (strip > 240).mean() > 0.5
    assert (strip < 60).mean() > 0.01, "nothing is written there"


@pytest.mark.parametrize("name", ["stack", "encodings", "colour", "frames"])
def test_the_file_holds_the_image_and_a_strip(opened: Callable[..., Page], name: str) -> None:
    page = opened(name, 2 if name != "colour" else 1)
    _is_above(pixels(page), _saved(page)[1])


def test_nobodys_name_is_in_the_files_name(opened: Callable[..., Page]) -> None:
    assert _saved(opened("stack", 61))[0] == "Bild-20260303-61.jpg"
    caption = opened("stack", 61).locator("#caption")
    assert "Erika Muster" in (caption.text_content() or ""), "it has one"


def test_window_turn_mirror_and_inversion_are_as_shown(opened: Callable[..., Page]) -> None:
    page = opened("encodings", 2)
    before = pixels(page)
    page.get_by_role("button", name="Helligkeit").click()
    page.get_by_role("button", name="Heller").click()
    page.locator("#doctors-tools").click()
    page.locator("summary", has_text="Ansicht").click()
    for name in ("Nach rechts drehen", "Waagrecht spiegeln", "Invertieren"):
        page.get_by_role("button", name=name).click()
    wait_for(page, quality="full")
    shown = pixels(page)
    assert (shown != before).any()
    _is_above(255 - np.rot90(shown, -1)[:, ::-1], _saved(page)[1])


def test_overlays_and_shutters_go_along(opened: Callable[..., Page]) -> None:
    page = opened("planes", 1)
    page.locator(".layer .overlay path").wait_for(state="attached")
    saved = _saved(page)[1]
    times = saved.shape[1] // COLUMNS

    def at(row: int, column: int) -> int:
        return int(saved[row * times + times // 2, column * times + times // 2].mean())

    assert abs(at(2, 4) - 255) <= 3, "the overlay"
    assert abs(at(ROWS - 1, COLUMNS - 1) - 128) <= 3, "the shutter"
    page.get_by_role("button", name="Angaben im Bild").click()
    saved = _saved(page)[1]
    assert abs(at(2, 4) - 255) > 3 and abs(at(ROWS - 1, COLUMNS - 1) - 128) <= 3


def test_letters_go_along_while_they_are_shown(opened: Callable[..., Page]) -> None:
    page = opened("body")
    expect(page.locator(".edge-top")).to_have_text("A")
    with_letters = _saved(page)[1]
    page.get_by_role("button", name="Angaben im Bild").click()
    without = _saved(page)[1]
    _is_above(pixels(page), without)
    assert (np.abs(with_letters.astype(int) - without.astype(int)) > 60).any()


_ON_PAPER = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .map((one) => one.textContent)"""


@pytest.mark.parametrize("window", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_on_paper_are_image_name_date_and_notice(site: Site, visits: Visits, chromium: Browser, window: Any) -> None:
    page = visits.patient(chromium, **window)
    page.goto(f"{site.series('stack')}?i=61")
    wait_for(page, shown="61", quality="full")
    page.evaluate("() => { window.print = () => { document.body.dataset.printed = 'yes'; }; }")
    page.get_by_role("button", name="Drucken").click()
    expect(page.locator("body[data-printed=yes]")).to_be_attached()
    page.emulate_media(media="print")
    expect(page.locator("#stage canvas:visible")).to_have_count(1)
    written = page.evaluate(_ON_PAPER)
    assert written[:2] == ["Nicht zur Befundung geeignet!", "Erika Muster"]
    assert "3. März 2026" in written[2] and len(written) == 4
    page.emulate_media(media="screen")
    expect(page.locator("#caption")).to_be_hidden()


@pytest.mark.parametrize("window", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_image_lies_on_paper_as_on_the_stage(site: Site, visits: Visits, chromium: Browser, window: Any) -> None:
    """Printed for real, since a browser runs no script between the layout of the paper and the print."""
    page = visits.patient(chromium, **window)
    page.goto(f"{site.series('colour')}")
    wait_for(page, quality="full")
    sheets = PdfReader(BytesIO(page.pdf(format="A4", prefer_css_page_size=True))).pages
    placed: list[tuple[float, float]] = []

    def note(operator: bytes, _operands: Any, matrix: Sequence[float], _text: Sequence[float]) -> None:
        if operator == b"Do":
            placed.append((abs(matrix[0]), abs(matrix[3])))

    sheets[0].extract_text(visitor_operand_before=note)
    width, height = max(placed)
    assert len(sheets) == 1
    assert width == pytest.approx((21 - 2 * 1.5) / 2.54 * 72, abs=2), "all between the margins"
    assert height == pytest.approx(width * ROWS / COLUMNS, abs=2)


def test_what_cannot_be_saved_is_said(opened: Callable[..., Page]) -> None:
    page = opened("stack")
    page.evaluate("() => { HTMLCanvasElement.prototype.toBlob = (done) => done(null); }")
    page.get_by_role("button", name="Bild speichern").click()
    expect(page.get_by_text("Das Bild ließ sich nicht speichern.")).to_be_visible()


def test_the_module_comes_when_it_is_asked_for(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    scripts: list[str] = []
    page.on("request", lambda request: scripts.append(request.url))
    visits.sign_in(page)
    page.goto(site.series("stack"))
    wait_for(page, quality="full")
    page.wait_for_load_state("networkidle")
    assert not any("saving.js" in url for url in scripts)
    _saved(page)
    assert any("saving.js" in url for url in scripts)


def test_only_images_that_script_shows_can_be_kept(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    page.goto(site.series("report"))
    assert page.locator("#keep").count() == 0
    page = visits.page(chromium, storage_state=visits.session, java_script_enabled=False)
    page.goto(site.series("stack"))
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#save")).to_be_hidden()
    expect(page.locator("#print")).to_be_hidden()
    expect(page.locator("#caption")).to_be_hidden()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_series_is_saved_as_film_and_as_pdf(site: Site, visits: Visits, chromium: Browser, script: bool) -> None:
    page = visits.page(chromium, storage_state=visits.session, java_script_enabled=script)
    page.goto(site.series("frames"))
    if script:
        wait_for(page, quality="full")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Serie als Film").click()
    content = Path(downloading.value.path()).read_bytes()
    assert downloading.value.suggested_filename.endswith((".webp", ".mp4"))
    assert content[:4] == b"RIFF" or content[4:8] == b"ftyp", "MP4 where FFmpeg is"
    if script:
        expect(page.locator("#save-said")).to_contain_text("Gespeichert.")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Serie als PDF").click()
    assert downloading.value.suggested_filename.endswith(".pdf")
    text = " ".join(sheet.extract_text() for sheet in PdfReader(downloading.value.path()).pages)
    assert "Erika Muster" in text and "Bild 1 von" in text and "Nicht zur Befundung" in text


def test_the_window_in_sight_goes_along_and_failure_is_said(visits: Visits, opened: Callable[..., Page]) -> None:
    visits.expected.add(",linear")
    page = opened("stack")
    page.get_by_role("button", name="Helligkeit").click()
    page.get_by_role("button", name="Heller").click()
    asked: list[str] = []

    def busy(route: Route) -> None:
        asked.append(route.request.url)
        expect(page.locator("#save-said")).to_contain_text("Wird erstellt")
        expect(page.locator("#save-film")).to_have_attribute("aria-disabled", "true")
        route.fulfill(status=503, headers={"retry-after": "30"})

    page.route(re.compile(r"/film\.(webp|mp4)"), busy)
    page.get_by_role("link", name="Serie als Film").click()
    expect(page.locator("#save-said")).to_contain_text("ließ sich nicht speichern")
    assert re.search(r"film\.(webp|mp4)\?window=[-0-9.]+,[0-9.]+,linear$", asked[0])
