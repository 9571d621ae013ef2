"""Which letters can be set, and which words therefore on paper and pictures."""

import json
from pathlib import Path

import pytest

import viewer_static
from auth.lettering import settable

TEXTS = Path(viewer_static.__file__).parent / "texts"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jürgen  Müßig", "Jürgen Müßig"),
        ("Łukasz Żółć", "Łukasz Żółć"),
        ("Ayşe Yıldız", "Ayşe Yıldız"),
        ("3\u202fmars\xa02026", "3 mars 2026"),
        ("Проба Ґанна", "Проба Ґанна"),
        ("ليلى التجريبية", "ليلى التجريبية"),
        ("山田 Yamada", ""),
        ("a\u202eb\u200fc", "abc"),
        ("", ""),
    ],
    ids=ascii,
)
def test_letters_lose_their_marks_but_no_writing_becomes_question_marks(text: str, expected: str) -> None:
    assert settable(text) == expected


@pytest.mark.parametrize("language", sorted(path.name for path in TEXTS.iterdir()))
def test_what_stands_on_pictures_can_be_set_in_every_language(language: str) -> None:
    texts = json.loads((TEXTS / language / "keep.json").read_text("utf-8"))
    assert [key for key, text in texts.items() if not settable(text)] == []
