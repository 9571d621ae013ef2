"""Taking images along, from the button to the viewer that is opened from a disk; and whether all is genuine."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Site, Visits, fresh
from tests.browser.stage import Fingers, grey, middle, state, wait_for


@dataclass
class Desk:
    """Opens INDEX.HTM from the disk, and holds it to its word that it needs nothing else."""

    folder: Path
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    alone: bool = False
    """INDEX.HTM lies alone, so what it needs is not found."""

    def page(self, browser: Browser, folder: Path | None = None, **options: Any) -> Page:
        """A window that shows all studies."""
        context = fresh(browser, **{"offline": True, **DESKTOP, **options})
        self.contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: self._asked(request.url))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto((folder or self.folder).joinpath("INDEX.HTM").as_uri())
        return page

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and not (self.alone and "ERR_FILE_NOT_FOUND" in text):
            self.complaints.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith(("file:", "blob:", "data:")):
            self.complaints.append(f"request to {url}")


@pytest.fixture
def desk(unpacked: Path) -> Iterator[Desk]:
    desk = Desk(unpacked)
    yield desk
    for context in desk.contexts:
        context.close()
    assert desk.complaints == []


def in_full_quality(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Volle Bildqualität").click()
    page.locator("#folder").set_input_files(folder)
    expect(page.get_by_role("button", name="Volle Bildqualität ist an")).to_be_disabled()


@pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_opens_from_the_disk_and_scrolls(desk: Desk, chromium: Browser, window: dict[str, Any]) -> None:
    page = desk.page(chromium, **window)
    expect(page.get_by_role("heading", level=1)).to_have_text("Bilder von Erika Muster")
    expect(page.get_by_text("Nicht zur Befundung geeignet!")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= window["viewport"]["width"]
    page.locator(".tile").first.click()
    wait_for(page, shown="61", quality="preview")
    expect(page.get_by_text("Nicht zur Befundung geeignet!")).to_be_in_viewport()
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, 100)
    wait_for(page, shown="62")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    wait_for(page, shown="60")
    page.keyboard.press("End")
    wait_for(page, shown="120")
    page.locator("[data-part=slider]").first.fill("7")
    wait_for(page, shown="7")
    page.get_by_role("button", name="Nächstes Bild").first.click()
    wait_for(page, shown="8")
    assert page.evaluate("document.documentElement.scrollWidth") <= window["viewport"]["width"]
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_finger_scrolls_and_two_taps_enlarge(desk: Desk, chromium: Browser) -> None:
    page = desk.page(chromium, **PHONE)
    page.locator(".tile").first.tap()
    wait_for(page, shown="61")
    x, y = middle(page)
    fingers = Fingers(page.context.new_cdp_session(page))
    fingers.drag(*[(x, y + 60 - 10 * step) for step in range(13)])
    asked = page.locator("[data-part=slider]").first.input_value()
    assert int(asked) > 65
    wait_for(page, shown=asked)
    fingers.tap((x, y))
    fingers.tap((x, y))
    wait_for(page, zoom="2.50")


def test_brightness_changes_the_picture(desk: Desk, chromium: Browser) -> None:
    page = desk.page(chromium)
    page.locator(".tile").first.click()
    wait_for(page, shown="61")
    page.get_by_role("button", name="Helligkeit").click()
    page.get_by_role("button", name="Heller").click()
    expect(page.locator(".stage canvas").first).to_have_css("filter", "brightness(1.11) contrast(1)")
    page.get_by_role("button", name="Zurücksetzen").click()
    expect(page.locator(".stage canvas").first).to_have_css("filter", "none")


def test_full_quality_shows_the_stored_values(desk: Desk, chromium: Browser, site: Site, unpacked: Path) -> None:
    page = desk.page(chromium)
    page.locator(".tile").first.click()
    wait_for(page, shown="61")
    in_full_quality(page, unpacked)
    wait_for(page, quality="full", shown="61")
    image = site.studies["stack"][60]
    window = f"{float(image.WindowCenter):g} {float(image.WindowWidth):g}"
    assert state(page)["window"] == window
    values = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
    width = float(image.WindowWidth)
    wanted = np.clip((values - (float(image.WindowCenter) - 0.5)) / (width - 1) + 0.5, 0, 1) * 255
    assert np.abs(grey(page).astype(float) - wanted).max() <= 1
    page.get_by_role("button", name="Helligkeit").click()
    page.get_by_role("button", name="Lunge").click()
    wait_for(page, window="-600 1500")
    page.keyboard.press("ArrowDown")
    wait_for(page, shown="62", quality="full", window="-600 1500")


def test_a_length_is_measured_in_full_quality(desk: Desk, chromium: Browser, unpacked: Path) -> None:
    page = desk.page(chromium)
    expect(page.get_by_role("button", name="Messen")).to_be_hidden()
    page.locator(".strip").nth(2).locator(".tile").click()
    in_full_quality(page, unpacked)
    wait_for(page, quality="full")
    page.get_by_role("button", name="Messen").click()
    x, y = middle(page)
    page.mouse.move(x - 40, y)
    page.mouse.down()
    page.mouse.move(x + 40, y)
    page.mouse.up()
    said = page.locator("[data-part=length]").first
    expect(said).to_contain_text(" mm")
    columns, width = page.evaluate(
        "() => { const seen = document.querySelector('.layer');"
        " return [seen.viewBox.baseVal.width, seen.getBoundingClientRect().width]; }"
    )
    millimetres = float(said.inner_text().removesuffix(" mm").replace(",", "."))
    assert millimetres == pytest.approx(80 / width * columns * 0.5, abs=0.06)
    page.keyboard.press("ArrowDown")
    expect(said).to_be_hidden()


def test_where_nothing_says_how_large_an_image_is_it_says_so(desk: Desk, chromium: Browser, unpacked: Path) -> None:
    page = desk.page(chromium)
    page.locator(".tile").first.click()
    in_full_quality(page, unpacked)
    wait_for(page, quality="full")
    page.get_by_role("button", name="Messen").click()
    page.mouse.move(*middle(page))
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("[data-part=length]").first).to_contain_text("lässt sich hier nicht messen")


def test_another_folder_is_not_taken(desk: Desk, chromium: Browser, tmp_path: Path) -> None:
    page = desk.page(chromium)
    page.locator(".tile").first.click()
    other = tmp_path / "other"
    other.mkdir()
    (other / "INDEX.HTM").write_text("")
    page.get_by_role("button", name="Volle Bildqualität").click()
    page.locator("#folder").set_input_files(other)
    expect(page.get_by_role("alert")).to_contain_text("liegen die Originale nicht")


def test_two_series_are_compared(desk: Desk, chromium: Browser, site: Site) -> None:
    page = desk.page(chromium)
    page.locator(".tile").first.click()
    wait_for(page, shown="61")
    page.get_by_role("button", name="Vergleichen").click()
    second = page.locator(".stage").nth(1)
    expect(second).to_have_attribute("data-shown", str(len(site.studies["encodings"]) // 2 + 1))
    page.get_by_label("Gemeinsam blättern").check()
    page.locator(".stage").first.focus()
    page.keyboard.press("Home")
    wait_for(page, shown="1")
    expect(second).to_have_attribute("data-shown", "1")
    page.get_by_label("Gemeinsam blättern").uncheck()
    second.focus()
    page.keyboard.press("ArrowDown")
    expect(second).to_have_attribute("data-shown", "2")
    wait_for(page, shown="1")


def test_it_speaks_both_languages(desk: Desk, chromium: Browser) -> None:
    page = desk.page(chromium, locale="en-GB")
    expect(page.get_by_role("heading", level=1)).to_have_text("Images of Erika Muster")
    page.get_by_label("Language").select_option("Deutsch")
    expect(page.get_by_role("heading", level=1)).to_have_text("Bilder von Erika Muster")
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_a_series_without_images_says_so(desk: Desk, chromium: Browser) -> None:
    page = desk.page(chromium)
    page.get_by_role("link", name="ohne Bilder").first.click()
    expect(page.get_by_text("nichts, was sich hier anzeigen lässt")).to_be_visible()


def test_opened_inside_the_archive_it_says_what_to_do(
    desk: Desk, chromium: Browser, unpacked: Path, tmp_path: Path
) -> None:
    """Windows shows INDEX.HTM of an archive from a temporary folder, in which nothing lies beside it."""
    shutil.copy(unpacked / "INDEX.HTM", tmp_path)
    desk.alone = True
    page = desk.page(chromium, tmp_path)
    page.locator(".tile").first.click()
    expect(page.get_by_text("Bitte entpacken Sie die ZIP-Datei")).to_be_visible()


def test_printed_it_shows_image_and_notice(desk: Desk, chromium: Browser) -> None:
    page = desk.page(chromium)
    page.locator(".tile").first.click()
    wait_for(page, shown="61")
    page.emulate_media(media="print")
    expect(page.get_by_text("Nicht zur Befundung geeignet!")).to_be_visible()
    expect(page.locator(".stage canvas").first).to_be_visible()
    expect(page.get_by_role("button", name="Vergleichen")).to_be_hidden()


def test_unzip_and_7zip_find_nothing_wrong(archive: Path) -> None:
    used = [
        subprocess.run(
            [program, "t", str(archive)] if "7z" in program else [program, "-tq", str(archive)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for program in ("unzip", "7zz", "7z")
        if shutil.which(program)
    ]
    if len(used) < 2:
        pytest.skip("unzip or 7-Zip is not installed")


def test_everybody_can_check_whether_it_is_genuine(
    visits: Visits, chromium: Browser, archive: Path, tmp_path: Path
) -> None:
    page = visits.page(chromium)
    page.goto(f"{visits.site.gateway.url}/verify")
    page.locator("#archive").set_input_files(archive)
    expect(page.locator("#verdict")).to_have_attribute("data-state", "genuine")
    content = bytearray(archive.read_bytes())
    content[content.index(b"JFIF") + 60] ^= 1
    changed = tmp_path / "changed.zip"
    changed.write_bytes(content)
    page.locator("#archive").set_input_files(changed)
    expect(page.locator("#verdict")).to_have_attribute("data-state", "changed")
    expect(page.get_by_text("Verändert: IHE_PDI/ST000001")).to_be_visible()
    changed.write_bytes(bytes(content).replace(b'"format"', b'"Format"'))
    page.locator("#archive").set_input_files(changed)
    expect(page.locator("#verdict")).to_have_attribute("data-state", "unknown")
    changed.write_bytes(b"no archive")
    page.locator("#archive").set_input_files(changed)
    expect(page.get_by_text("Das ist keine ZIP-Datei")).to_be_visible()


def test_the_command_line_says_the_same(site: Site, archive: Path, unpacked: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(site.gateway.run("public-key").stdout)
    for path in (archive, unpacked):
        assert site.gateway.answer("verify", str(path), "--key", str(key))["genuine"]
    broken = tmp_path / "broken.zip"
    broken.write_bytes(archive.read_bytes()[:-100])
    refused = site.gateway.run("verify", str(broken))
    assert (refused.returncode, refused.stdout) == (1, "This is no ZIP archive, or a damaged one.\n")
