"""Answers queries: matching and scope as one SQL statement, results as DICOM JSON (PS3.18 10.6.3.3)."""

import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from storage.attributes import ATTRIBUTES, Level, Matching
from storage.catalogue.description import has_value, returned_tags
from storage.catalogue.matching import Condition
from storage.catalogue.related import Related, condition, related
from storage.catalogue.visibility import SOURCES, instance_count, order, visible
from storage.database import Database
from storage.query import Query
from storage.records import Results
from storage.schema import columns
from storage.scope import StudyScope

_STUDY_UID: Final = "0020000D"
_SERIES_UID: Final = "0020000E"
_NO_LIMIT: Final = 2**62
_CONSTANT: Final[dict[str, Any]] = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080056": {"vr": "CS", "Value": ["ONLINE"]},
}
_DERIVED: Final = {
    level: frozenset(
        attribute.tag
        for attribute in ATTRIBUTES
        if attribute.level is level and attribute.matching is Matching.DERIVED and attribute.vr != "UI"
    )
    for level in Level
}
_INSTANCE_COLUMNS: Final = tuple(
    (f"instance.{attribute.column}", attribute.column, attribute.tag, attribute.vr)
    for attribute in columns(Level.INSTANCE)
)


def search(database: Database, scope: StudyScope, query: Query) -> Results:
    """The page of `query` in the stable order of its level, and how much lies beyond it."""
    where = visible(scope, query.level)
    for match in query.matches:
        where = where & condition(scope, match)
    source = SOURCES[query.level]
    shape = _Shape.of(query)
    rows = database.read(
        f"SELECT {shape.selected(scope)} FROM {shape.source(source)} WHERE {where.sql}"
        f" ORDER BY {order(query.level)} LIMIT ? OFFSET ?",
        (*where.parameters, _NO_LIMIT if query.limit is None else query.limit, query.offset),
    )
    facts = Related({}, {})
    if shape.needs_related:
        facts = related(database, scope, {row["study_id"] for row in rows}, shape.needs_sop_classes)
    remaining = 0
    if query.limit is not None and len(rows) >= query.limit:
        remaining = max(0, _count(database, source, where) - query.offset - len(rows))
    return Results([shape.data_set(row, facts) for row in rows], remaining)


def _count(database: Database, source: str, where: Condition) -> int:
    return int(database.read(f"SELECT count(*) AS n FROM {source} WHERE {where.sql}", where.parameters)[0]["n"])


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the results of a query are made of."""

    level: Level
    wanted: dict[Level, frozenset[str]]
    """The tags to show of each level; for the instance itself those beyond its columns."""
    everything: bool

    @classmethod
    def of(cls, query: Query) -> "_Shape":
        whole = {
            Level.STUDY: query.level is Level.STUDY or not query.single_uid(_STUDY_UID),
            Level.SERIES: query.level is Level.SERIES or not query.single_uid(_SERIES_UID),
            Level.INSTANCE: True,
        }
        own = {Level.STUDY: {_STUDY_UID}, Level.SERIES: {_SERIES_UID}, Level.INSTANCE: set[str]()}
        wanted = {
            level: frozenset((returned_tags(level) | _DERIVED[level] if whole[level] else own[level]) | query.include)
            for level in Level
            if level <= query.level
        }
        return cls(query.level, wanted, query.include_all)

    @property
    def needs_related(self) -> bool:
        return self.everything or bool(self.wanted[Level.STUDY] & (_DERIVED[Level.STUDY] | {"00080062"}))

    @property
    def needs_sop_classes(self) -> bool:
        return self.everything or "00080062" in self.wanted[Level.STUDY]

    @property
    def needs_metadata(self) -> bool:
        return self.level is Level.INSTANCE and (
            self.everything or bool(self.wanted[Level.INSTANCE] - returned_tags(Level.INSTANCE))
        )

    def source(self, tables: str) -> str:
        detail = " JOIN instance_detail ON instance_detail.instance_id = instance.id" if self.needs_metadata else ""
        return tables + detail

    def selected(self, scope: StudyScope) -> str:
        selected = ["study.id AS study_id", "study.attributes AS study_attributes"]
        if self.level >= Level.SERIES:
            selected += ["series.attributes AS series_attributes", f"{instance_count(scope)} AS series_instances"]
        if self.level is Level.INSTANCE:
            selected += [name for name, _, _, _ in _INSTANCE_COLUMNS]
        if self.needs_metadata:
            selected.append("instance_detail.metadata AS metadata")
        return ", ".join(selected)

    def data_set(self, row: sqlite3.Row, facts: Related) -> dict[str, Any]:
        found = dict(_CONSTANT)
        if self.level is Level.INSTANCE:
            found.update(self._instance(row))
        if self.level >= Level.SERIES:
            found.update(self._of(Level.SERIES, orjson.loads(row["series_attributes"])))
            counts = {"00201209": {"vr": "IS", "Value": [row["series_instances"]]}}
            found.update(self._of(Level.SERIES, counts))
        found.update(self._of(Level.STUDY, orjson.loads(row["study_attributes"])))
        found.update(self._of(Level.STUDY, facts.attributes(row["study_id"])))
        return dict(sorted(found.items()))

    def _of(self, level: Level, attributes: dict[str, Any]) -> dict[str, Any]:
        if self.everything:
            return attributes
        wanted = self.wanted[level]
        return {tag: element for tag, element in attributes.items() if tag in wanted}

    def _instance(self, row: sqlite3.Row) -> dict[str, Any]:
        found = {}
        if self.needs_metadata:
            metadata = orjson.loads(zlib.decompress(row["metadata"]))
            found = _without_bulk_data(self._of(Level.INSTANCE, metadata).items())
        for _, column, tag, vr in _INSTANCE_COLUMNS:
            if row[column] not in (None, ""):
                found[tag] = {"vr": vr, "Value": [row[column]]}
        return found


def _without_bulk_data(elements: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """What can be told in a search: values themselves, not where they lie; elements without value are left out."""
    kept = {}
    for tag, element in elements:
        if element["vr"] == "SQ" and has_value(element):
            items = [_without_bulk_data(item.items()) for item in element["Value"]]
            kept[tag] = {"vr": "SQ", "Value": items}
        elif "BulkDataURI" not in element:
            kept[tag] = element
    return kept
