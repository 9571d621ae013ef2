"""A morning at the desk in Chromium, by keyboard and scanner alone, and the patient across the counter."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.keys import do, focus, has_focus, press, scan, type_into

NAME, PASSWORD = "a.probe", "sieben graue Katzen"


@pytest.fixture(scope="module")
def account(site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("desk") / "password"
    file.write_text(PASSWORD, encoding="utf-8")
    site.gateway.answer("user", "add", NAME, "--role", "desk", "--site", "main", "--password-file", str(file))
    return NAME


@pytest.fixture
def visits(site: Site) -> Iterator[Visits]:
    visits = Visits(site, {})
    yield visits
    visits.close()
    assert visits.complaints == []


def code_of(page: Page) -> str:
    groups: list[str] = page.locator("#code > span:not(.visually-hidden)").all_inner_texts()
    return "-".join(groups)


def _patient_signs_in(visits: Visits, browser: Browser, code: str) -> Page:
    page = visits.page(browser, **PHONE)
    page.goto(visits.site.gateway.url)
    page.get_by_label("Zugangscode").fill(code)
    page.get_by_label("Geburtsdatum").fill("31.01.1950")
    page.get_by_role("button", name="Bilder öffnen").click()
    return page


def come_in(desk: Page, site: Site, account: str) -> None:
    """The first sign-in, which sets up one-time codes."""
    desk.goto(f"{site.gateway.url}/desk")
    _enrol(desk, account)


def _enrol(page: Page, account: str) -> None:
    """From the form to the first page of the desk."""
    type_into(page, "name", account)
    press(page, "Tab")
    scan(page, "password", PASSWORD)
    page.wait_for_url("**/desk/enrolment")
    _fits(page)
    seed = page.locator("#seed").inner_text().replace(" ", "")
    scan(page, "code", pyotp.TOTP(seed).now())
    page.wait_for_url("**/desk")


def _type_early(desk: Page) -> None:
    """Begin to type when the field is there, and go on when the script has come too."""
    held: list[Route] = []
    desk.route("**/js/desk/main.js*", lambda route: held.append(route))
    with desk.expect_request("**/js/desk/main.js*"):
        desk.goto(desk.url, wait_until="commit")
    type_into(desk, "q", "TE")
    held[0].continue_()
    desk.unroute_all()
    desk.wait_for_load_state("load")
    desk.keyboard.type("ST")
    assert desk.locator("#q").input_value() == "TEST"
    desk.reload()


def _share(desk: Page, folder: Path) -> str:
    """Scan the patient's id, share, save the sheet: the field has the focus, and so has what comes next."""
    scan(desk, "q", "TEST-1")
    desk.wait_for_url("**/desk/studies/*")
    assert desk.get_by_role("heading", level=1).inner_text() == "Muster, Erika"
    do(desk, "Alles freigeben, auch Künftiges")
    desk.locator(".paper").wait_for()
    has_focus(desk, "print")
    with desk.expect_download() as download:
        do(desk, "PDF (A4)")
    download.value.save_as(folder / "sheet.pdf")
    assert (folder / "sheet.pdf").read_bytes().startswith(b"%PDF")
    code = code_of(desk)
    assert re.fullmatch(r"\w{4}(-\w{4}){3}", code)
    return code


def _leave(desk: Page, account: str) -> None:
    """Sign out, and find nothing by the back button."""
    do(desk, f"Abmelden {account}")
    desk.wait_for_url("**/desk/sign-in?signed_out")
    desk.go_back()
    desk.wait_for_url("**/desk/sign-in*")
    assert "Erika" not in desk.content()


