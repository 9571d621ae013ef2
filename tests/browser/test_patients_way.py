"""The patient's way from the sheet to the image and out again, on phone and desktop (test_without_script: without)."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from auth.codes import new_code, normalise
from auth.errors import MalformedCode
from tests.browser.conftest import BIRTH_DATE, DESKTOP, PHONE, Site, Visits
from tests.browser.stage import stop_the_clock, wait_for

DEVICES: dict[str, dict[str, Any]] = {"phone": PHONE, "desktop": DESKTOP}


def _is_loaded(page: Page, selector: str) -> bool:
    page.locator(selector).wait_for()
    return bool(page.locator(selector).evaluate("async (image) => (await image.decode(), image.naturalWidth > 0)"))


@pytest.mark.parametrize("device", DEVICES)
def test_from_the_printed_code_to_the_image(site: Site, visits: Visits, whole_chromium: Browser, device: str) -> None:
    page = visits.page(whole_chromium, **DEVICES[device])
    page.goto(site.gateway.url)
    page.get_by_label("Zugangscode").press_sequentially(site.code)
    expect(page.locator("#code-state")).to_have_text("Der Code ist vollständig.")
    page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Guten Tag, \u2068Erika Muster\u2069")
    expect(page.get_by_role("heading", level=2).first).to_have_text("Computertomographie Brustkorb, 3. März 2026")
    expect(page.get_by_text("Nicht zur Befundung geeignet!")).to_be_visible()
    expect(page.get_by_text("Ihr Zugang gilt bis")).to_be_visible()
    assert _is_loaded(page, ".hero-picture img")
    box = page.locator(".hero-picture img").bounding_box()
    assert box and box["y"] < page.viewport_size["height"], "the first image is in sight at once"  # type: ignore[index]

    page.get_by_role("link", name="Bilder ansehen").click()
    expect(page.locator("#count")).to_have_text("Bild 61 von 120")
    page.get_by_role("link", name="Nächstes Bild").click()
    expect(page.locator("#count")).to_have_text("Bild 62 von 120")
    expect(page.get_by_text("Nicht zur Befundung geeignet!")).to_be_visible()
    assert wait_for(page, shown="62", quality="full")["renderer"] == "webgl2"

    page.get_by_role("link", name="Mein Zugang").click()
    expect(page.get_by_text("Das ist für Sie freigegeben")).to_be_visible()
    page.locator("main").get_by_role("button", name="Abmelden", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Sie sind abgemeldet")
    page.go_back()
    expect(page.get_by_label("Zugangscode")).to_be_visible()
    page.goto(site.series("stack"))
    expect(page.get_by_role("alert").or_(page.get_by_label("Zugangscode")).first).to_be_visible()


def test_the_way_by_qr_code(site: Site, visits: Visits, whole_chromium: Browser) -> None:
    page = visits.page(whole_chromium, **PHONE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    token = site.link.partition("#")[2]
    assert len(token) == 26
    page.goto(site.link)
    expect(page.get_by_text("Ihr QR-Code wurde erkannt")).to_be_visible()
    expect(page.get_by_label("Zugangscode")).to_be_hidden()
    assert page.url == f"{site.gateway.url}/z", "the fragment is gone from address and history"
    expect(page.get_by_label("Geburtsdatum")).to_be_focused()
    page.get_by_label("Geburtsdatum").fill("1.1.1950")
    visits.expected = {"/login"}
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Das hat nicht geklappt")
    page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Erika Muster")
    assert not [url for url in asked if token in url.partition("#")[0]]
    assert token not in site.gateway.log.read_text("utf-8")


def test_the_qr_codes_token_survives_the_language_switch(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    page.goto(site.link)
    page.get_by_text("Deutsch").first.click()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_text("Your QR code was recognised")).to_be_visible()
    page.get_by_label("date of birth").fill("31/01/1950")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, \u2068Erika Muster\u2069")


def test_on_a_slow_line_the_qr_codes_token_is_there_before_the_button(
    site: Site, visits: Visits, chromium: Browser
) -> None:
    """No module of the page ever comes here, and neither does anything on the form need one."""
    page = visits.page(chromium, **PHONE)
    modules: list[str] = []
    page.route("**/js/main.js?*", lambda route: modules.append(route.request.url), times=1)
    page.goto(site.link, wait_until="commit")
    page.locator("#qr-found").wait_for()
    assert page.url == f"{site.gateway.url}/z"
    page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Erika Muster")
    assert len(modules) == 1, "the one that was held"


def test_a_form_sent_before_its_page_is_read_has_the_token(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    page.add_init_script('document.addEventListener("readystatechange", (event) => event.stopImmediatePropagation())')
    page.goto(site.link)
    page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Erika Muster")


def test_a_landing_without_token_asks_for_the_code(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    page.goto(f"{site.gateway.url}/z")
    expect(page.get_by_text("Der QR-Code ist nicht mehr da")).to_be_visible()
    expect(page.get_by_text("weil JavaScript ausgeschaltet ist")).to_be_hidden()
    page.get_by_label("Zugangscode").fill(site.code)
    page.get_by_label("Geburtsdatum").fill("31011950")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Erika Muster")


def test_feedback_while_the_code_is_typed(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    page.goto(site.gateway.url)
    field, state = page.get_by_label("Zugangscode"), page.locator("#code-state")
    bare = site.code.replace("-", "")
    field.press_sequentially(bare[:5].lower())
    expect(state).to_have_text("Noch 11 Zeichen")
    assert field.input_value() == f"{bare[:4]}-{bare[4]}"
    field.press_sequentially(bare[5:15])
    expect(state).to_have_text("Noch 1 Zeichen")
    wrong = "0" if bare[15] != "0" else "1"
    field.press_sequentially(wrong)
    expect(state).to_contain_text("Hier stimmt ein Zeichen nicht")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.press("Backspace")
    field.press_sequentially(bare[15])
    expect(state).to_have_text("Der Code ist vollständig.")
    field.press_sequentially("A")
    expect(state).to_contain_text("zu viele Zeichen")


def test_script_and_server_judge_codes_alike(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    page.goto(site.gateway.url)
    codes = [new_code() for _ in range(40)]
    swapped = [code[1] + code[0] + code[2:] for code in codes]
    others = ["", "ABC", "OIL0-1234-5678-9ABC", codes[0] + "A", codes[1].lower().replace("-", " "), "U" * 16, "é" * 16]
    texts = [*codes, *swapped, *others]
    verdicts = page.evaluate(
        """async ([url, texts]) => {
          const { judge } = await import(url);
          return texts.map((text) => judge(text).state === "good");
        }""",
        [f"{site.gateway.url}/static/js/code.js", texts],
    )

    def is_code(text: str) -> bool:
        try:
            return bool(normalise(text))
        except MalformedCode:
            return False

    assert verdicts == [is_code(text) for text in texts]


def test_a_strangers_study_is_not_found(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    foreign = site.studies["foreign"][0]
    study, series = foreign.StudyInstanceUID, foreign.SeriesInstanceUID
    paths = [
        f"/studies/{study}",
        f"/studies/{study}/series/{series}",
        f"/dicom-web/studies/{study}/metadata",
        f"/dicom-web/studies/{study}/series/{series}/instances/{foreign.SOPInstanceUID}/rendered",
        f"/dicom-web/studies/{study}/series/{series}/instances/{foreign.SOPInstanceUID}/frames/1",
    ]
    visits.expected = set(paths)
    for path in paths:
        answer = page.goto(f"{site.gateway.url}{path}")
        assert answer and answer.status == 404, path
        assert "Beispiel" not in page.content()


def test_a_report_is_a_sentence(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    page.goto(site.series("report"))
    expect(page.get_by_text("einen Bericht in Maschinenform")).to_be_visible()
    assert page.locator("main img").count() == 0


def test_who_sits_still_is_asked_and_then_signed_out(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    visits.sign_in(page)
    stop_the_clock(page)
    page.goto(site.gateway.url)
    dialog = page.get_by_role("dialog", name="Sind Sie noch da?")
    page.clock.run_for(17 * 60_000)
    expect(dialog).to_be_hidden()
    page.clock.run_for(2 * 60_000)
    expect(dialog).to_be_visible()
    with page.expect_response("**/session"):
        dialog.get_by_role("button", name="Ja, weiter ansehen").click()
    expect(dialog).to_be_hidden()
    page.evaluate("async () => (await fetch('/session')).json()")  # by now the page has read its own answer
    page.clock.run_for(16 * 60_000)
    expect(dialog).to_be_hidden()
    page.clock.run_for(5 * 60_000)
    expect(page).to_have_url(f"{site.gateway.url}/?ended")
