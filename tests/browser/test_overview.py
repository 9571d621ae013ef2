"""The overview folds by the browser's own means; what a patient has opened stays open."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PHONE, Site, Visits


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_newest_is_open_and_the_others_open_on_demand(
    site: Site, visits: Visits, chromium: Browser, script: bool
) -> None:
    page = visits.patient(chromium, java_script_enabled=script, **PHONE)
    page.goto(site.gateway.url)
    expect(page.locator(".hero .tile")).to_be_visible()
    earlier = page.locator("details.study").first
    expect(earlier.locator("summary")).to_contain_text("1. Januar 2024")
    expect(earlier.locator(".tile")).to_be_hidden()
    earlier.locator("summary").tap()
    expect(earlier.locator(".tile").first).to_be_visible()
    earlier.get_by_role("link", name="Diese Untersuchung öffnen").tap()
    expect(page.get_by_role("heading", level=1)).to_contain_text("1. Januar 2024")


def test_what_was_opened_stays_open_and_what_was_closed_closed(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    page.goto(site.gateway.url)
    earlier = page.locator("details.study").first
    earlier.locator("summary").focus()
    page.keyboard.press("Enter")
    page.locator(".hero-strip > summary").click()
    expect(page.locator(".hero .tile")).to_be_hidden()
    page.goto(site.series("stack"))
    page.goto(site.gateway.url)
    expect(earlier.locator(".tile").first).to_be_visible()
    expect(page.locator(".hero .tile")).to_be_hidden()
