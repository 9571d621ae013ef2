"""The list of languages, and a page that is read from right to left."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.stage import wait_for

NAMES = ["العربية", "Deutsch", "English", "Français", "Polski", "Русский", "Türkçe", "Українська"]


def _left(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"]


@pytest.fixture
def arabic(site: Site, visits: Visits, chromium: Browser) -> Page:
    """The viewer on a phone that speaks Arabic."""
    page = visits.patient(chromium, locale="ar-SY", **PHONE)
    page.goto(site.series("stack"))
    wait_for(page, quality="full")
    return page


def test_a_language_is_chosen_from_a_list_without_script(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium, java_script_enabled=False, locale="ja-JP", **PHONE)
    page.goto(site.gateway.url)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    # A long name leaves the list a line of its own.
    page.locator(".brand span").evaluate("(name) => { name.textContent = 'Universitätsklinikum Beispielstadt'; }")
    page.locator(".languages summary").click()
    links = page.locator(".languages a")
    assert links.all_text_contents() == NAMES
    for link in links.all():
        box = link.bounding_box()
        assert box is not None and box["height"] >= 44 and box["width"] >= 44
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
        assert link.get_attribute("lang") == link.get_attribute("hreflang")
    page.get_by_role("link", name="Українська").click()
    expect(page.locator("html")).to_have_attribute("lang", "uk")
    expect(page.get_by_label("Код доступу")).to_be_visible()
    page.goto(f"{site.gateway.url}/desk")
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_the_page_is_mirrored_and_the_image_is_not(arabic: Page) -> None:
    expect(arabic.locator("html")).to_have_attribute("dir", "rtl")
    assert _left(arabic, "#previous") > _left(arabic, "#slider") > _left(arabic, "#next")
    arabic.locator(".marks").wait_for(state="attached")
    directions: dict[str, Any] = arabic.evaluate(
        """() => Object.fromEntries([".stage", ".marks", "#stage-message", "main"].map((one) => {
          const found = document.querySelector(one);
          return [one, found && getComputedStyle(found).direction];
        }))"""
    )
    assert directions == {".stage": "ltr", ".marks": "ltr", "#stage-message": "rtl", "main": "rtl"}
    width = arabic.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0


def test_the_arrow_keys_follow_the_reading(arabic: Page) -> None:
    expect(arabic.locator("#count")).to_have_text("الصورة 61 من 120")
    arabic.locator("#stage").focus()
    arabic.keyboard.press("ArrowLeft")
    expect(arabic.locator("#count")).to_have_text("الصورة 62 من 120")
    arabic.keyboard.press("ArrowRight")
    arabic.keyboard.press("ArrowRight")
    expect(arabic.locator("#count")).to_have_text("الصورة 60 من 120")
