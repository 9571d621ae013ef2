"""What one data set tells the index: the values of its study, its series and itself."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

import orjson

from storage.attributes import ATTRIBUTES, Level, Matching
from storage.catalogue import comparable
from storage.schema import columns

DataSet = Mapping[str, Any]

_ALWAYS_RETURNED: Final = {
    Level.STUDY: ("00080201",),
    Level.SERIES: ("00080201", "00400275"),
    Level.INSTANCE: (),
}
IDENTITY: Final = ("patient_id", "issuer_of_patient_id", "patient_birth_date")


def returned_tags(level: Level) -> frozenset[str]:
    """The tags of `level` that every answer holds where they have a value (PS3.18 tables 10.6.3-3 to 10.6.3-5)."""
    return frozenset((*(attribute.tag for attribute in columns(level)), *_ALWAYS_RETURNED[level]))


KEPT: Final = {
    level: tuple(sorted(returned_tags(level) | {one.tag for one in ATTRIBUTES if one.level is level and one.is_kept}))
    for level in Level
}
"""What is kept as DICOM JSON with each study, series and instance."""
_TAGS: Final = {level: frozenset(tags) for level, tags in KEPT.items()}


@dataclass(frozen=True, slots=True)
class LevelValues:
    """One level of an instance: values for its columns, in their order, and its attributes as DICOM JSON."""

    columns: tuple[str | int | None, ...]
    attributes: dict[str, Any]
    json: str
    """The same attributes written out."""


def level_values(
    level: Level, data_set: DataSet, before: LevelValues | None = None, changed: AbstractSet[str] | None = None
) -> LevelValues:
    """The values of `level`; attributes without value are left out.

    `before` are those of a data set that differs in no attribute but the `changed` ones, if these are known: study and
    series say the same with every slice.
    """
    if before is not None and changed is not None and _TAGS[level].isdisjoint(changed):
        return before
    attributes = {
        tag: element for tag in KEPT[level] if (element := data_set.get(tag)) is not None and element.get("Value")
    }
    values: list[str | int | None] = []
    for tag, matching in _COLUMNS[level]:
        value = text(attributes, tag)
        if matching is Matching.NUMBER:
            values.append(comparable.number(value))
        elif matching is Matching.DATE:
            values.append(comparable.date(value))
        elif matching is Matching.TIME:
            values.append(comparable.time(value))
        elif matching is Matching.NAME:
            values += (value, comparable.name(value))
        else:
            values.append(value)
    return LevelValues(tuple(values), attributes, orjson.dumps(attributes).decode())


_COLUMNS: Final = {level: tuple((attribute.tag, attribute.matching) for attribute in columns(level)) for level in Level}


def has_value(element: Any) -> bool:
    """Whether a DICOM JSON element holds anything."""
    return bool(element.get("Value"))


def text(data_set: DataSet, tag: str) -> str:
    """All values of an element as one text, joined as in the data set; names with all their groups."""
    element = data_set.get(tag)
    values = element.get("Value") if element else None
    if not values:
        return ""
    if len(values) == 1:
        return comparable.text(_one_text(values[0]))
    return comparable.text("\\".join(_one_text(value) for value in values))


def _one_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        groups = (str(value.get(group, "")) for group in ("Alphabetic", "Ideographic", "Phonetic"))
        return "=".join(groups).rstrip("=")
    return "" if value is None else str(value)
