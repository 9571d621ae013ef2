"""What is no image: curves, documents, videos, as a browser shows them."""

from playwright.sync_api import Browser, expect

from tests.browser.conftest import PHONE, Site, Visits


def test_curves_fit_a_phone_and_have_names(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium, **PHONE)
    page.goto(site.series("ecg"))
    expect(page.get_by_role("heading", name="EKG", exact=True)).to_be_visible()
    curve = page.get_by_role("img", name="Kurve II, 10 Sekunden")
    box = curve.bounding_box()
    assert box and (box["width"], box["height"] % 20) == (1000, 0), "25 mm a second, 4 pixels a millimetre"
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, "the paper scrolls, not the page"
    assert page.locator(".paper").evaluate("(paper) => paper.scrollWidth > paper.clientWidth")
