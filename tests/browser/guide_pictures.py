"""The pictures of the user guide: `make guide-pictures` shows an invented patient's studies and takes them anew.

    python -m tests.browser.guide_pictures [folder]     into docs/pictures unless a folder is named

Nothing of anybody real is on them: the studies are computed (gateway.phantom), the patient is called Erika Muster.
"""

import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from gateway.phantom import studies
from tests.browser.conftest import ARGUMENTS, DESKTOP, HEADLESS_SHELL, PHONE
from tests.browser.stage import wait_for
from tests.house.checkout import ROOT
from tests.support.gateway import Gateway, configuration, running
from tests.support.synthetic import part10

FOLDER: Final = ROOT / "docs" / "pictures"
LANGUAGES: Final = {"de": "de-DE", "en": "en-GB"}
DEVICES: Final[dict[str, dict[str, Any]]] = {
    "phone": {**PHONE, "device_scale_factor": 1.5},
    "desktop": {**DESKTOP, "viewport": {"width": 1280, "height": 800}},
}
_PATIENCE: Final = 60_000
_BORN: Final = "12.08.1964"
_QUALITY: Final = 37
_AMOUNT: Final = studies.Amount(slices=60)
_SITE: Final = '[site]\nname = "Musterklinikum"\ncontact = "Telefon 0000 123456"'


class Visitor:
    """One browser of the patient's, signed in, and where the studies are."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def newest(self) -> None:
        """The viewer with the newest study, its image as sharp as it gets."""
        self.page.goto(self.url)
        self.page.locator(".hero-text .primary").click()
        wait_for(self.page, quality="full")

    def brightness(self) -> None:
        """The same with what changes brightness, lungs chosen."""
        self.newest()
        self.page.locator("#mode-window").click()
        self.page.locator("#presets button").nth(2).click()
        self.page.mouse.move(0, 0)
        wait_for(self.page, quality="full")

    def comparison(self) -> None:
        """The newest study beside an older one."""
        self.newest()
        self.page.locator(".compare-link a").click()
        self.page.locator("main a[href*='/compare/']").last.click()
        self.page.locator("#end").wait_for()
        self.page.wait_for_load_state("networkidle")

    def tools(self) -> None:
        """The doctor's tools, a length measured."""
        self.newest()
        self.page.locator("#doctors-tools").click()
        self.page.locator("#doctor .tools button").first.click()
        self.page.locator("#stage").scroll_into_view_if_needed()
        box = self.page.locator("#stage").bounding_box()
        assert box
        across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.46
        self.page.mouse.move(across - 60, down)
        self.page.mouse.down()
        self.page.mouse.move(across + 60, down, steps=4)
        self.page.mouse.up()
        self.page.locator("#doctor-title").scroll_into_view_if_needed()

    def go(self, path: str) -> None:
        """Any other page."""
        self.page.goto(f"{self.url}{path}")


# Each screen by its name in the guide, in the order of the guide.
SCREENS: Final[dict[str, Callable[[Visitor], None]]] = {
    "overview": lambda visitor: visitor.go("/"),
    "viewer": Visitor.newest,
    "brightness": Visitor.brightness,
    "comparison": Visitor.comparison,
    "take-along": lambda visitor: visitor.go("/downloads"),
    "onward": lambda visitor: visitor.go("/account/onward"),
    "tools": Visitor.tools,
}
NAMES: Final = ("sign-in", *SCREENS, "sending-in")


def file_of(language: str, device: str, name: str) -> str:
    """The name of a picture's file."""
    return f"{language}-{device}-{name}.webp"


def _take(page: Page, folder: Path, language: str, device: str, name: str) -> None:
    page.wait_for_load_state("networkidle")
    picture = Image.open(BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    picture.save(folder / file_of(language, device, name), "WEBP", quality=_QUALITY, method=6)


def _send_in(gateway: Gateway, page: Page, inbox: Path) -> None:
    """The page of a sender who has chosen images and has not sent them yet."""
    link = gateway.answer("upload", "link", "create", "--for", "patient")
    page.goto(gateway.url + "/u#" + link["url"].partition("#")[2])
    for field, answer in {"#name": "Erika Muster", "#birth_date": _BORN, "#contact": "0000 4711"}.items():
        page.locator(field).fill(answer)
    page.keyboard.press("Enter")
    page.locator("#chooser").wait_for()
    page.locator("#files").set_input_files([inbox / f"{number}.dcm" for number in range(_AMOUNT.slices)])
    page.locator("#send:enabled").scroll_into_view_if_needed()


def _visit(gateway: Gateway, page: Page, folder: Path, language: str, device: str) -> None:
    patient = ("--patient-id", studies.PATIENT_ID, "--issuer", studies.ISSUER)
    share = gateway.answer("share", "create", *patient, "--birth-date", studies.BIRTH_DATE)
    page.goto(gateway.url)
    _take(page, folder, language, device, "sign-in")
    page.locator("#code").fill(share["code"])
    page.locator("#birth-date").fill(_BORN)
    page.keyboard.press("Enter")
    page.locator(".hero").wait_for()
    for name, show in SCREENS.items():
        show(Visitor(page, gateway.url))
        _take(page, folder, language, device, name)
    _send_in(gateway, page, gateway.config.parent / "inbox")
    _take(page, folder, language, device, "sending-in")


def main(folder: Path) -> None:
    """All pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        inbox = place / "inbox"
        inbox.mkdir()
        for number, data_set in enumerate(studies.images(_AMOUNT)):
            (inbox / f"{number}.dcm").write_bytes(part10(data_set))
        with running(place, configuration(place, more=_SITE)) as gateway, sync_playwright() as playwright:
            gateway.run("import", str(inbox))
            browser = playwright.chromium.launch(executable_path=HEADLESS_SHELL, args=ARGUMENTS)
            for language, locale in LANGUAGES.items():
                for device, options in DEVICES.items():
                    context = browser.new_context(locale=locale, **options)
                    context.set_default_timeout(_PATIENCE)
                    _visit(gateway, context.new_page(), folder, language, device)
                    context.close()
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
