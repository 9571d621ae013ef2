"""axe-core finds nothing wrong: every page, dark and light, German and English (WCAG 2.2 AA, issue 5)."""

from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, StorageState

from storage.identifiers import stand_in_uid
from tests.browser.axe import Walk
from tests.browser.conftest import BIRTH_DATE, Site, Visits, fresh
from tests.browser.stage import wait_for
from tests.browser.test_desk import PASSWORD
from tests.browser.test_upload import begin, images, link
from tests.support.synthetic import ct, part10

pytestmark = pytest.mark.parametrize("locale", ["de-DE", "en-GB"])


def test_before_the_sign_in(site: Site, visits: Visits, chromium: Browser, locale: str, judged: set[str]) -> None:
    page = visits.page(chromium, locale=locale)
    visits.expected = {"/missing", "/login"}
    walk = Walk(page, site.gateway.url, judged)
    for path in ("/missing", "/verify", f"/z#{site.link.partition('#')[2]}", "/?ended", "/"):
        walk.visit(path)
    page.locator("details.help summary").click()
    for name, code in (("mistakes", "ABC"), ("denied", site.code)):
        page.locator("#code").fill(code)
        page.locator("#birth-date").fill("01.01.1900" if name == "denied" else "gestern")
        page.locator("#login .primary").click()
        page.locator("[aria-invalid=true]" if name == "mistakes" else "#message").first.wait_for()
        walk.judge(name)
    assert "\n".join(walk.faults) == ""


def test_what_patients_see(
    site: Site, visits: Visits, chromium: Browser, archive: Path, locale: str, judged: set[str]
) -> None:
    """After the archive is made, so that one is on offer."""
    page = visits.patient(chromium, locale=locale)
    visits.expected = {"/missing"}
    walk = Walk(page, site.gateway.url, judged)
    for path in (
        "/",
        f"/studies/{site.studies['body'][0].StudyInstanceUID}",
        "/missing",
        "/downloads",
        "/glossary",
        "/account/delete",
        "/account/onward",
    ):
        walk.visit(path)
    page.locator("#name").fill("Praxis Probe")
    page.locator("#birth-date").fill(BIRTH_DATE)
    page.locator("main form .primary").click()
    page.locator(".qr").wait_for()
    walk.judge("access for somebody else")
    walk.visit("/account")
    page.evaluate("() => document.querySelector('#idle').showModal()")
    walk.judge("asked whether still there")
    assert "\n".join(walk.faults) == ""


def test_every_kind_of_series(site: Site, visits: Visits, chromium: Browser, locale: str, judged: set[str]) -> None:
    page = visits.patient(chromium, locale=locale)
    walk = Walk(page, site.gateway.url, judged)
    for name in ("report", "ecg", "document", "colour", "frames"):
        walk.visit(site.series(name))
    page.goto(site.series("stack"))
    wait_for(page, quality="full")
    page.locator("#mode-window").click()
    walk.judge("brightness")
    page.locator("#doctors-tools").click()
    page.locator("#doctor").wait_for()
    walk.judge("doctor's tools")
    page.goto(f"{site.series('stack')}/compare")
    walk.judge("what to compare with")
    page.locator("main a[href*='/compare/']").first.click()
    page.locator("#end").wait_for()
    walk.judge("comparison")
    assert "\n".join(walk.faults) == ""


def test_sending_images_in(site: Site, visits: Visits, chromium: Browser, locale: str, judged: set[str]) -> None:
    page = visits.page(chromium, locale=locale)
    visits.expected = {"/u/begin", "/u/form"}
    walk = Walk(page, site.gateway.url, judged)
    walk.visit("/u")
    page.locator("#secret").fill("wrong")
    page.locator("main .primary").click()
    page.locator(".single").wait_for()
    walk.judge("no such link")
    page.goto(link(site))
    page.locator("#name").fill("Erika Muster")
    page.locator("#contact").fill("030 1234")
    page.locator("#birth_date").fill("gestern")
    page.locator("main .primary").click()
    page.get_by_role("alert").wait_for()
    walk.judge("questions, one wrong")
    page.locator("#birth_date").fill("31.01.1950")
    page.locator("main .primary").click()
    page.locator("#chooser").wait_for()
    page.locator("#files").set_input_files(images(1, PatientName="Probe^Otto"))
    page.locator("#warning").wait_for()
    walk.judge("files, somebody else's")
    page.locator("#send").click()
    page.locator(".reference").wait_for()
    walk.judge("arrived")
    assert "\n".join(walk.faults) == ""


