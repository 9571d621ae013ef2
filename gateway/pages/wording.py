"""What stands in DICOM headers, in words for patients.

Everything here comes from outside and may be hostile or broken; `plain` makes it harmless to read, the templates'
autoescape makes it harmless to the page.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from gateway.pages.texts import Texts

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
    return words("date.format", day=moment.day, month=words(f"month.{moment.month}"), year=moment.year)


def examination(words: Texts, modalities: Iterable[str]) -> str:
    """What was done, by the modalities of a study: "Computertomographie"."""
    names: list[str] = []
    for modality in modalities:
        if f"modality.{modality}" in words:
            name = words(f"modality.{modality}")
            if name not in names:
                names.append(name)
    return ", ".join(names[:2]) if names else words("modality.other")


def body_part(words: Texts, code: str) -> str:
    """The word for a Body Part Examined (PS3.16 annex L), or nothing when we have none."""
    key = f"body.{code.strip().upper()}"
    return words(key) if key in words else ""


def series_name(words: Texts, description: str, number: int | None, modality: str) -> str:
    """What a series is called: its description, else what kind of object it is, else its number."""
    if named := plain(description):
        return named
    if f"object_name.{modality}" in words:
        return words(f"object_name.{modality}")
    return words("series.unnamed") if number is None else words("series.number", n=number)


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
