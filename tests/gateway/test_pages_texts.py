"""Texts: every language has every text, and every text that is asked for exists."""

import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from babel import Locale
from starlette.requests import Request

from gateway.pages.static import STATIC_FOLDER
from gateway.pages.texts import STAFF_ROOMS, Languages, Texts

FOLDERS = {path.name: path for path in (STATIC_FOLDER / "texts").iterdir()}
ROOMS = {
    name: {room.stem: json.loads(room.read_text("utf-8")) for room in path.iterdir()} for name, path in FOLDERS.items()
}
TEXTS = {name: {key: text for room in rooms.values() for key, text in room.items()} for name, rooms in ROOMS.items()}
GATEWAY = STATIC_FOLDER.parent / "gateway"


def _places(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


STAFFS = {"de", "en"}
PATIENTS = STAFFS | {"fr", "tr", "uk", "ar", "ru", "pl"}
PLURALS = {stem for key in TEXTS["en"] if key.endswith(".one") and f"{(stem := key[:-4])}.other" in TEXTS["en"]}
AFTER = "body_of."
"""What a body part is called behind an examination: only in languages that have another form for it."""


def _forms(language: str) -> set[str]:
    """The plural forms that CLDR names for whole numbers and fractions of it."""
    return {*Locale(language).plural_form.tags, "other"}


def _plural(key: str) -> tuple[str, str]:
    """Stem and form of a key that is a plural form, or two empty words."""
    stem, _, form = key.rpartition(".")
    return (stem, form) if stem in PLURALS and form in {"zero", "one", "two", "few", "many", "other"} else ("", "")


def _keys(language: str, room: str) -> set[str]:
    """The keys of a room, plurals without their forms; forms of body parts are not counted."""
    keys = {key for key in ROOMS[language].get(room, {}) if not key.startswith(AFTER)}
    return {_plural(key)[0] or key for key in keys}


def test_patients_have_eight_languages_and_staff_two() -> None:
    languages = Languages(STATIC_FOLDER / "texts", "de")
    assert {words.language for words in languages.all()} == PATIENTS == set(TEXTS)
    assert {words.language for words in languages.for_staff().all()} == STAFFS
    assert {words.language for words in languages.for_archive("ar").all()} == STAFFS | {"ar"}


@pytest.mark.parametrize("language", sorted(PATIENTS - {"en"}))
def test_a_language_has_every_room_and_every_key(language: str) -> None:
    rooms = set(ROOMS["en"]) - (set() if language in STAFFS else STAFF_ROOMS)
    assert {room for room in rooms if room not in ROOMS[language]} == set(), "rooms that are missing"
    assert set(ROOMS[language]) - rooms == set(), "rooms that no other language has"
    differences = {room: _keys(language, room) ^ _keys("en", room) for room in rooms}
    assert {room: keys for room, keys in differences.items() if keys} == {}


@pytest.mark.parametrize("language", sorted(PATIENTS))
def test_a_language_has_its_plural_forms_and_no_others(language: str) -> None:
    here = [stem for stem in PLURALS if f"{stem}.other" in TEXTS[language]]
    assert here
    for stem in here:
        forms = {form for of, form in map(_plural, TEXTS[language]) if of == stem}
        assert forms == _forms(language), stem


@pytest.mark.parametrize("language", sorted(PATIENTS))
def test_places_are_the_same_in_every_language(language: str) -> None:
    for key, text in TEXTS[language].items():
        stem, form = _plural(key)
        if form:
            assert _places(text) <= {"n"}, key
        elif not key.startswith(AFTER):
            assert _places(text) == _places(TEXTS["en"][key]), key


@pytest.mark.parametrize("language", sorted(PATIENTS))
def test_every_body_part_has_a_form_behind_an_examination_or_none_has(language: str) -> None:
    of = {key.removeprefix(AFTER) for key in TEXTS[language] if key.startswith(AFTER)}
    assert of in (set(), {key.removeprefix("body.") for key in TEXTS[language] if key.startswith("body.")})


@pytest.mark.parametrize("language", sorted(PATIENTS))
def test_a_text_stands_in_one_room(language: str) -> None:
    assert sum(len(texts) for texts in ROOMS[language].values()) == len(TEXTS[language])
    assert [key for key, text in TEXTS[language].items() if text != text.strip() or not text] == []


@pytest.mark.parametrize(
    ("header", "patient", "staff"),
    [
        ("uk-UA,uk;q=0.9,en;q=0.5", "uk", "en"),
        ("ar-SY", "ar", "de"),
        ("pt-BR, ru;q=0.3", "ru", "de"),
        ("fr;q=0, pl;q=0.1", "pl", "de"),
        ("ja", "de", "de"),
        ("", "de", "de"),
    ],
)
def test_a_browser_is_answered_in_its_language(header: str, patient: str, staff: str) -> None:
    request = Request(
        {
            "type": "http",
            "headers": [(b"accept-language", header.encode()), (b"cookie", b"lang=xx")],
            "query_string": b"",
        }
    )
    languages = Languages(STATIC_FOLDER / "texts", "de")
    assert languages.of(request).language == patient
    assert languages.for_staff().of(request).language == staff


@pytest.mark.parametrize(
    ("language", "numbers", "said"),
    [
        ("ru", (1, 3, 5, 21, 112), ["1 снимок", "3 снимка", "5 снимков", "21 снимок", "112 снимков"]),
        ("uk", (1, 3, 5, 21), ["1 знімок", "3 знімки", "5 знімків", "21 знімок"]),
        ("pl", (1, 3, 5, 21, 22), ["1 zdjęcie", "3 zdjęcia", "5 zdjęć", "21 zdjęć", "22 zdjęcia"]),
        ("ar", (1, 2, 3, 11, 100), ["صورة واحدة", "صورتان", "3 صور", "11 صورة", "100 صورة"]),
        ("fr", (0, 1, 2, 1_000_000), ["0 image", "1 image", "2 images", "1000000 d’images"]),
        ("tr", (1, 5), ["1 görüntü", "5 görüntü"]),
    ],
)
def test_counting_in_every_language(language: str, numbers: tuple[int, ...], said: list[str]) -> None:
    assert [Texts(language, TEXTS[language]).count("images", number) for number in numbers] == said


def test_dates_and_lists_are_those_of_the_language() -> None:
    words = {language: Texts(language, TEXTS[language]) for language in PATIENTS}
    said = {language: words[language].day(date(2026, 11, 1)) for language in ("fr", "tr", "uk", "ar", "ru", "pl")}
    assert said == {
        "fr": "1 novembre 2026",
        "tr": "1 Kasım 2026",
        "uk": "1 листопада 2026\u202fр.",
        "ar": "1 نوفمبر 2026",
        "ru": "1 ноября 2026\u202fг.",
        "pl": "1 listopada 2026",
    }
    assert words["ar"].list(["الصدر", "البطن"]) == "الصدر والبطن"
    assert words["tr"].sentence("iki yönden") == "İki yönden"
    assert [language for language in sorted(words) if words[language].direction == "rtl"] == ["ar"]


def _asked_for() -> Iterable[tuple[str, str]]:
    sources = [*GATEWAY.rglob("*.py"), *GATEWAY.rglob("templates/*"), *(STATIC_FOLDER / "js").rglob("*.js")]
    for source in sources:
        text = source.read_text("utf-8")
        for key in re.findall(r"""(?:\bt|words|this\.t)\(["']([a-z_]+\.[\w.]+)["']""", text):
            yield source.name, key


def test_every_text_that_is_asked_for_exists() -> None:
    asked = list(_asked_for())
    assert len(asked) > 80
    assert [pair for pair in asked if pair[1] not in TEXTS["de"]] == []


def test_no_text_is_left_over() -> None:
    everything = "".join(
        source.read_text("utf-8")
        for source in (*GATEWAY.rglob("*.py"), *GATEWAY.rglob("templates/*"), *(STATIC_FOLDER / "js").rglob("*.js"))
    )
    computed = (
        "modality.",
        "object.",
        "object_name.",
        "body.",
        AFTER,
        "kind.",
        "plane.",
        "view.",
        "side.",
        "contrast.",
        "viewer.preset_",
        "kinds.speed_",
        "kinds.direction_",
        "error.",
    )
    left = {
        key
        for key in TEXTS["de"]
        if not key.startswith(computed) and key not in everything and key.rpartition(".")[0] not in everything
    }
    assert left == set()


def test_counting() -> None:
    words = Texts("de", TEXTS["de"])
    assert (words.count("images", 1), words.count("images", 2), words.count("images", 0)) == (
        "1 Bild",
        "2 Bilder",
        "0 Bilder",
    )


def test_a_missing_text_is_an_error() -> None:
    with pytest.raises(KeyError):
        Texts("de", TEXTS["de"])("no.such.text")


def test_a_value_is_never_a_pattern() -> None:
    words = Texts("de", {"a": "{name}"})
    assert words("a", name="{name} {0} {x}") == "{name} {0} {x}"


def test_texts_lie_where_they_are_served_from() -> None:
    assert Path(STATIC_FOLDER / "texts" / "de" / "viewer.json").is_file()


def test_arabic_has_its_own_comma() -> None:
    assert [Texts(language, {}).row("A", "B") for language in ("de", "ar")] == ["A, B", "A، B"]
    foreign = re.compile(r"[\u0600-\u06ff]\s*[,;?]|[,;?]\s*[\u0600-\u06ff]")
    assert [key for key, text in TEXTS["ar"].items() if foreign.search(text)] == []