def test_a_morning_at_the_desk(visits: Visits, chromium: Browser, account: str, tmp_path: Path, site: Site) -> None:
    desk = visits.page(chromium)
    come_in(desk, site, account)
    _type_early(desk)
    code = _share(desk, tmp_path)
    patient = _patient_signs_in(visits, chromium, code)
    patient.get_by_role("heading", name="Erika Muster").wait_for()

    do(desk, "Freigabe ansehen")
    desk.wait_for_url("**/desk/shares/*")
    share = desk.url
    do(desk, "Verlängern")
    desk.get_by_text("Die Freigabe ist verlängert").wait_for()
    do(desk, "Neues Blatt")
    desk.locator(".paper").wait_for()
    fresh = code_of(desk)
    patient.reload()
    patient.get_by_text("Sie wurden abgemeldet").wait_for()
    visits.expected.update({"/login"})
    _patient_signs_in(visits, chromium, code).get_by_text("Das hat nicht geklappt").wait_for()
    again = _patient_signs_in(visits, chromium, fresh)
    again.get_by_role("heading", name="Erika Muster").wait_for()

    desk.goto(share)
    focus(desk, "Ja, endgültig")
    press(desk, "Space")
    do(desk, "Beenden")
    desk.get_by_text("Die Freigabe ist beendet").wait_for()
    again.reload()
    again.get_by_text("Sie wurden abgemeldet").wait_for()
    _leave(desk, account)


@pytest.mark.parametrize(("width", "language"), [(320, "de-DE"), (390, "en-GB"), (1280, "de-DE")])
def test_every_screen_fits(
    visits: Visits, chromium: Browser, site: Site, tmp_path: Path, width: int, language: str
) -> None:
    """No sideways scrolling, and nothing to hit that is smaller than 44 pixels."""
    name = f"fit.{width}.{language[:2]}"
    file = tmp_path / "password"
    file.write_text(PASSWORD, encoding="utf-8")
    site.gateway.answer("user", "add", name, "--role", "admin", "--password-file", str(file))
    page = visits.page(chromium, viewport={"width": width, "height": 800}, locale=language)
    page.goto(f"{site.gateway.url}/desk")
    _fits(page)
    _enrol(page, name)
    scan(page, "q", "Beispiel")
    page.wait_for_url("**/desk/studies/*")
    _fits(page)
    page.locator("button[name=what][value=patient]").click()
    page.locator(".paper").wait_for()
    _fits(page)
    page.locator(".sheet-head p a").click()
    page.wait_for_url("**/desk/shares/*")
    _fits(page)
    rooms = ("", "/shares", "/waiting", "/forwarding", "/forwarding/rules", "/upload-links", "/staff")
    for path in (f"/desk{room}" for room in rooms):
        page.goto(f"{site.gateway.url}{path}")
        _fits(page)
    _new_account(page, f"new.{name}")


def _new_account(page: Page, name: str) -> None:
    """From the form to the first sign-in of whoever gets the set-up code."""
    page.locator("#name").fill(name)
    page.locator("form.card button").click()
    code = page.locator("#set-up").inner_text()
    _fits(page)
    page.locator(".actions a:not(.primary)").click()
    page.wait_for_url(f"**/desk/staff/{name}")
    _fits(page)
    page.context.clear_cookies()
    page.goto(page.url)
    page.locator("#name").fill(name)
    scan_into(page, "#password", code)
    page.wait_for_url("**/desk/enrolment")
    _fits(page)
    page.locator("#password").fill("ein eigener Satz")
    scan_into(page, "#again", "ein eigener Satz")
    page.locator("#seed").wait_for()


def scan_into(page: Page, field: str, text: str) -> None:
    page.locator(field).fill(text)
    page.locator(field).press("Enter")


_TOO_SMALL = """() => [...document.querySelectorAll("a, button, input, select, summary")].filter((one) => {
  const box = one.getBoundingClientRect();
  const inText = getComputedStyle(one).display === "inline";
  const target = one.closest("label")?.getBoundingClientRect() ?? box;
  return one.checkVisibility() && one.type !== "hidden" && box.top >= 0 && !inText && target.height < 43.5;
}).map((one) => one.outerHTML.slice(0, 80))"""


def _fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, page.url
    assert page.evaluate(_TOO_SMALL) == [], page.url
