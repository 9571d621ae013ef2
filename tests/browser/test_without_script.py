"""JavaScript off, on a phone: from the sheet's link to images, other series and studies, the account, and out again."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import BIRTH_DATE, PHONE, Site, Visits


def _seen(page: Page, selector: str = "#picture") -> NDArray[np.uint8]:
    """What is painted where the picture stands: no script of the page could say it, and it is what people see."""
    picture = page.locator(selector)
    picture.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    return np.asarray(Image.open(BytesIO(picture.screenshot())).convert("L"))


def test_the_whole_way(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium, java_script_enabled=False, **PHONE)
    page.goto(site.link)
    expect(page.get_by_text("weil JavaScript ausgeschaltet ist")).to_be_visible()
    page.get_by_label("Zugangscode").fill(site.code)
    page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Erika Muster")
    assert np.ptp(_seen(page, ".hero-picture img")) > 100, "the newest study's image"

    page.get_by_role("link", name="Bilder ansehen").click()
    expect(page.locator("#count")).to_have_text("Bild 61 von 120")
    before = _seen(page)
    page.get_by_role("link", name="Nächstes Bild").click()
    expect(page.locator("#count")).to_have_text("Bild 62 von 120")
    assert page.url.endswith("?i=62")
    after = _seen(page)
    assert np.ptp(after) > 100 and (before != after).any(), "another image is painted"
    # What only a script can do is not offered.
    for name in ("tools", "slider", "save", "print", "keyboard"):
        expect(page.locator(f"#{name}")).to_be_hidden()

    page.get_by_role("link", name="Durchblick").click()
    study = page.locator("details.study").filter(has_text="1. Februar 2019")
    study.locator("summary").click()
    study.get_by_role("link", name="Topogramm").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Übersichtsbild")
    scout = page.url
    page.locator(".others a:not([aria-current])").first.click()
    expect(page.locator("#count")).to_have_text("Bild 2 von 3")
    assert page.url != scout
    _seen(page)

    page.get_by_role("link", name="Mein Zugang").click()
    expect(page.get_by_text("Das ist für Sie freigegeben")).to_be_visible()
    page.goto(f"{site.gateway.url}/downloads")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Download vorbereiten").first).to_be_enabled()
    page.get_by_role("button", name="Abmelden", exact=True).first.click()
    expect(page.get_by_role("alert")).to_contain_text("Sie sind abgemeldet")
    page.go_back()
    expect(page.get_by_label("Zugangscode")).to_be_visible()
