"""A morning at the desk and a sender's page in Debian's Firefox, by keyboard alone where people would."""

from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

from tests.browser.conftest import Site
from tests.browser.fox import PHONE, Window
from tests.browser.test_desk import PASSWORD
from tests.browser.test_upload import link
from tests.support.bidi import Session
from tests.support.synthetic import ct, part10

ACCOUNT = "f.probe"
_HAS_FOCUS = """(id) => new Promise((done) => {
  const look = () => document.activeElement.id === id && done();
  addEventListener("focusin", look);
  look();
})"""
_FOCUSED = "() => document.activeElement.textContent.trim()"
_SAYS = "(text) => document.querySelector('main').innerText.includes(text)"


@pytest.fixture(params=["desktop"])
def window(firefox: Session, request: pytest.FixtureRequest) -> Iterator[Window]:
    window = Window(firefox, PHONE) if request.param == "phone" else Window(firefox)
    yield window
    window.close()
    assert window.complaints == []


def type_into(window: Window, element: str, text: str, *more: str) -> None:
    """Once the page itself has given the focus to the element with this id."""
    window.evaluate(_HAS_FOCUS, element)
    window.type(text)
    window.press(*more)


def do(window: Window, name: str) -> None:
    """Go on with Tab to a button or link of this name and press Enter, which leads to another page."""
    for _ in range(60):
        window.press("Tab")
        if window.read(_FOCUSED) == name:
            break
    else:
        raise AssertionError(f"no way by keyboard to {name}")
    with window.leaving():
        window.press("Enter")


def test_the_desk_by_keyboard(site: Site, window: Window, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    account = (ACCOUNT, "--role", "desk", "--site", "main", "--password-file", str(tmp_path / "password"))
    site.gateway.answer("user", "add", *account)
    window.goto(f"{site.gateway.url}/desk")
    type_into(window, "name", ACCOUNT, "Tab")
    with window.leaving():
        type_into(window, "password", PASSWORD, "Enter")
    seed = window.read("() => document.querySelector('#seed').innerText").replace(" ", "")
    with window.leaving():
        type_into(window, "code", pyotp.TOTP(seed).now(), "Enter")
    with window.leaving():
        type_into(window, "q", "TEST-1", "Enter")
    assert window.read(_SAYS, "Muster, Erika")
    do(window, "Alles freigeben, auch Künftiges")
    window.evaluate(_HAS_FOCUS, "print")
    assert window.read("() => document.querySelectorAll('#code > span:not(.visually-hidden)').length") == 4
    do(window, "Freigabe ansehen")
    do(window, "Verlängern")
    assert window.read(_SAYS, "Die Freigabe ist verlängert.")
    do(window, f"Abmelden {ACCOUNT}")
    assert window.read("() => location.pathname") == "/desk/sign-in"


@pytest.mark.parametrize("window", ["phone", "desktop"], indirect=True)
def test_a_sender(site: Site, window: Window, tmp_path: Path) -> None:
    for number in (1, 2):
        image = ct(
            number=number, StudyInstanceUID="1.2.3.80", SeriesInstanceUID="1.2.3.80.1", PatientName="Probe^Erika"
        )
        (tmp_path / f"IM{number}").write_bytes(part10(image))
    window.goto(link(site))
    for field, text in (("#name", "Erika Probe"), ("#birth_date", "31.1.1950"), ("#contact", "0000 4711")):
        window.click(field)
        window.type(text)
    with window.leaving():
        window.press("Enter")
    window.find("#chooser")
    window.choose("#files", *sorted(tmp_path.iterdir()))
    window.until("() => !document.querySelector('#send').disabled")
    assert window.read("() => document.querySelector('#found').innerText").endswith("(Dateien: 2)")
    with window.leaving():
        window.click("#send")
    assert window.read(_SAYS, "Danke, alles ist angekommen")
