"""Texts: every language has every text, and every text that is asked for exists."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from gateway.pages.static import STATIC_FOLDER
from gateway.pages.texts import Texts

FOLDERS = {path.name: path for path in (STATIC_FOLDER / "texts").iterdir()}
ROOMS = {
    name: {room.stem: json.loads(room.read_text("utf-8")) for room in path.iterdir()} for name, path in FOLDERS.items()
}
TEXTS = {name: {key: text for room in rooms.values() for key, text in room.items()} for name, rooms in ROOMS.items()}
GATEWAY = STATIC_FOLDER.parent / "gateway"


def _places(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_languages_have_the_same_keys_and_places() -> None:
    assert set(TEXTS) == {"de", "en"}
    german, english = TEXTS["de"], TEXTS["en"]
    assert german.keys() == english.keys()
    differing = {key for key in german if _places(german[key]) != _places(english[key])}
    assert differing <= {"date.format"}


def test_a_text_stands_in_the_same_one_room_in_every_language() -> None:
    places = {name: {(room, key) for room, texts in rooms.items() for key in texts} for name, rooms in ROOMS.items()}
    assert len({frozenset(of_language) for of_language in places.values()}) == 1
    assert {name: len(of_language) for name, of_language in places.items()} == {
        name: len(texts) for name, texts in TEXTS.items()
    }


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
        "month.",
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
