"""Answers queries: a page of results, or all of them one after another."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from storage.catalogue.restriction import Restriction
from storage.catalogue.results import Shape
from storage.catalogue.walk import Walk, count
from storage.database import Database
from storage.query import Query
from storage.records import Results
from storage.scope import StudyScope

_ALL: Final = 2**62


def search(database: Database, scope: StudyScope, query: Query) -> Results:
    """The page of `query` in the stable order of its level, and how much lies beyond it."""
    restriction = Restriction.of(scope, query)
    if restriction.tests:
        return _filtered(find(database, scope, query), query)
    limit = _ALL if query.limit is None else query.limit
    shape = Shape(query, restriction)
    walk = Walk(database, restriction, query.each_patient, shape.selected(scope), shape.joined)
    found = [one for rows in walk.rows(query.offset, limit) for one in shape.data_sets(database, scope, rows)]
    remaining = 0
    if len(found) >= limit:
        matching = count(database, scope, restriction, each_patient=query.each_patient)
        remaining = max(0, matching - query.offset - len(found))
    return Results(found, remaining)


def find(
    database: Database, scope: StudyScope, query: Query, given_up: Callable[[], bool] = lambda: False
) -> Iterator[dict[str, Any]]:
    """All matches of `query` in the same order, whatever its limit; a batch of them at a time is in memory.

    `given_up` is asked before each batch, of which not one may match, whether anybody still wants to know.
    """
    restriction = Restriction.of(scope, query)
    shape = Shape(query, restriction)
    walk = Walk(database, restriction, query.each_patient, shape.selected(scope), shape.joined)
    for rows in walk.rows(0, _ALL):
        if given_up():
            return
        yield from shape.data_sets(database, scope, rows)


def _filtered(found: Iterator[dict[str, Any]], query: Query) -> Results:
    end = None if query.limit is None else query.offset + query.limit
    page = list(islice(found, query.offset, end))
    return Results(page, 0 if query.limit is None else sum(1 for _ in found))
