"""From a share into the site's own OHIF, set up as docs/dicomweb.md says: the portal's button, and what OHIF sees."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.ohif import studies
from tests.ohif.conftest import Site
from tests.ohif.test_images import _shows
from tests.ohif.visit import Visit


@pytest.fixture
def doctor(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="de-DE")
    context.add_init_script("window.localStorage?.setItem('shownTours', '[\"basicViewerTour\"]')")
    yield context
    context.close()


def _portal(site: Site, doctor: BrowserContext) -> tuple[Page, str]:
    """The share of one study at its first series, the doctor's tools open; and the share's id."""
    study = studies.study_uid("stack")
    share = site.gateway.answer("share", "create", "--study", study, "--birth-date", "19500131")
    page = doctor.new_page()
    page.goto(share["url"])
    page.fill("#birth-date", "31.01.1950")
    page.get_by_role("button", name="Bilder öffnen").click()
    page.wait_for_url(f"{site.gateway.url}/")
    page.goto(f"{site.gateway.url}/studies/{study}/series/{studies.series_uid('stack')}")
    page.locator("#doctors-tools").click()
    page.get_by_text("In einem anderen Betrachter öffnen").click()
    return page, share["id"]


def test_a_study_opens_in_ohif_and_no_other_is_there(site: Site, doctor: BrowserContext) -> None:
    asked: list[Request] = []
    doctor.on("request", lambda request: asked.append(request))
    page, share = _portal(site, doctor)
    with page.expect_popup() as popup:
        page.get_by_role("button", name="In OHIF öffnen").click()
    visit = Visit(site.shared.origin, site.gateway.url, popup.value)
    _shows(visit, 1)
    assert urlsplit(visit.page.url).fragment == "", "the ticket is out of the address bar"
    token = visit.page.evaluate("sessionStorage.getItem('durchblick')")
    (exchange,) = (one for one in asked if one.url.endswith("/open/token"))
    ticket = (exchange.post_data or "").removeprefix("ticket=")
    assert token and ticket and "/viewer" in site.shared.asked
    sent = [urlsplit(one.url)._replace(fragment="").geturl() for one in asked]
    assert not [url for url in (*site.shared.asked, *sent) if ticket in url or token in url]

    rows = visit.studies().all_inner_texts()
    assert [row for row in rows if "Prüfung" in row] and all("Prüfung stack" in row for row in rows if "2026" in row)
    beyond = visit.page.evaluate(
        "([url, token]) => fetch(url, { headers: { Authorization: `Bearer ${token}` } }).then(({ status }) => status)",
        [f"{site.gateway.dicomweb}/studies/{studies.study_uid('jpegls')}/metadata", token],
    )
    assert beyond == 404
    visit.expected = {"404 for /dicom-web"}
    assert visit.complaints() == []

    site.gateway.answer("share", "revoke", share)
    visit.page.goto(f"{site.shared.origin}/viewer?StudyInstanceUIDs={studies.study_uid('stack')}")
    visit.until(lambda: visit.page.url.startswith(site.gateway.url), "the way back to the portal")


def test_who_comes_without_a_ticket_is_led_to_the_portal(site: Site, doctor: BrowserContext) -> None:
    page = doctor.new_page()
    page.goto(f"{site.shared.origin}/viewer#ticket=nobodys")
    page.wait_for_url(f"{site.gateway.url}/")


def test_weasis_is_led_to_its_manifest(site: Site, doctor: BrowserContext) -> None:
    page, _ = _portal(site, doctor)
    with page.expect_popup() as popup:
        page.get_by_role("button", name="In Weasis öffnen").click()
    link = popup.value.get_by_role("link", name="In Weasis öffnen")
    assert (link.get_attribute("href") or "").startswith("weasis://%24dicom%3Aget+-w+%22http")
