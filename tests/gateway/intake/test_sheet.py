"""The sheet of an upload link: what it says, and that a phone and a hand read the same secret from it."""

from dataclasses import replace
from pathlib import Path

import pytest

from auth.codes import normalise_token
from auth.sheet import Paper
from auth.sheet_texts import LANGUAGES, TEXTS, Language
from gateway.config import Config
from gateway.intake.intake import Intake
from gateway.intake.links import Form, IssuedLink
from gateway.intake.sheet import handout, link_sheet
from gateway.sections import HttpConfig, OtherSiteConfig
from tests.auth.test_sheet import rendered, text

CONFIG = Config(
    http=HttpConfig(public_url="https://bilder.klinikum-beispielstadt.example"),
    sites=(OtherSiteConfig(key="north", name="Nordklinik", contact="Telefon 0000 98765"),),
)


@pytest.fixture
def issued(intake: Intake) -> IssuedLink:
    return intake.links.create("patient", "Termine MRT", days=0, site="north")


@pytest.mark.parametrize(("paper", "language"), [("A4", "de"), ("Letter", "en")], ids=["A4 de", "Letter en"])
def test_phone_and_hand_read_the_same(tmp_path: Path, issued: IssuedLink, paper: Paper, language: Language) -> None:
    pyzbar = pytest.importorskip("pyzbar.pyzbar", exc_type=ImportError)
    pdf = link_sheet(CONFIG, issued, language=language, paper=paper)
    with rendered(pdf, tmp_path) as page:
        (symbol,) = pyzbar.decode(page)
    address, _, token = symbol.data.decode().partition("#")
    written = text(pdf)
    assert address == f"{CONFIG.public_root}/u" and address.removeprefix("https://") in written
    assert token == issued.token == normalise_token(issued.code)
    assert " ".join(issued.code.split("-")) in written and "Termine MRT" not in written


@pytest.mark.parametrize(
    ("form", "language", "days", "words"),
    [
        (
            "patient",
            "de",
            0,
            ("Bilder an uns senden", "Für Patientinnen", "Gültig bis 28. November 2026"),
        ),
        ("referrer", "de", None, ("Für Praxen und Kliniken", "Gültig bis auf Weiteres", "Nicht für Notfälle!")),
        ("referrer", "en", None, ("For practices and hospitals", "Valid until further notice", "Not for emergencies")),
    ],
    ids=["patient", "standing", "English"],
)
def test_it_says_for_whom_and_how_long(
    intake: Intake, form: Form, language: Language, days: int | None, words: tuple[str, ...]
) -> None:
    written = text(
        link_sheet(CONFIG, intake.links.create(form, "", days=days, site="north"), language=language, paper="A4")
    )
    for expected in (*words, "Nordklinik", "Telefon 0000 98765"):
        assert expected in written


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_sheet_and_room_on_it(issued: IssuedLink, language: Language) -> None:
    standing = replace(issued, link=replace(issued.link, form="referrer", expires=None))
    for link in (issued, standing):
        content = handout(CONFIG, link, language)
        assert content.texts.title != TEXTS[language].title
        assert link_sheet(CONFIG, link, language=language, paper="A4").startswith(b"%PDF")
