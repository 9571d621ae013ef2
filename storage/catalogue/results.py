"""Makes results of matching rows: DICOM JSON data sets with what the query asks for (PS3.18 10.6.3.3)."""

import sqlite3
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import orjson

from storage.attributes import ATTRIBUTES, Level, Matching, attribute
from storage.catalogue.description import has_value, returned_tags
from storage.catalogue.plain_matching import reduced
from storage.catalogue.related import OF_STUDY, Related, related
from storage.catalogue.restriction import UNIQUE_KEYS, Restriction
from storage.catalogue.visibility import instance_count
from storage.catalogue.walk import Rows
from storage.database import Database
from storage.query import Match, Query
from storage.records import decode_metadata
from storage.schema import columns
from storage.scope import StudyScope

DataSet = dict[str, Any]

_CONSTANT: Final[DataSet] = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080056": {"vr": "CS", "Value": ["ONLINE"]},
}
_DERIVED_OF_SERIES: Final = "00201209"
_ALWAYS: Final = {
    Level.STUDY: returned_tags(Level.STUDY) | OF_STUDY,
    Level.SERIES: returned_tags(Level.SERIES) | {_DERIVED_OF_SERIES},
    Level.INSTANCE: returned_tags(Level.INSTANCE),
}
_DERIVED: Final = frozenset(one.tag for one in ATTRIBUTES if one.matching is Matching.DERIVED)
_INSTANCE_COLUMNS: Final = {one.tag: (one.column, one.vr) for one in columns(Level.INSTANCE)}
_KEPT_IN: Final = {
    Level.STUDY: "study.attributes AS json_0",
    Level.SERIES: "series.attributes AS json_1",
    Level.INSTANCE: "instance_detail.metadata AS json_2",
}
_REMEMBERED: Final = 2_500
"""Studies and series, of some 6 kB each."""

_DETAIL: Final = " JOIN instance_detail ON instance_detail.instance_id = instance.id"


class Shape:
    """What the results of one query are made of."""

    def __init__(self, query: Query, restriction: Restriction) -> None:
        self._level = query.level
        self._everything = query.include_all
        self._wanted = _wanted(query)
        self._derived = _DERIVED if query.include_all else self._wanted[Level.STUDY] & _DERIVED
        self._is_ordered = not query.only_included
        self._sequences = [match for match in query.matches if _is_reduced(match, query)]
        self._tests = restriction.tests
        self._read = [level for level in Level if self._needs(level)]
        shown = self._wanted.get(Level.INSTANCE, frozenset())
        if query.level is Level.INSTANCE and query.include_all:
            shown = frozenset(_INSTANCE_COLUMNS)
        self._columns = [(tag, *place) for tag, place in _INSTANCE_COLUMNS.items() if tag in shown]

    @property
    def joined(self) -> str:
        """What is joined to the tables of the level."""
        return _DETAIL if Level.INSTANCE in self._read else ""

    def selected(self, scope: StudyScope) -> str:
        """The columns that are needed."""
        selected = [_KEPT_IN[level] for level in self._read]
        if self._level >= Level.SERIES:
            selected.append(f"{instance_count(scope)} AS series_instances")
        selected += [f"instance.{column}" for _, column, _ in self._columns]
        return ", ".join(selected) or "1"

    def data_sets(self, database: Database, scope: StudyScope, rows: Rows) -> Iterator[tuple[sqlite3.Row, DataSet]]:
        """Those of the rows that pass what only DICOM JSON can tell, as data sets. These may share elements."""
        facts = None
        if self._derived:
            facts = related(database, scope, {row["study_id"] for row in rows}, self._derived)
        parts = [
            _Part(level, None if self._everything else self._wanted[level], judged=bool(self._tests))
            for level in reversed(self._read)
        ]
        for row in rows:
            for part in parts:
                part.read(row)
            if not self._tests or self._passes({part.level: part.attributes for part in parts}):
                yield row, self._data_set(row, parts, facts)

    def _needs(self, level: Level) -> bool:
        """Whether the DICOM JSON of `level` must be read."""
        if level > self._level:
            return False
        if self._everything or any(level is one for one, _ in self._tests):
            return True
        beyond = _ALWAYS[Level.INSTANCE] if level is Level.INSTANCE else _DERIVED
        return not self._wanted[level] <= beyond

    def _passes(self, parts: dict[Level, DataSet]) -> bool:
        return all(test(parts[level]) for level, test in self._tests)

    def _data_set(self, row: sqlite3.Row, parts: list["_Part"], facts: Related | None) -> DataSet:
        found = dict(_CONSTANT) if self._is_ordered else {}
        # What is known of the study goes before what one of its instances says.
        for part in parts:
            found.update(part.shown)
        for tag, column, vr in self._columns:
            if (value := row[column]) not in (None, ""):
                found[tag] = {"vr": vr, "Value": [value]}
        if self._level >= Level.SERIES and (self._everything or _DERIVED_OF_SERIES in self._wanted[Level.SERIES]):
            found[_DERIVED_OF_SERIES] = {"vr": "IS", "Value": [row["series_instances"]]}
        if facts is not None:
            found.update(self._shown(Level.STUDY, facts.attributes(row["study_id"])))
        for match in self._sequences:
            if match.attribute.tag in found:
                found[match.attribute.tag] = reduced(found[match.attribute.tag], match)
        return dict(sorted(found.items())) if self._is_ordered else found

    def _shown(self, level: Level, attributes: DataSet) -> DataSet:
        """What is shown of these."""
        return _reduced(attributes, None if self._everything else self._wanted[level])


