"""What stands on every picture and page that is kept, in the letters that the typefaces have (Windows-1252)."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway.pages.texts import Languages, Texts
from gateway.pages.wording import person
from gateway.portal.studies import SeriesView, StudyView

_SET: Final = frozenset({"de", "en", "fr"})
"""Languages whose letters the typefaces have; the others' files are in English."""

_PATIENT_NAME: Final = "00100010"
_WITHOUT_STROKE: Final = str.maketrans("ŁłĐđĦħı", "LlDdHhi")
"""Letters that Unicode does not take apart into a plain one and its mark."""


@dataclass(frozen=True, slots=True)
class Captions:
    """Lines for a series: `name` is whose it is, `lines` which examination and series, `notice` what it is no good for.

    `part` says that not all images are there, "" where all are; `image` and `page` number them.
    """

    name: str
    lines: tuple[str, ...]
    part: str
    notice: str
    missing: str
    image: Callable[[int], str]
    page: Callable[[int, int], str]


def words_for(languages: Languages, words: Texts) -> Texts:
    """The reader's own words where they can be set, else English ones."""
    english = {one.language: one for one in languages.all()}.get("en", words)
    return words if words.language in _SET else english


def captions(words: Texts, study: StudyView, series: SeriesView, patient_name: str, total: int, step: int) -> Captions:
    """The captions of `series`, of whose `total` images every `step`-th is there; `study` is in `words` too."""
    name = _said(patient_name) or words("keep.name_elsewhere")
    return Captions(
        name=name,
        lines=tuple(line for line in (set_in_latin(study.headline), set_in_latin(series.name)) if line),
        part=words("keep.every_nth", step=step) if step > 1 else "",
        notice=words("notice"),
        missing=words("keep.missing"),
        image=lambda number: words("viewer.image_of", i=number, n=total),
        page=lambda number, of: words("keep.page", i=number, n=of),
    )


def groups_of(patient_name: str, data_set: dict[str, Any]) -> str:
    """All groups of Patient's Name (PS3.5 6.2.1.1): the index, which `patient_name` is of, has the first of them."""
    values = data_set.get(_PATIENT_NAME, {}).get("Value") or [None]
    groups = values[0].values() if isinstance(values[0], dict) else ()
    return "=".join((patient_name, *(str(group) for group in groups)))


def set_in_latin(text: str) -> str:
    """`text` in Windows-1252, accents dropped where they must; "" when it holds letters of another writing."""
    composed = unicodedata.normalize("NFC", " ".join(text.split())).translate(_WITHOUT_STROKE)
    found = [_set_letter(character) for character in composed if character.isprintable()]
    return "".join(found) if all(found) else ""


def _said(patient_name: str) -> str:
    """The name of the first of its groups (PS3.5 6.2.1.1) that can be set; "" for none."""
    return next((said for group in patient_name.split("=") if (said := set_in_latin(person(group)))), "")


def _set_letter(character: str) -> str:
    """`character` as these typefaces have it, its accents dropped where they must; "" where nothing is like it."""
    for candidate in (character, unicodedata.normalize("NFKD", character)):
        if kept := candidate.encode("cp1252", "ignore").decode("cp1252"):
            return kept
    return ""
