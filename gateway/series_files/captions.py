"""What stands on every picture and page that is kept, in the letters that the typefaces have (`auth.lettering`)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from auth.lettering import settable
from gateway.pages.texts import Texts
from gateway.pages.wording import person
from gateway.portal.studies import SeriesView, StudyView
from storage.data_set.json_values import first

_PATIENT_NAME: Final = "00100010"


@dataclass(frozen=True, slots=True)
class Captions:
    """Lines for a series: `name` is whose it is, `lines` which examination and series, `notice` what it is no good for.

    `part` says that not all images are there, "" where all are; `image` and `page` number them. `from_right`: the
    direction in which they are read.
    """

    name: str
    lines: tuple[str, ...]
    part: str
    notice: str
    missing: str
    image: Callable[[int], str]
    page: Callable[[int, int], str]
    from_right: bool = False


def captions(words: Texts, study: StudyView, series: SeriesView, patient_name: str, total: int, step: int) -> Captions:
    """The captions of `series`, of whose `total` images every `step`-th is there; `study` is in `words` too."""
    name = _said(patient_name) or words("keep.name_elsewhere")
    return Captions(
        name=name,
        lines=tuple(line for line in (settable(study.headline), settable(series.name)) if line),
        part=words("keep.every_nth", step=step) if step > 1 else "",
        notice=words("notice"),
        missing=words("keep.missing"),
        image=lambda number: words("viewer.image_of", i=number, n=total),
        page=lambda number, of: words("keep.page", i=number, n=of),
        from_right=words.direction == "rtl",
    )


def groups_of(patient_name: str, data_set: dict[str, Any]) -> str:
    """All groups of Patient's Name (PS3.5 6.2.1.1): the index, which `patient_name` is of, has the first of them."""
    stated = first(data_set, _PATIENT_NAME)
    groups = stated.values() if isinstance(stated, dict) else ()
    return "=".join((patient_name, *(str(group) for group in groups)))


def _said(patient_name: str) -> str:
    """The name of the first of its groups (PS3.5 6.2.1.1) that can be set; "" for none."""
    return next((said for group in patient_name.split("=") if (said := settable(person(group)))), "")