class _Part:
    """What one level tells of a row after the other: of a study or series it is read once for all its instances."""

    def __init__(self, level: Level, wanted: frozenset[str] | None, *, judged: bool) -> None:
        """Of which `wanted` is shown; all `attributes` are there only if they are to be `judged`."""
        self.level = level
        self.attributes: DataSet = {}
        self.shown: DataSet = {}
        self._wanted = wanted
        self._judged = judged
        self._column = f"json_{level:d}"
        self._kept: Any = None

    def read(self, row: sqlite3.Row) -> None:
        """Take in the row's DICOM JSON."""
        kept = row[self._column]
        if kept == self._kept:
            return
        self._kept = kept
        if self.level is not Level.INSTANCE and not self._judged:
            self.shown = _shown_of(kept, self._wanted)
            return
        self.attributes = decode_metadata(kept) if self.level is Level.INSTANCE else orjson.loads(kept)
        self.shown = _reduced(self.attributes, self._wanted)


@lru_cache(maxsize=_REMEMBERED)
def _shown_of(kept: str, wanted: frozenset[str] | None) -> DataSet:
    """What is shown of a study or series with this DICOM JSON: lists are asked for again and again."""
    return _reduced(orjson.loads(kept), wanted)


def _reduced(attributes: DataSet, wanted: frozenset[str] | None) -> DataSet:
    """What is `wanted`, or everything, without bulk data: values themselves, not where they lie."""
    if wanted is None:
        return _without_bulk_data(attributes.items())
    shown = {tag: element for tag, element in attributes.items() if tag in wanted}
    plain = all("Value" in element and element["vr"] != "SQ" for element in shown.values())
    return shown if plain else _without_bulk_data(shown.items())


def _wanted(query: Query) -> dict[Level, frozenset[str]]:
    """By level the tags asked for or always returned that are found there; of a level that is named, its UID."""
    asked: dict[Level, set[str]] = {level: set() for level in Level if level <= query.level}
    for tag in query.include | {match.attribute.tag for match in query.matches if match.item}:
        level = attribute(tag).level
        if level in asked:
            asked[level].add(tag)
    if query.only_included:
        return {level: frozenset(tags) for level, tags in asked.items()}
    named = [level for level in asked if level < query.level and query.single_uid(UNIQUE_KEYS[level])]
    return {
        level: frozenset(tags | ({UNIQUE_KEYS[level]} if level in named else _ALWAYS[level]))
        for level, tags in asked.items()
    }


def _is_reduced(match: Match, query: Query) -> bool:
    """Whether of a sequence only what the key names is told, and not all of it."""
    attribute = match.attribute
    whole = query.include_all or attribute.tag in query.include or attribute.tag in _ALWAYS[attribute.level]
    return bool(match.item) and (query.only_included or not whole)


def _without_bulk_data(elements: Iterable[tuple[str, Any]]) -> DataSet:
    """Without what only refers to bulk data, in items too."""
    kept = {}
    for tag, element in elements:
        if element["vr"] == "SQ" and has_value(element):
            items = [_without_bulk_data(item.items()) for item in element["Value"]]
            kept[tag] = {"vr": "SQ", "Value": items}
        elif "BulkDataURI" not in element:
            kept[tag] = element
    return kept
