"""Two series side by side: chosen by picture and name, joined by place, kept by the address."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.unit import run

SHOWN = re.compile("full")


def _address(site: Site, one: str, other: str) -> str:
    first = site.studies[other][0]
    return f"{site.series(one)}/compare/{first.StudyInstanceUID}/{first.SeriesInstanceUID}"


def _count(page: Page, side: str) -> Locator:
    return page.locator(f"#{side}-count")


def _settled(page: Page, *sides: str) -> None:
    for side in sides or ("one", "other"):
        expect(page.locator(f"#{side}-stage")).to_have_attribute("data-quality", SHOWN)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_way_there_and_back(site: Site, visits: Visits, chromium: Browser, script: bool) -> None:
    page = visits.patient(chromium, java_script_enabled=script, **PHONE)
    page.goto(f"{site.series('stack')}?i=20")
    page.get_by_role("link", name="Vergleichen").click()
    groups = page.locator("#offers h2")
    expect(groups.first).to_have_text("Gleiche Art von Untersuchung")
    first = page.locator("#offers .card").first
    count = len(site.studies["encodings"])
    expect(first).to_contain_text("1. Januar 2024")
    expect(first.locator(".tile-count")).to_have_text(f"{count} Bilder")
    first.locator(".tile").click()
    expect(page.get_by_text("Nicht zur Befundung geeignet!")).to_be_visible()
    expect(_count(page, "one")).to_have_text("Bild 20 von 120")
    expect(_count(page, "other")).to_have_text(f"Bild {count // 2 + 1} von {count}")
    page.locator("#other-next").click()
    expect(_count(page, "other")).to_have_text(f"Bild {count // 2 + 2} von {count}")
    if not script:
        expect(_count(page, "one")).to_have_text("Bild 20 von 120")
    page.get_by_role("link", name="Vergleich beenden").click()
    expect(page.get_by_role("heading", name="Vergleich")).to_have_count(0)
    expect(page.locator("#count")).to_have_text(re.compile("von 120"))


def test_both_move_until_they_are_parted_and_the_address_keeps_them(
    site: Site, visits: Visits, chromium: Browser
) -> None:
    page = visits.patient(chromium)
    page.goto(f"{_address(site, 'volume', 'volume')}?i=5&j=9")
    _settled(page)
    expect(_count(page, "other")).to_have_text("Bild 5 von 20")  # the same place in the same patient
    page.locator("#one-stage").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(_count(page, "other")).to_have_text("Bild 7 von 20")
    page.get_by_role("button", name="Größer").click()
    expect(page.locator("#other-stage")).to_have_attribute("data-zoom", "1.50")
    page.get_by_role("switch", name="Gemeinsam bewegen").uncheck()
    page.locator("#other-stage").focus()
    page.keyboard.press("End")
    expect(_count(page, "other")).to_have_text("Bild 20 von 20")
    expect(_count(page, "one")).to_have_text("Bild 7 von 20")
    page.wait_for_url(re.compile(r"\?i=7&j=20$"))
    assert page.locator("#end").get_attribute("href"), "the way back knows the image"
    page.get_by_role("button", name="Helligkeit").click()
    expect(page.locator("#other-window-panel")).to_be_visible()
    expect(page.locator("#one-window-panel")).to_be_hidden()
    page.locator("#one-stage").click()
    expect(page.locator("#one-window-panel")).to_be_visible()
    expect(page.locator("#other-window-panel")).to_be_hidden()


def test_series_without_place_go_by_their_part(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium, locale="en-GB")

    def faster_than_the_script(route: Route) -> None:
        page.locator("#one-slider").fill("119")
        route.continue_()

    page.route(re.compile(r"/following\b"), faster_than_the_script)
    page.goto(f"{_address(site, 'stack', 'frames')}?i=60&j=3")
    expect(_count(page, "other")).to_have_text("Image 5 of 5")
    page.locator("#one-slider").fill("59")
    expect(_count(page, "other")).to_have_text("Image 3 of 5")


def test_it_fits_a_small_phone(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium, **PHONE)
    page.goto(_address(site, "stack", "volume"))
    _settled(page)
    box = page.locator("#other-slider").bounding_box()
    assert box and box["y"] + box["height"] < PHONE["viewport"]["height"], "both images are in sight at once"
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("", "/compare"):
        if path:
            page.goto(site.series("stack") + path)
        width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0


def test_nobody_compares_with_what_is_not_shared(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    foreign, report = _address(site, "stack", "foreign"), _address(site, "stack", "report")
    page.goto(site.series("stack"))
    found = run(
        page, "page.js", "return Promise.all(argument.map(async (url) => (await fetch(url)).status))", [foreign, report]
    )
    visits.complaints.clear()
    assert found == [404, 404]
