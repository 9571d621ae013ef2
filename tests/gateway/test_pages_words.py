"""Plain words for studies and series: what is said, and that nothing is said which is not sure."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from gateway.pages.static import STATIC_FOLDER
from gateway.pages.texts import Languages
from gateway.pages.wording import examination, series_in_words, study_place, study_reading
from gateway.pages.words.anatomy import BY_KEY, REGIONS
from gateway.pages.words.descriptions import NOTHING, Reading, agreed, read
from storage.records import InstanceRecord, SeriesSummary, StudySummary

LANGUAGES = {words.language: words for words in Languages(STATIC_FOLDER / "texts", "de").all()}
IMAGE = InstanceRecord("1", "1.1", "1.1.1", "", "", "", 0, 0, "", "CT", 1, 1, 4, 4, 16)


def _element(*values: Any) -> dict[str, Any]:
    return {"vr": "CS", "Value": list(values)}


def _series(modality: str, description: str = "", body: str = "", **attributes: dict[str, Any]) -> SeriesSummary:
    tags = {tag.removeprefix("t"): element for tag, element in attributes.items()}
    return SeriesSummary("1.1", modality, 1, description, body, 1, 1, IMAGE, tags)


def _study(description: str, *series: SeriesSummary) -> StudySummary:
    modalities = tuple(sorted({one.modality for one in series}))
    return StudySummary("1", "20261101", "", description, modalities, "", series)


def _title(language: str, study: StudySummary) -> str:
    words = LANGUAGES[language]
    return examination(words, study.modalities, study_place(words, study, study_reading(study)))


@pytest.mark.parametrize(
    ("description", "modality", "said"),
    [
        ("CT Thx nativ", "CT", Reading(("CHEST",), contrast="without")),
        ("MR LWS", "MR", Reading(("LSPINE",))),
        ("Rö Hand li", "DX", Reading(("HAND",), side="L")),
        ("Knie R", "MR", Reading(("KNEE",), side="R")),
        ("T2 TSE sag", "MR", Reading(kind="T2", plane="SAGITTAL")),
        ("t2_tse_fs_cor", "MR", Reading(kind="T2", plane="CORONAL")),
        ("b50", "MR", Reading(kind="DWI")),
        ("ADC", "MR", Reading(kind="ADC")),
        ("Röntgen Thorax p.a.", "DX", Reading(("CHEST",), view="FRONT")),
        ("CT Thorax und Oberbauch mit Kontrastmittel", "CT", Reading(("CHEST", "UPPERABDOMEN"), contrast="with")),
        ("CT HEAD W/O CONTRAST", "CT", Reading(("HEAD",), contrast="without")),
        ("XR C Spine Comp Min 4 Views", "CR", Reading(("CSPINE",))),
        ("Abdomen 5.0 B30f", "CT", Reading(("ABDOMEN",))),
        ("CT Thorax-Abdomen-Becken", "CT", Reading(("CHESTABDPELVIS",))),
        ("Kopf-Hals und Hals", "CT", Reading(("HEADNECK",))),
        ("Knie li und re", "MR", Reading(("KNEE",), side="B")),
        ("Hand li Fuß re", "DX", Reading(("HAND", "FOOT"))),
        ("T1 T2", "MR", NOTHING),
    ],
)
def test_what_a_description_says(description: str, modality: str, said: Reading) -> None:
    assert read(description, [modality]) == said


@pytest.mark.parametrize(
    ("description", "modality"),
    [
        ("CT Thorax bei Lebertumor", "CT"),
        ("Thorax^1HEAD_NECK_PETCT", "CT"),
        ("Non-ossifying fibroma of distal tibia", "CR"),
        ("PA Lung", "CT"),
        ("MR Knie", "CT"),
        ("Neck of femur", "DX"),
        ("R Knie", "MR"),
        ("b50", "CT"),
        ("x" * 70_000, "CT"),
        ("", "CT"),
    ],
    ids=[
        "finding",
        "folder",
        "unknown",
        "artery",
        "other modality",
        "neck of",
        "first letter",
        "kernel",
        "long",
        "empty",
    ],
)
def test_what_is_not_sure_is_not_said(description: str, modality: str) -> None:
    assert read(description, [modality]) == NOTHING


@given(st.text(), st.sampled_from(["CT", "MR", "DX", "", "<b>"]))
def test_any_text_can_be_read(description: str, modality: str) -> None:
    assert set(read(description, [modality]).regions) <= BY_KEY.keys()


@pytest.mark.parametrize(
    ("described", "coded", "agreed_on"),
    [
        (["BRAIN"], ["HEAD"], ("BRAIN",)),
        (["HEAD"], ["BRAIN"], ("HEAD",)),
        ([], ["CHEST", "LUNG"], ("CHEST",)),
        (["CHEST", "UPPERABDOMEN"], ["CHEST"], ("CHEST", "UPPERABDOMEN")),
        (["CHEST"], ["CHEST", "ABDOMEN"], ("CHEST", "ABDOMEN")),
        (["CHEST"], ["KNEE"], ()),
    ],
    ids=["more exact", "less exact", "only coded", "described more", "coded more", "contradiction"],
)
def test_description_and_codes_agree_or_nothing_is_said(
    described: list[str], coded: list[str], agreed_on: tuple[str, ...]
) -> None:
    assert agreed(described, coded) == agreed_on


@pytest.mark.parametrize(
    ("study", "german", "english"),
    [
        (
            _study("", _series("CT", body="CHEST")),
            "Computertomographie Brustkorb",
            "Computed tomography (CT) of the chest",
        ),
        (_study("Rö Hand li", _series("DX")), "Röntgenaufnahme Hand links", "X-ray of the left hand"),
        (
            _study("", _series("MG", t00082218=_element({"00080100": _element("T-04000")}), t00200062=_element("R"))),
            "Mammographie Brust rechts",
            "Mammography of the right breast",
        ),
        (
            _study("Hand li", _series("DX", t00200060=_element("R"))),
            "Röntgenaufnahme Hand",
            "X-ray of the hand",
        ),
        (
            _study("", _series("DX", body="THORAX", t00200060=_element("L"))),
            "Röntgenaufnahme Brustkorb",
            "X-ray of the chest",
        ),
        (_study("Kontrolle", _series("CT", body="XYZ")), "Computertomographie", "Computed tomography (CT)"),
    ],
    ids=["term", "description", "code", "two sides", "no side", "unknown"],
)
def test_titles(study: StudySummary, german: str, english: str) -> None:
    assert (_title("de", study), _title("en", study)) == (german, english)


@pytest.mark.parametrize(
    ("language", "chest", "hand"),
    [
        ("fr", "Scanner du thorax", "Radiographie de la main (côté gauche)"),
        ("tr", "Bilgisayarlı tomografi (BT): göğüs", "Röntgen: sol el"),
        ("uk", "КТ грудної клітки", "Рентген кисті (ліворуч)"),
        ("ru", "КТ грудной клетки", "Рентген кисти (слева)"),
        ("pl", "Tomografia (TK) klatki piersiowej", "Zdjęcie rentgenowskie (RTG) dłoni (strona lewa)"),
        ("ar", "تصوير طبقي محوري (CT) للصدر", "صورة أشعة لليد (الجهة اليسرى)"),
    ],
)
def test_titles_inflect_what_they_name(language: str, chest: str, hand: str) -> None:
    assert _title(language, _study("", _series("CT", body="CHEST"))) == chest
    assert _title(language, _study("Rö Hand li", _series("DX"))) == hand


def test_the_procedure_asked_for_is_read_where_a_study_has_no_description() -> None:
    study = replace(_study("", _series("MR")), attributes={"00321060": _element("MRT Knie rechts")})
    assert _title("de", study) == "Magnetresonanztomographie Knie rechts"
    coded = {"00081032": _element({"00080104": _element("MR Knie")})}
    assert _title("de", replace(study, attributes=coded)) == "Magnetresonanztomographie Knie"


AXIAL = _element(1, 0, 0, 0, 1, 0)
OBLIQUE = _element(1, 0, 0, 0, 0.7, 0.7)


@pytest.mark.parametrize(
    ("series", "name"),
    [
        (
            _series("CT", "xy", t00200037=AXIAL, t00281050=_element(40), t00281051=_element(400)),
            "Weichteile, quer geschnitten",
        ),
        (
            _series("CT", "", t00200037=AXIAL, t00281050=_element(-600), t00281051=_element(1500)),
            "Lunge, quer geschnitten",
        ),
        (_series("CT", "x", t00080008=_element("ORIGINAL", "PRIMARY", "LOCALIZER"), t00200037=AXIAL), "Übersichtsbild"),
        (_series("MR", "T2 TSE sag"), "T2-Bilder, von der Seite gesehen"),
        (_series("MR", "T2 TSE sag", t00200037=AXIAL), "T2-Bilder"),
        (_series("MR", "geheim", t00200037=OBLIQUE), ""),
        (_series("DX", "Thorax p.a."), "Brustkorb, Ansicht von vorn"),
        (_series("CT", "", t00281050=_element("x"), t00281051=_element(None), t00200037={"Value": "1"}), ""),
        (replace(_series("SR", "Thorax"), representative=None), ""),
    ],
    ids=["soft", "lung", "localizer", "written", "contradiction", "oblique", "x-ray", "broken", "no image"],
)
def test_series(series: SeriesSummary, name: str) -> None:
    assert series_in_words(LANGUAGES["de"], series) == name


def test_codes_are_those_of_dicom() -> None:
    """By pydicom's copy of PS3.16: every code is a concept that a context group of DICOM names."""
    by_keyword: Any = concepts["SCT"]
    known = {code for by_code in by_keyword.values() for code in by_code}
    modern = {code: mapping["SRT"].get(code, code) for region in REGIONS for code in region.codes}
    assert {code for code, today in modern.items() if today not in known} <= {"51185008", "113345001", "12921003"}


def test_a_term_a_code_and_a_word_mean_one_region() -> None:
    for values in ("terms", "codes", "written"):
        each: list[str] = [value for region in REGIONS for value in getattr(region, values)]
        assert len(each) == len(set(each)), values
    assert all(set(region.inside) <= BY_KEY.keys() for region in REGIONS)
    for words in LANGUAGES.values():
        assert all(f"body.{key}" in words for key in BY_KEY)
