"""The life of an upload on both sides of the counter: a link on paper, a phone, the desk's look at it, the archive."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from tests.auth.test_sheet import rendered
from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.keys import do, focus, has_focus, press, scan
from tests.browser.test_desk import PASSWORD, come_in
from tests.browser.test_upload import examined, images, reference
from tests.support.synthetic import ct, part10

STUDY: dict[str, Any] = {"StudyInstanceUID": "1.2.3.79", "PatientID": "ELSEWHERE-7"}


def _files() -> list[FilePayload]:
    """A series, and another one of which the pixels are damaged."""
    damaged = ct(SeriesInstanceUID="1.2.3.79.2", SeriesDescription="Schaden", **STUDY)
    damaged.PixelData = encapsulate([b"\xff\x4f\xff\x51 no more of it"])
    damaged["PixelData"].VR = "OB"
    content = part10(damaged, JPEG2000Lossless)
    whole = images(2, SeriesInstanceUID="1.2.3.79.1", **STUDY)
    return [*whole, FilePayload(name="IM9", mimeType="application/octet-stream", buffer=content)]


def _link(desk: Page, folder: Path) -> str:
    """Make a link by keyboard, and read what a phone reads from its sheet."""
    pyzbar = pytest.importorskip("pyzbar.pyzbar", exc_type=ImportError)
    desk.goto(f"{desk.url}/uploads")
    do(desk, "Links zum Einsenden")
    desk.wait_for_url("**/desk/upload-links")
    focus(desk, "Wofür?")
    desk.keyboard.type("Termine CT")
    do(desk, "Link erstellen und Blatt zeigen")
    desk.locator(".paper").wait_for()
    has_focus(desk, "print")
    with desk.expect_download() as download:
        do(desk, "PDF (A4)")
    download.value.save_as(folder / "link.pdf")
    with rendered((folder / "link.pdf").read_bytes(), folder) as page:
        (symbol,) = pyzbar.decode(page)
    return str(symbol.data.decode())


def _send(phone: Page, link: str) -> str:
    """As Erika Probe, whose images say Muster; in English at first, and after having opened the bare address."""
    phone.goto(link.partition("#")[0])
    phone.goto(link)
    phone.get_by_role("heading", name="Who are you?").wait_for()
    phone.locator(".languages summary").click()
    phone.get_by_role("button", name="Deutsch").click()
    phone.get_by_label("Ihr Vor- und Nachname").fill("Erika Probe")
    phone.get_by_label("Ihr Geburtsdatum").fill("31.1.1950")
    phone.get_by_label("Telefon oder E-Mail").fill("0000 4711")
    phone.get_by_label("Telefon oder E-Mail").press("Enter")
    phone.locator("#chooser").wait_for()
    phone.locator("#files").set_input_files(_files())
    expect(phone.locator("#warning")).to_contain_text("Erika Muster")
    phone.get_by_role("button", name="Jetzt senden").click()
    phone.get_by_role("heading", name="Danke, alles ist angekommen").wait_for()
    return reference(phone)


def _judge(desk: Page, sent: str) -> None:
    """What staff see before they decide: the form against the headers, and pictures, or why there are none."""
    do(desk, "Zu den Links")
    desk.get_by_role("heading", name="Links zum Einsenden").wait_for()
    do(desk, "Alle eingesandten Bilder")
    desk.wait_for_url("**/desk/uploads")
    desk.get_by_role("link", name=sent).focus()
    press(desk, "Enter")
    desk.wait_for_url(f"**/desk/uploads/{sent}")
    differs = desk.locator("tr.differs")
    assert "Erika Probe" in differs.inner_text() and "Muster, Erika" in differs.inner_text()
    picture = desk.locator(".found-series img")
    picture.evaluate("async (image) => { image.loading = 'eager'; await image.decode(); }")
    assert picture.evaluate("(image) => image.naturalWidth") > 0
    expect(desk.locator(".found-series .instead")).to_contain_text("beschädigt")


def test_images_from_elsewhere_come_into_the_archive(site: Site, chromium: Browser, tmp_path: Path) -> None:
    visits = Visits(site, {})
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    account = ("c.probe", "--role", "desk", "--site", "main", "--password-file", str(tmp_path / "password"))
    site.gateway.answer("user", "add", *account)
    desk = visits.page(chromium)
    come_in(desk, site, "c.probe")
    sent = _send(visits.page(chromium, locale="en-GB", **PHONE), _link(desk, tmp_path))
    examined(desk, site, sent)
    _judge(desk, sent)
    focus(desk, "Patienten-ID")
    desk.keyboard.type("UP-1")
    do(desk, "Übernehmen")
    desk.wait_for_url("**/desk/uploads")
    examined(desk, site, sent, "accepted")
    do(desk, "Suchen")
    desk.wait_for_url("**/desk")
    scan(desk, "q", "UP-1")
    desk.wait_for_url("**/desk/studies/1.2.3.79")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Muster, Erika")
    visits.close()
    assert visits.complaints == []
