"""What stands in DICOM headers, in words for patients.

Everything here comes from outside and may be hostile or broken; `plain` makes it harmless to read, the templates'
autoescape makes it harmless to the page.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

from gateway.pages.texts import Texts
from gateway.pages.words.anatomy import is_paired
from gateway.pages.words.descriptions import NOTHING, Reading, agreed, read
from gateway.pages.words.facts import described_procedure, kind, plane, region, side
from storage.records import SeriesSummary, StudySummary

_MOST_REGIONS: Final = 3
LONGEST: Final = 120
_DATE: Final = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
# Joiners are formatting characters too, but Persian and Indic words fall apart without them.
_JOINERS: Final = frozenset("\u200c\u200d")


def plain(text: str) -> str:
    """`text` in one short line, without control, formatting (bidirectional overrides!) or unassigned characters."""
    line = " ".join("".join(character for character in text if _is_harmless(character)).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def passage(text: str) -> str:
    """`text` with its lines, however long, without control, formatting or unassigned characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(character for character in line if _is_harmless(character)) for line in lines).strip()


def breakable(text: str) -> str:
    """`text` with places where a line may end: devices write words_like_this and names/like/that."""
    return re.sub(r"(?<=[\w][/_])(?=\w)", "\u200b", text)


def person(name: str) -> str:
    """A Person Name (PS3.5 6.2.1) as one says it, given name before family name, of the first group that has any."""
    for group in name.split("="):
        family, given, middle, prefix, suffix = (group.split("^") + [""] * 5)[:5]
        if spoken := plain(" ".join((prefix, given, middle, family, suffix))):
            return spoken
    return ""


def day(words: Texts, value: str | date) -> str:
    """A DA value or date as "3. März 2026"; the words for no date when it is none."""
    moment = value if isinstance(value, date) else _date(value)
    if moment is None:
        return words("date.unknown")
    return words.day(moment)


def examination(words: Texts, modalities: Iterable[str], where: str = "") -> str:
    """What was done, by the modalities of a study, and where: "Computertomographie Brustkorb"."""
    known = dict.fromkeys(words(f"modality.{one}") for one in modalities if f"modality.{one}" in words)
    what = words.list(list(known)[:2]) if known else words("modality.other")
    return words("examination.where", what=what, where=where) if where else what


def place(words: Texts, regions: Sequence[str], side: str = "", *, after: bool = False) -> str:
    """Regions in words, one of them with its side: "Hand links"; empty for none.

    `after` the name of an examination, some languages have another form of the word: "грудной клетки", "du thorax".
    """
    names = [words.either(f"body_of.{one}" if after else f"body.{one}", f"body.{one}") for one in regions]
    if len(names) == 1 and side and is_paired(regions[0]):
        return words(f"side.{side}", part=names[0])
    return words.list(names)


def study_place(words: Texts, summary: StudySummary, reading: Reading) -> str:
    """Where in the body a study was made, as far as its `study_reading` and its codes agree; empty when unsure."""
    pictured = [one for one in summary.series if one.representative] or list(summary.series)
    coded = [region(one.attributes, one.body_part_examined) for one in pictured]
    regions = agreed(reading.regions, [one for one in coded if one])
    sides = {one for one in (reading.side, *(side(series.attributes) for series in pictured)) if one}
    if len(regions) > _MOST_REGIONS:
        return ""
    return place(words, regions, sides.pop() if len(sides) == 1 else "", after=True)


def study_reading(summary: StudySummary) -> Reading:
    """What the description of a study says, or else that of the procedure that was asked for."""
    reading = read(summary.study_description, summary.modalities)
    return reading if reading != NOTHING else read(described_procedure(summary.attributes), summary.modalities)


def series_name(words: Texts, description: str, number: int | None, modality: str) -> str:
    """What a series is called: its description, else what kind of object it is, else its number."""
    if named := plain(description):
        return named
    if f"object_name.{modality}" in words:
        return words(f"object_name.{modality}")
    return words("series.unnamed") if number is None else words("series.number", n=number)


def series_in_words(words: Texts, summary: SeriesSummary) -> str:
    """A series of images in plain words: "Weichteile, quer geschnitten"; empty when nothing of it is sure."""
    if summary.representative is None:
        return ""
    reading = read(summary.series_description, [summary.modality])
    coded_plane, coded_kind = plane(summary.attributes), kind(summary.attributes, summary.modality)
    # A description of its own (bone, T2) is more than what the window seems to be made for.
    what = coded_kind if coded_kind == "LOCALIZER" else reading.kind or coded_kind
    cut = coded_plane or reading.plane
    if what == "LOCALIZER" or (coded_plane and reading.plane and coded_plane != reading.plane):
        cut = ""
    named = [words(f"kind.{what}")] if what else [place(words, reading.regions)] if reading.regions else []
    said = [
        *named,
        *([words(f"plane.{cut}")] if cut else []),
        *([words(f"view.{reading.view}")] if reading.view else []),
    ]
    return words.sentence(words.row(*said))


def _is_harmless(character: str) -> bool:
    return character.isspace() or character in _JOINERS or unicodedata.category(character)[0] != "C"


def _date(value: str) -> date | None:
    match = _DATE.fullmatch(value.strip())
    if match is None:
        return None
    try:
        return datetime(int(match[1]), int(match[2]), int(match[3])).date()
    except ValueError:
        return None
