"""DICOM values in words for patients."""

from datetime import date

import pytest

from gateway.pages import wording
from gateway.pages.static import STATIC_FOLDER
from gateway.pages.texts import Languages

GERMAN, ENGLISH = Languages(STATIC_FOLDER / "texts", "de").for_staff().all()


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("Muster^Erika", "Erika Muster"),
        ("Muster^Erika^Maria^Dr.^MD", "Dr. Erika Maria Muster MD"),
        ("Muster", "Muster"),
        ("^^^^", ""),
        ("", ""),
        ("=山田^太郎", "太郎 山田"),
        ("A^B^C^D^E^F^G", "D B C A E"),
        ("Muster^\u202eakirE", "akirE Muster"),
        ("Mus\x00ter\n^Eri\x1bka", "Erika Muster"),
    ],
)
def test_person(name: str, spoken: str) -> None:
    assert wording.person(name) == spoken


def test_plain_shortens_and_keeps_joiners() -> None:
    assert len(wording.plain("x" * 70_000)) == wording.LONGEST
    assert wording.plain("می\u200cخواهم") == "می\u200cخواهم"
    assert wording.plain("  a \t b\r\nc ") == "a b c"
    assert wording.plain("a\u2066b\u2069\ufeff\U000e0041") == "ab"


@pytest.mark.parametrize(
    ("value", "german", "english"),
    [
        ("20260303", "3. März 2026", "3 March 2026"),
        ("2026.03.03", "3. März 2026", "3 March 2026"),
        (date(1999, 12, 31), "31. Dezember 1999", "31 December 1999"),
        ("20260230", "ohne Datum", "no date"),
        ("", "ohne Datum", "no date"),
        ("gestern", "ohne Datum", "no date"),
    ],
)
def test_day(value: str | date, german: str, english: str) -> None:
    assert (wording.day(GERMAN, value), wording.day(ENGLISH, value)) == (german, english)


@pytest.mark.parametrize(
    ("modalities", "title"),
    [
        (["CT"], "Computertomographie"),
        (["CT", "SR", "PR"], "Computertomographie"),
        (["CR", "DX"], "Röntgenaufnahme"),
        (["CT", "PT", "MR"], "Computertomographie und Positronen-Emissions-Tomographie"),
        (["SR"], "Untersuchung"),
        (["<b>"], "Untersuchung"),
        ([], "Untersuchung"),
    ],
)
def test_examination(modalities: list[str], title: str) -> None:
    assert wording.examination(GERMAN, modalities) == title


@pytest.mark.parametrize(
    ("description", "number", "modality", "name"),
    [
        ("axial 2 mm", 3, "CT", "axial 2 mm"),
        ("", 3, "CT", "Serie 3"),
        (" \x00", None, "CT", "Serie"),
        ("", 9, "SR", "Bericht"),
    ],
)
def test_series_name(description: str, number: int | None, modality: str, name: str) -> None:
    assert wording.series_name(GERMAN, description, number, modality) == name


def test_breakable() -> None:
    assert wording.breakable("Thorax/Oberbauch_2") == "Thorax/\u200bOberbauch_\u200b2"
    assert wording.breakable("1 / 2") == "1 / 2"
