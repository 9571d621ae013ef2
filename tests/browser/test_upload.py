"""Sending images in, in Chromium: the form, whose images they are, a lost connection, the confirmation."""

import json
import os
from pathlib import Path
from typing import Any, get_args

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from gateway.intake.uploads import State
from gateway.pages.static import STATIC_FOLDER
from tests.browser.conftest import DESKTOP, PHONE, Site, Visits
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, dicomdir, part10

STUDY = {"StudyInstanceUID": "1.2.3.77", "SeriesInstanceUID": "1.2.3.77.1"}


def images(count: int, **attributes: Any) -> list[FilePayload]:
    kind = "application/octet-stream"
    data = [part10(ct(number=number, **STUDY | attributes)) for number in range(1, count + 1)]
    return [FilePayload(name=f"IM{number}", mimeType=kind, buffer=one) for number, one in enumerate(data)]


def link(site: Site, form: str = "patient") -> str:
    return str(site.gateway.answer("upload", "link", "create", "--for", form)["url"])


def apart(text: str) -> str:
    """Isolated, so that it does not turn what stands around it (UAX 9)."""
    return f"\u2068{text}\u2069"


def begin(page: Page, site: Site) -> None:
    """To the page of the files, as Erika Muster, once its script has put the chooser in place of the plain form."""
    page.goto(link(site))
    page.get_by_label("Ihr Vor- und Nachname").fill("Erika Muster")
    page.get_by_label("Ihr Geburtsdatum").fill("31.1.1950")
    page.get_by_label("Telefon oder E-Mail").fill("030 1234")
    page.get_by_role("button", name="Weiter zu den Bildern").click()
    page.get_by_role("heading", name="Bilder auswählen").wait_for()
    page.locator("#chooser").wait_for()


def reference(page: Page) -> str:
    return page.locator(".reference").inner_text()


def examined(page: Page, site: Site, sent: str, state: str = "waiting") -> dict[str, Any]:
    """What staff find of an upload, once the worker has done its part: it waits for them, or is in another state."""
    for _ in range(round(10 * PATIENCE)):
        for one in site.gateway.answer("upload", "list", "--state", state):
            if one["reference"] == sent:
                return dict(one)
        page.wait_for_timeout(100)
    raise AssertionError(f"the upload is not {state}")


@pytest.mark.parametrize("profile", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_patient_sends_images(site: Site, visits: Visits, chromium: Browser, profile: dict[str, Any]) -> None:
    page = visits.page(chromium, **profile)
    begin(page, site)
    page.wait_for_url("**/u/sending#*")
    other = FilePayload(name="a.txt", mimeType="text/plain", buffer=b"hello")
    page.locator("#files").set_input_files([*images(3), other])
    found = page.locator("#found")
    what = f"Computertomographie, {apart('CT Thorax')}, 2. Januar 2026"
    expect(found).to_contain_text(f"{apart('Erika Muster')}: {what} (Dateien: 3)")
    expect(found).to_contain_text("werden nicht gesendet: 1")
    expect(page.locator("#warning")).to_be_hidden()
    page.get_by_role("button", name="Jetzt senden").click()
    page.get_by_role("heading", name="Danke, alles ist angekommen").wait_for()
    own = reference(page)
    visits.expected.add("/u/sending")
    page.get_by_role("link", name="Stand meiner Sendung").click()
    expect(page.locator(".reference")).to_have_text(own)
    shown = examined(page, site, own)
    assert (shown["findings"]["stored"], shown["answers"]["birth_date"]) == (3, "19500131")


def test_somebody_elses_images_are_asked_about(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    begin(page, site)
    page.locator("#files").set_input_files(images(1, PatientName="Probe^Otto", PatientBirthDate="19601224"))
    expect(page.locator("#warning")).to_contain_text(f"{apart('Otto Probe')}, 24. Dezember 1960")
    expect(page.get_by_role("button", name="Jetzt senden")).to_be_enabled()


def test_looking_at_very_many_files_tells_how_far_it_is(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    begin(page, site)
    page.evaluate("""() => {
      let now = 0;
      performance.now = () => (now += 2000);
      globalThis.told = [];
      const found = document.getElementById("found");
      new MutationObserver(() => told.push(found.textContent)).observe(found, { childList: true });
    }""")
    page.locator("#files").set_input_files(images(3))
    expect(page.locator("#found")).to_contain_text("(Dateien: 3)")
    assert page.evaluate("told")[:3] == [f"Die Bilder werden angesehen: {n} von 3" for n in range(3)]


def test_a_disc_is_dropped_whole(site: Site, visits: Visits, chromium: Browser, tmp_path: Path) -> None:
    page = visits.page(chromium)
    begin(page, site)
    # As on many discs: in every folder the names begin anew, and all files are of one size and one moment.
    slices = [ct(number=number, StudyInstanceUID="1.2.3.78", SeriesInstanceUID="1.2.3.78.1") for number in range(1, 5)]
    for number, each in enumerate(slices[:3]):
        file = tmp_path / "disc" / "IMAGES" / f"SER{number}" / "IM1"
        file.parent.mkdir(parents=True)
        file.write_bytes(part10(each))
        os.utime(file, (0, 0))
    (tmp_path / "disc" / "DICOMDIR").write_bytes(dicomdir(*slices))
    drop(page, tmp_path / "disc")
    expect(page.locator("#found")).to_contain_text("(Dateien: 3)")
    expect(page.locator("#missing")).to_contain_text("4 Bilder, davon fehlen hier 1.")
    (tmp_path / "IM1").write_bytes(part10(slices[3]))
    page.locator("#files").set_input_files([tmp_path / "IM1", tmp_path / "disc" / "IMAGES" / "SER0" / "IM1"])
    expect(page.locator("#found")).to_contain_text("(Dateien: 4)")
    expect(page.locator("#missing")).to_be_hidden()
    page.get_by_role("button", name="Jetzt senden").click()
    page.get_by_role("heading", name="Danke, alles ist angekommen").wait_for()
    findings = examined(page, site, reference(page))["findings"]
    assert (findings["stored"], findings["missed"], findings["directories"], findings["troubles"]) == (4, [], 1, [])


def drop(page: Page, *paths: Path) -> None:
    """Let somebody drop files or folders in the middle of the place for them."""
    box = page.locator("#drop").bounding_box()
    assert box
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "data": data}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **where})
    session.detach()


