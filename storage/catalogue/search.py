"""Answers queries: a page of results, or all of them one after another."""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from storage.attributes import Level
from storage.catalogue.places import place_of
from storage.catalogue.restriction import Restriction
from storage.catalogue.results import DataSet, Shape
from storage.catalogue.walk import Walk, count
from storage.database import Database
from storage.query import Query
from storage.records import Results
from storage.scope import StudyScope
from storage.waiting import about_to_wait

_ALL: Final = 2**62
_AT_ONCE: Final = 64
"""So many rows become data sets in about a millisecond."""


def search(database: Database, scope: StudyScope, query: Query) -> Results:
    """The page of `query` in the stable order of its level, and how much lies beyond it."""
    restriction = Restriction.of(scope, query)
    limit = _ALL if query.limit is None else query.limit
    if restriction.tests:
        return _filtered(_found(database, scope, query, restriction), query.offset, limit, query.level)
    found = list(_found(database, scope, query, restriction, query.offset, limit))
    last = place_of(query.level, found[-1][0]) if found else None
    remaining = 0
    if len(found) >= limit:
        # Behind a place what arrived before it does not count; from the beginning all of it is counted sooner.
        after, skipped = (None, query.offset + len(found)) if query.after is None else (last or query.after, 0)
        remaining = max(0, count(database, scope, restriction, query.each_patient, after) - skipped)
    return Results([data_set for _, data_set in found], remaining, last)


def find(
    database: Database, scope: StudyScope, query: Query, given_up: Callable[[], bool] = lambda: False
) -> Iterator[DataSet]:
    """All matches of `query` in the same order, whatever its limit; a batch of them at a time is in memory.

    `given_up` is asked before each batch, of which not one may match, whether anybody still wants to know.
    """
    restriction = Restriction.of(scope, query)
    return (data_set for _, data_set in _found(database, scope, query, restriction, given_up=given_up))


def _found(
    database: Database,
    scope: StudyScope,
    query: Query,
    restriction: Restriction,
    skip: int = 0,
    limit: int = _ALL,
    given_up: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[sqlite3.Row, DataSet]]:
    shape = Shape(query, restriction)
    walk = Walk(database, restriction, query.each_patient, shape.selected(scope), shape.joined, query.after)
    read = 0
    for rows in walk.rows(skip, limit):
        if given_up():
            return
        read += len(rows)
        if read > _AT_ONCE:
            about_to_wait()
        yield from shape.data_sets(database, scope, rows)


def _filtered(found: Iterator[tuple[sqlite3.Row, DataSet]], offset: int, limit: int, level: Level) -> Results:
    page = list(islice(found, offset, offset + limit))
    last = place_of(level, page[-1][0]) if page else None
    return Results([data_set for _, data_set in page], sum(1 for _ in found) if len(page) == limit else 0, last)
