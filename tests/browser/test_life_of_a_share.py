"""The life of a share on both sides of the counter: sheet, phone, a new study, prolonged, ended, deleted, issued again.

Nobody waits for months: what the database knows of moments is put back.
"""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.auth.test_sheet import rendered
from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.keys import do, focus, has_focus, press, scan
from tests.browser.test_desk import PASSWORD, come_in
from tests.support import dcmtk
from tests.support.gateway import Gateway, configuration, running
from tests.support.synthetic import ct, part10

STUDY = "1.2.3.78"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway of its own, where studies stay for a day when nobody needs them."""
    folder = tmp_path_factory.mktemp("hospital")
    with running(folder, configuration(folder, more="[retention]\ndays = 1\ngrace_hours = 24\n")) as gateway:
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        gateway.answer("user", "add", "b.probe", "--password-file", str(folder / "password"))
        yield Site(gateway, "", "", {})


def _send(gateway: Gateway, folder: Path, number: int) -> None:
    """By C-STORE, as a modality does."""
    study = f"{STUDY}.{number}"
    image = ct(PatientID="LIFE-1", StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1", StudyDate=f"2026030{number}")
    (folder / "image.dcm").write_bytes(part10(image))
    files = [folder / "image.dcm"]
    sent = dcmtk.run("storescu", "-aec", gateway.ae_title, port=gateway.dimse_port, files=files)
    assert sent.returncode == 0, sent.stderr


def _put_back(gateway: Gateway, days: int) -> None:
    """As if everything had been this many days earlier."""
    back = days * 24 * 3600
    arrived = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    with sqlite3.connect(gateway.data / "durchblick.sqlite") as database:
        database.execute("UPDATE share SET created = created - ?, expires = expires - ?", (back, back))
        database.execute("UPDATE departure SET marked = marked - ?", (back,))
        database.execute("UPDATE instance SET received_at = ? WHERE received_at > ?", (arrived, arrived))
    database.close()


def _link(desk: Page, folder: Path) -> str:
    """What a phone reads from the sheet that lies on the desk."""
    pyzbar = pytest.importorskip("pyzbar.pyzbar", exc_type=ImportError)
    has_focus(desk, "print")
    with desk.expect_download() as download:
        do(desk, "PDF (A4)")
    with rendered(Path(download.value.path()).read_bytes(), folder) as page:
        (symbol,) = pyzbar.decode(page)
    return str(symbol.data.decode())


def _phone(visits: Visits, browser: Browser, link: str) -> Page:
    phone = visits.page(browser, **PHONE)
    phone.goto(link)
    phone.locator("#qr-found").wait_for()
    phone.get_by_label("Geburtsdatum").fill("31.01.1950")
    phone.get_by_role("button", name="Bilder öffnen").click()
    return phone


def test_the_life_of_a_share(hospital: Site, chromium: Browser, tmp_path: Path) -> None:
    gateway, visits = hospital.gateway, Visits(hospital, {})
    _send(gateway, tmp_path, 1)
    desk = visits.page(chromium)
    come_in(desk, hospital, "b.probe")
    scan(desk, "q", "LIFE-1")
    desk.wait_for_url("**/desk/studies/*")
    do(desk, "Alles freigeben, auch Künftiges")
    phone = _phone(visits, chromium, _link(desk, tmp_path))
    newest = phone.locator("main h2").first
    expect(newest).to_contain_text("1. März 2026")
    expect(phone.locator("main img").first).to_have_js_property("complete", True)

    _send(gateway, tmp_path, 2)
    phone.reload()
    expect(newest).to_contain_text("2. März 2026")

    _put_back(gateway, 60)
    phone.reload()
    until = phone.locator(".notice").inner_text()
    do(desk, "Freigabe ansehen")
    desk.wait_for_url("**/desk/shares/*")
    share = desk.url
    do(desk, "Verlängern")
    desk.get_by_text("Die Freigabe ist verlängert").wait_for()
    phone.reload()
    assert phone.locator(".notice").inner_text() != until

    _put_back(gateway, 200)
    phone.reload()
    phone.get_by_text("Sie wurden abgemeldet").wait_for()
    assert len(gateway.answer("purge")["marked"]) == 2
    _put_back(gateway, 2)
    assert sorted(gateway.answer("purge")["deleted"]) == [f"{STUDY}.1", f"{STUDY}.2"]
    assert [path for path in (gateway.data / "blobs").rglob("*") if path.is_file()] == []

    desk.goto(share)
    focus(desk, "Neues Blatt")
    press(desk, "Enter")
    again = _link(desk, tmp_path)
    assert "Von dieser Freigabe ist zurzeit kein Bild hier." in desk.locator(".sheet-head").inner_text()
    phone = _phone(visits, chromium, again)
    phone.get_by_text("noch keine Bilder").wait_for()
    _send(gateway, tmp_path, 3)
    phone.reload()
    expect(phone.locator("main h2").first).to_contain_text("3. März 2026")
    visits.close()
    assert visits.complaints == []