def test_a_lost_connection_is_waited_for(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    begin(page, site)
    page.locator("#files").set_input_files(images(2))
    expect(page.get_by_role("button", name="Jetzt senden")).to_be_enabled()
    visits.offline = True
    page.context.set_offline(True)
    page.get_by_role("button", name="Jetzt senden").click()
    expect(page.locator("#progress-text")).to_contain_text("Keine Verbindung.")
    assert not page.evaluate("dispatchEvent(new Event('beforeunload', { cancelable: true }))"), "it can just be closed"
    page.context.set_offline(False)
    page.get_by_role("heading", name="Danke, alles ist angekommen").wait_for()


def test_without_script_a_form_sends_files(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium, java_script_enabled=False)
    token = link(site, "referrer").partition("#")[2]
    page.goto(f"{site.gateway.url}/u")
    page.get_by_label("Code vom Blatt").fill(token.lower())
    page.get_by_role("button", name="Weiter").click()
    answers = {"Ihr Name": "Praxis Muster", "Praxis oder": "Musterstadt", "Telefon": "030", "Vor- und": "Erika Muster"}
    for label, text in answers.items():
        page.get_by_label(label).fill(text)
    page.get_by_label("Geburtsdatum").fill("gestern")
    visits.expected.add("/u/begin")
    page.get_by_role("button", name="Weiter zu den Bildern").click()
    expect(page.get_by_text("Das ist kein Datum.")).to_be_visible()
    page.get_by_label("Geburtsdatum").fill("31.01.1950")
    page.get_by_role("button", name="Weiter zu den Bildern").click()
    page.locator("#plain-files").set_input_files(images(2))
    page.get_by_role("button", name="Jetzt senden").click()
    page.get_by_role("heading", name="Danke, alles ist angekommen").wait_for()


def test_a_link_that_ended_says_so(site: Site, visits: Visits, chromium: Browser) -> None:
    made = site.gateway.answer("upload", "link", "create")
    site.gateway.answer("upload", "link", "revoke", made["id"])
    page = visits.page(chromium)
    visits.expected.add("/u/form")
    page.goto(made["url"])
    page.get_by_role("heading", name="Dieser Link gilt nicht").wait_for()


@pytest.mark.parametrize("name", ["de", "en"])
def test_every_state_has_words(name: str) -> None:
    texts = json.loads((STATIC_FOLDER / "texts" / name / "upload.json").read_text("utf-8"))
    for state in get_args(State):
        assert texts[f"upload.state_{state}_title"] and texts[f"upload.state_{state}"]
