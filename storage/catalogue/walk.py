"""Which rows match, in the stable order of their level, without sorting more than a few studies at a time.

Studies are walked from the newest to the oldest along the index that has this order, a page at a time, and what lies
below them is looked up for each page. So the first matches are known soon, however many there are, a reader who is slow
holds no transaction open, and memory is bounded by what one page holds. Where the query names its objects there are
few: these are looked up at once.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from storage.attributes import Level
from storage.catalogue.condition import ALWAYS, Condition, one_of
from storage.catalogue.matching import TABLES
from storage.catalogue.restriction import Restriction
from storage.catalogue.visibility import ORDER, SOURCES, instance_count, order
from storage.database import Database
from storage.query import Query
from storage.scope import StudyScope, shows_held

_FIRST_PAGE: Final = {Level.STUDY: 100, Level.SERIES: 50, Level.INSTANCE: 10}
_LARGEST_PAGE: Final = {Level.STUDY: 2_000, Level.SERIES: 400, Level.INSTANCE: 100}

# Who has no PatientID is told from others by name and birth date.
_PATIENT: Final = """study.patient_id, study.issuer_of_patient_id,
    CASE WHEN study.patient_id = '' THEN study.patient_name_folded ELSE '' END,
    CASE WHEN study.patient_id = '' THEN study.patient_birth_date ELSE '' END"""


def matching_ids(database: Database, query: Query, restriction: Restriction) -> Iterator[int]:
    """The ids of all matching rows of the query's level; of a patient that of the study that came last."""
    if query.each_patient:
        return iter(_ids(database, Level.STUDY, _last_of_each_patient(restriction)))
    if restriction.names_objects:
        return iter(_ids(database, query.level, restriction.all))
    return _walked(database, query.level, restriction)


def count(database: Database, scope: StudyScope, query: Query, restriction: Restriction) -> int:
    """How many rows match."""
    where = restriction.all
    if query.each_patient:
        one_each = f"SELECT 1 FROM study WHERE {where.sql} GROUP BY {_PATIENT}"
        return _number(database, f"SELECT count(*) FROM ({one_each}) AS patients", where)
    if query.level is not Level.INSTANCE or restriction.keys[Level.INSTANCE] != ALWAYS:
        return _number(database, f"SELECT count(*) FROM {SOURCES[query.level]} WHERE {where.sql}", where)
    # Each series knows how many instances it has.
    where = restriction.seen[Level.SERIES] & restriction.keys[Level.STUDY] & restriction.keys[Level.SERIES]
    source = "series" if where == ALWAYS and shows_held(scope) else SOURCES[Level.SERIES]
    return _number(database, f"SELECT sum({instance_count(scope)}) FROM {source} WHERE {where.sql}", where)


def _number(database: Database, sql: str, where: Condition) -> int:
    return int(database.read(sql, where.parameters)[0][0] or 0)


def _last_of_each_patient(restriction: Restriction) -> Condition:
    where = restriction.of_studies
    last = f"SELECT max(study.id) FROM study WHERE {where.sql} GROUP BY {_PATIENT}"
    return Condition(f"study.id IN ({last})", where.parameters)


def _walked(database: Database, level: Level, restriction: Restriction) -> Iterator[int]:
    size = _FIRST_PAGE[level]
    after = ALWAYS
    while True:
        page = _studies(database, restriction.of_studies & after, size)
        ids = [int(row["id"]) for row in page]
        if level is Level.STUDY:
            yield from ids
        elif ids:
            yield from _ids(database, level, restriction.below_studies & one_of("study.id", ids))
        if len(page) < size:
            return
        after = Condition(f"({_PLACE}) < (?, ?, ?)", tuple(page[-1])[1:])
        size = min(size * 2, _LARGEST_PAGE[level])


_PLACE: Final = "study.study_date, study.study_time, study.study_instance_uid"


def _studies(database: Database, where: Condition, size: int) -> Sequence[sqlite3.Row]:
    return database.read(
        f"SELECT study.id, {_PLACE} FROM study WHERE {where.sql} ORDER BY {ORDER[Level.STUDY]} LIMIT ?",
        (*where.parameters, size),
    )


def _ids(database: Database, level: Level, where: Condition) -> list[int]:
    rows = database.read(
        f"SELECT {TABLES[level]}.id FROM {SOURCES[level]} WHERE {where.sql} ORDER BY {order(level)}", where.parameters
    )
    return [row[0] for row in rows]
