"""The rows that match, in the stable order of their level, without sorting more than a few studies at a time.

Studies are walked from the newest to the oldest along the index that has this order, a page at a time, and what lies
below them is looked up for each page. So the first matches are known soon, however many there are, a reader who is slow
holds no transaction open, and memory is bounded by what one page holds. Where the query names its objects there are
few: these are looked up at once.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from storage.attributes import Level
from storage.catalogue.condition import ALWAYS, Condition, one_of
from storage.catalogue.matching import TABLES
from storage.catalogue.places import OF_STUDY, SELECTED, behind, from_study_of, place_of, rest_of_series
from storage.catalogue.restriction import Restriction
from storage.catalogue.visibility import ORDER, SOURCES, instance_count, order
from storage.database import Database
from storage.query import Place
from storage.scope import StudyScope, shows_held

Rows = Sequence[sqlite3.Row]

_FIRST_PAGE: Final = {Level.STUDY: 64, Level.SERIES: 50, Level.INSTANCE: 10}
_LARGEST_PAGE: Final = {Level.STUDY: 512, Level.SERIES: 400, Level.INSTANCE: 100}
_FEW: Final = 256
_ORDERS: Final = {level: order(level) for level in Level}

# Who has no PatientID is told from others by name and birth date.
_PATIENT: Final = """study.patient_id, study.issuer_of_patient_id,
    CASE WHEN study.patient_id = '' THEN study.patient_name_folded ELSE '' END,
    CASE WHEN study.patient_id = '' THEN study.patient_birth_date ELSE '' END"""


@dataclass(frozen=True, slots=True)
class Walk:
    """One way through the matching rows behind `after`.

    `selected` are the columns wanted beside those of the place, `joined` adds to the level's tables.
    """

    database: Database
    restriction: Restriction
    each_patient: bool
    selected: str
    joined: str = ""
    after: Place | None = None

    def rows(self, skip: int, limit: int) -> Iterator[Rows]:
        """At most `limit` rows after the first `skip`, a few at a time; what is deleted meanwhile may be missing."""
        restriction = self.restriction
        if restriction.level is Level.STUDY and not self.each_patient:
            return self._studies(skip, limit)
        if not restriction.names_objects or self.each_patient:
            return self._looked_up(islice(self._walked(), skip, skip + limit))
        wanted = restriction.all & from_study_of(self.after) & behind(restriction.level, self.after)
        few = self._read(wanted, f"ORDER BY {_ORDERS[restriction.level]} LIMIT ? OFFSET ?", (_FEW, skip))
        if len(few) < _FEW or limit <= _FEW:
            return iter([few[:limit]])
        return self._looked_up(iter(self._ids(wanted)[skip : skip + limit]))

    def _studies(self, skip: int, limit: int) -> Iterator[Rows]:
        """Whole pages of studies."""
        size, after = _FIRST_PAGE[Level.STUDY], behind(Level.STUDY, self.after)
        while limit > 0:
            size = min(size, limit)
            where = self.restriction.of_studies & after
            page = self._read(where, f"ORDER BY {ORDER[Level.STUDY]} LIMIT ? OFFSET ?", (size, skip))
            yield page
            if len(page) < size:
                return
            after, skip = behind(Level.STUDY, place_of(Level.STUDY, page[-1])), 0
            limit -= size
            size = min(size * 2, _LARGEST_PAGE[Level.STUDY])

    def _walked(self) -> Iterator[int]:
        """Ids of patients' last studies, or of what lies below the studies of one page after the other."""
        if self.each_patient:
            yield from self._ids(_last_of_each_patient(self.restriction))
            return
        level, after = self.restriction.level, from_study_of(self.after)
        below = self.restriction.below_studies & behind(level, self.after)
        size = _FIRST_PAGE[level]
        while True:
            page = self.database.read(
                f"SELECT study.id, {OF_STUDY} FROM study WHERE {(where := self.restriction.of_studies & after).sql}"
                f" ORDER BY {ORDER[Level.STUDY]} LIMIT ?",
                (*where.parameters, size),
            )
            if page:
                of_page = one_of("study.id", [row["id"] for row in page])
                yield from self._ids(below & of_page)
            if len(page) < size:
                return
            after = behind(Level.STUDY, place_of(Level.STUDY, page[-1]))
            size = min(size * 2, _LARGEST_PAGE[level])

    def _looked_up(self, ids: Iterator[int]) -> Iterator[Rows]:
        while batch := list(islice(ids, _FEW)):
            found = {row["row_id"]: row for row in self._read(one_of(f"{self._table}.id", batch))}
            yield [found[one] for one in batch if one in found]

    def _ids(self, where: Condition) -> list[int]:
        level = self.restriction.level
        sql = f"SELECT {self._table}.id FROM {SOURCES[level]} WHERE {where.sql} ORDER BY {_ORDERS[level]}"
        return [row[0] for row in self.database.read(sql, where.parameters)]

    def _read(self, where: Condition, rest: str = "", parameters: tuple[int, ...] = ()) -> Rows:
        level = self.restriction.level
        sql = (
            f"SELECT {self._table}.id AS row_id, study.id AS study_id, {SELECTED[level]}, {self.selected}"
            f" FROM {SOURCES[level]}{self.joined} WHERE {where.sql} {rest}"
        )
        return self.database.read(sql, (*where.parameters, *parameters))

    @property
    def _table(self) -> str:
        return TABLES[self.restriction.level]


def count(
    database: Database, scope: StudyScope, restriction: Restriction, each_patient: bool, after: Place | None
) -> int:
    """How many rows match behind `after`."""
    level = restriction.level
    where = restriction.all & from_study_of(after) & behind(level, after)
    if each_patient:
        one_each = f"SELECT 1 FROM study WHERE {where.sql} GROUP BY {_PATIENT}"
        return _number(database, f"SELECT count(*) FROM ({one_each}) AS patients", where)
    if level is not Level.INSTANCE or restriction.keys[Level.INSTANCE] != ALWAYS:
        return _number(database, f"SELECT count(*) FROM {SOURCES[level]} WHERE {where.sql}", where)
    in_series = 0
    if after is not None:
        rest = restriction.all & rest_of_series(after)
        in_series = _number(database, f"SELECT count(*) FROM {SOURCES[level]} WHERE {rest.sql}", rest)
    # Each series knows how many instances it has.
    where = restriction.seen[Level.SERIES] & restriction.keys[Level.STUDY] & restriction.keys[Level.SERIES]
    where = where & from_study_of(after) & behind(Level.SERIES, after)
    source = "series" if where == ALWAYS and shows_held(scope) else SOURCES[Level.SERIES]
    return in_series + _number(database, f"SELECT sum({instance_count(scope)}) FROM {source} WHERE {where.sql}", where)


def _number(database: Database, sql: str, where: Condition) -> int:
    return int(database.read(sql, where.parameters)[0][0] or 0)


def _last_of_each_patient(restriction: Restriction) -> Condition:
    where = restriction.of_studies
    last = f"SELECT max(study.id) FROM study WHERE {where.sql} GROUP BY {_PATIENT}"
    return Condition(f"study.id IN ({last})", where.parameters)