def test_the_desk(site: Site, waiting: None, chromium: Browser, tmp_path: Path, locale: str, judged: set[str]) -> None:
    visits = Visits(site, {})
    page = visits.page(chromium, locale=locale)
    walk = Walk(page, site.gateway.url, judged)
    walk.visit("/desk/sign-in")
    name = _staff(site, tmp_path, locale)
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("main .primary").click()
    page.locator("#seed").wait_for()
    walk.judge("enrolment")
    page.locator("#code").fill(pyotp.TOTP(page.locator("#seed").inner_text().replace(" ", "")).now())
    page.locator("main .primary").click()
    page.locator("#q").wait_for()
    visits.expected = {"/desk/missing"}
    rooms = ("", "/shares", "/waiting", "/forwarding", "/uploads", "/upload-links", "/staff", "/account", "/password")
    for path in (*rooms, f"/staff/{name}", "/missing"):
        walk.visit(f"/desk{path}")
    page.goto(f"{site.gateway.url}/desk/uploads")
    page.locator("main a.line-main").first.click()
    page.wait_for_url("**/desk/uploads/*")
    walk.judge("an upload")
    page.goto(f"{site.gateway.url}/desk")
    page.locator("#q").fill("Muster")
    page.keyboard.press("Enter")
    page.locator("main a[href*=studies]").first.wait_for()
    walk.judge("patients found")
    page.locator("main a[href*=studies]").first.click()
    page.wait_for_url("**/desk/studies/*")
    walk.judge("a patient")
    page.locator("button[name=what][value=patient]").click()
    page.locator(".paper").wait_for()
    walk.judge("a sheet")
    page.locator(".sheet-head p a").click()
    page.wait_for_url("**/desk/shares/*")
    walk.judge("a share")
    visits.close()
    assert ("\n".join(walk.faults), visits.complaints) == ("", [])


def test_the_viewer_on_a_disk(chromium: Browser, unpacked: Path, locale: str, judged: set[str]) -> None:
    page = fresh(chromium, locale=locale, offline=True).new_page()
    walk = Walk(page, unpacked.as_uri(), judged)
    walk.visit("/INDEX.HTM")
    page.locator(".tile").first.click()
    wait_for(page, quality="preview")
    page.locator("[data-tool=light]").click()
    walk.judge("a series")
    page.locator("[data-tool=compare]").click()
    walk.judge("two series")
    page.locator("[data-tool=full]").click()
    walk.judge("full quality")
    page.context.close()
    assert "\n".join(walk.faults) == ""


@pytest.fixture(scope="module")
def waiting(site: Site, session: StorageState, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Something for each queue of the desk: a request, an upload, images held because they say another patient."""
    folder = tmp_path_factory.mktemp("held")
    study: dict[str, Any] = {"StudyInstanceUID": stand_in_uid("held"), "SeriesInstanceUID": stand_in_uid("held", "1")}
    for number, name in enumerate(("Probe^Karla", "Probe^Kurt"), 1):
        (folder / f"{number}.dcm").write_bytes(
            part10(ct(number=number, PatientID=f"TEST-{number + 10}", PatientName=name, **study))
        )
    site.gateway.run("import", str(folder))
    visits = Visits(site, session)
    page = visits.patient(chromium)
    page.goto(f"{site.gateway.url}/account")
    page.locator("form[action='/account/ask'] button").first.click()
    page.get_by_role("status").wait_for()
    begin(page, site)
    visits.close()


def _staff(site: Site, folder: Path, locale: str) -> str:
    """The name of a new member, whose password is PASSWORD."""
    name, file = f"axe.{locale[:2]}", folder / "password"
    file.write_text(PASSWORD, encoding="utf-8")
    site.gateway.answer("user", "add", name, "--role", "admin", "--password-file", str(file))
    return name
