"""The user guide: its pictures are there, used and small, and its buttons are called as on the pages."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from tests.house.checkout import ROOT

DOCS: Final = ROOT / "docs"
GUIDES: Final = {language: (DOCS / f"user-guide.{language}.md").read_text("utf-8") for language in ("de", "en")}
LARGEST: Final = 1_000_000
_PICTURE: Final = re.compile(r'<img src="(pictures/[^"]+)" width="\d+" alt="([^"]+)">')


def _pictures(language: str) -> list[tuple[str, str]]:
    return _PICTURE.findall(GUIDES[language])


@pytest.mark.parametrize("language", GUIDES)
def test_each_picture_exists_in_the_guides_language(language: str) -> None:
    named = [name for name, _ in _pictures(language)]
    assert len(named) == GUIDES[language].count("<img") >= 14
    assert [name for name in named if not (DOCS / name).is_file()] == []
    assert all(Path(name).name.startswith(f"{language}-") for name in named)


def test_no_picture_lies_about_and_all_together_are_small() -> None:
    files = set((DOCS / "pictures").iterdir())
    assert files == {DOCS / name for language in GUIDES for name, _ in _pictures(language)}
    assert sum(file.stat().st_size for file in files) <= LARGEST


@pytest.mark.parametrize("language", GUIDES)
def test_what_the_guide_calls_a_button_stands_on_the_pages(language: str) -> None:
    rooms = (ROOT / "viewer_static" / "texts" / language).glob("*.json")
    texts = {text.replace("\u00ad", "") for room in rooms for text in json.loads(room.read_text("utf-8")).values()}
    bold = [" ".join(one.split()) for one in re.findall(r"\*\*([^*]+)\*\*", GUIDES[language])]
    buttons = {one for one in bold if not one.endswith(":")}
    assert len(buttons) > 15 and buttons - texts == set()
