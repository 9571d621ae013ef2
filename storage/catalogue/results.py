"""Makes results of matching rows: DICOM JSON data sets with what the query asks for (PS3.18 10.6.3.3)."""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson

from storage.attributes import ATTRIBUTES, Level, Matching, attribute
from storage.catalogue.condition import one_of
from storage.catalogue.description import has_value, returned_tags
from storage.catalogue.matching import TABLES
from storage.catalogue.plain_matching import reduced
from storage.catalogue.related import OF_STUDY, Related, related
from storage.catalogue.restriction import UNIQUE_KEYS, Restriction
from storage.catalogue.visibility import SOURCES, instance_count
from storage.database import Database
from storage.query import Query
from storage.schema import columns
from storage.scope import StudyScope

DataSet = dict[str, Any]

_CONSTANT: Final[DataSet] = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080056": {"vr": "CS", "Value": ["ONLINE"]},
}
_DERIVED_OF_SERIES: Final = "00201209"
_ALWAYS_DERIVED: Final = {
    Level.STUDY: OF_STUDY,
    Level.SERIES: frozenset({_DERIVED_OF_SERIES}),
    Level.INSTANCE: frozenset[str](),
}
_DERIVED: Final = frozenset(one.tag for one in ATTRIBUTES if one.matching is Matching.DERIVED)
_INSTANCE_COLUMNS: Final = tuple((one.column, one.tag, one.vr) for one in columns(Level.INSTANCE))
_KEPT_IN: Final = {
    Level.STUDY: "study.attributes",
    Level.SERIES: "series.attributes",
    Level.INSTANCE: "instance_detail.metadata",
}


class Shape:
    """What the results of one query are made of."""

    def __init__(self, query: Query, restriction: Restriction) -> None:
        self._level = query.level
        self._everything = query.include_all
        self._wanted = {level: _wanted(query, level) for level in Level if level <= query.level}
        self._derived = _DERIVED if query.include_all else self._wanted[Level.STUDY] & _DERIVED
        self._constant = {} if query.only_included else _CONSTANT
        self._sequences = [match for match in query.matches if match.item] if query.only_included else []
        self._tests = restriction.tests
        self._read = [level for level in Level if self._needs(level)]

    def data_sets(self, database: Database, scope: StudyScope, ids: Sequence[int]) -> Iterator[DataSet]:
        """Those of `ids` that pass what only DICOM JSON can tell, in their order; what is gone by now is left out."""
        where = one_of(f"{TABLES[self._level]}.id", ids)
        sql = f"SELECT {self._selected(scope)} FROM {self._source()} WHERE {where.sql}"
        by_id = {row["row_id"]: row for row in database.read(sql, where.parameters)}
        rows = [by_id[one] for one in ids if one in by_id]
        facts = Related()
        if self._derived:
            facts = related(database, scope, {row["study_id"] for row in rows}, self._derived)
        for row in rows:
            parts = {level: self._part(level, row) for level in self._read}
            if all(test(parts[level]) for level, test in self._tests):
                yield self._data_set(row, parts, facts)

    def _needs(self, level: Level) -> bool:
        """Whether the DICOM JSON of `level` must be read."""
        if level > self._level:
            return False
        if self._everything or any(level is one for one, _ in self._tests):
            return True
        beyond = returned_tags(Level.INSTANCE) if level is Level.INSTANCE else frozenset[str]()
        return bool(self._wanted[level] - _DERIVED - beyond)

    def _source(self) -> str:
        detail = " JOIN instance_detail ON instance_detail.instance_id = instance.id"
        return SOURCES[self._level] + (detail if Level.INSTANCE in self._read else "")

    def _selected(self, scope: StudyScope) -> str:
        selected = [f"{TABLES[self._level]}.id AS row_id", "study.id AS study_id"]
        selected += [f"{_KEPT_IN[level]} AS json_{level:d}" for level in self._read]
        if self._level >= Level.SERIES:
            selected.append(f"{instance_count(scope)} AS series_instances")
        if self._level is Level.INSTANCE:
            selected += [f"instance.{column}" for column, _, _ in _INSTANCE_COLUMNS]
        return ", ".join(selected)

    def _part(self, level: Level, row: sqlite3.Row) -> DataSet:
        kept = row[f"json_{level:d}"]
        found: DataSet = orjson.loads(zlib.decompress(kept) if level is Level.INSTANCE else kept)
        return found

    def _data_set(self, row: sqlite3.Row, parts: dict[Level, DataSet], facts: Related) -> DataSet:
        found = dict(self._constant)
        if self._level is Level.INSTANCE:
            found.update(self._of(Level.INSTANCE, parts))
            found.update(self._among(Level.INSTANCE, _columns(row)))
        if self._level >= Level.SERIES:
            found.update(self._of(Level.SERIES, parts))
            counts = {_DERIVED_OF_SERIES: {"vr": "IS", "Value": [row["series_instances"]]}}
            found.update(self._among(Level.SERIES, counts))
        found.update(self._of(Level.STUDY, parts))
        if self._derived:
            found.update(self._among(Level.STUDY, facts.attributes(row["study_id"])))
        for match in self._sequences:
            if match.attribute.tag in found:
                found[match.attribute.tag] = reduced(found[match.attribute.tag], match)
        return dict(sorted(found.items()))

    def _of(self, level: Level, parts: dict[Level, DataSet]) -> DataSet:
        return _without_bulk_data(self._among(level, parts[level]).items()) if level in parts else {}

    def _among(self, level: Level, attributes: DataSet) -> DataSet:
        if self._everything:
            return attributes
        wanted = self._wanted[level]
        return {tag: element for tag, element in attributes.items() if tag in wanted}


def _wanted(query: Query, level: Level) -> frozenset[str]:
    """The tags asked for or always returned that are found at `level`; of a level that is named, its UID."""
    below = level < query.level and query.single_uid(UNIQUE_KEYS[level])
    always = frozenset({UNIQUE_KEYS[level]}) if below else returned_tags(level) | _ALWAYS_DERIVED[level]
    if query.only_included:
        always = frozenset()
    return always | {tag for tag in query.include if attribute(tag).level is level}


def _columns(row: sqlite3.Row) -> DataSet:
    values = ((tag, vr, row[column]) for column, tag, vr in _INSTANCE_COLUMNS)
    return {tag: {"vr": vr, "Value": [value]} for tag, vr, value in values if value not in (None, "")}


def _without_bulk_data(elements: Iterable[tuple[str, Any]]) -> DataSet:
    """What can be told in a search: values themselves, not where they lie; elements without value are left out."""
    kept = {}
    for tag, element in elements:
        if element["vr"] == "SQ" and has_value(element):
            items = [_without_bulk_data(item.items()) for item in element["Value"]]
            kept[tag] = {"vr": "SQ", "Value": items}
        elif "BulkDataURI" not in element:
            kept[tag] = element
    return kept
