"""Answers queries: a page of results, or all of them one after another."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from storage.catalogue.restriction import Restriction
from storage.catalogue.results import Shape
from storage.catalogue.walk import count, matching_ids
from storage.database import Database
from storage.query import Query
from storage.records import Results
from storage.scope import StudyScope

_FIRST_BATCH: Final = 50
_LARGEST_BATCH: Final = 400


def search(database: Database, scope: StudyScope, query: Query) -> Results:
    """The page of `query` in the stable order of its level, and how much lies beyond it."""
    restriction = Restriction.of(scope, query)
    if restriction.tests:
        return _filtered(find(database, scope, query), query)
    end = None if query.limit is None else query.offset + query.limit
    ids = list(islice(matching_ids(database, query, restriction), query.offset, end))
    shape = Shape(query, restriction)
    found = [one for batch in _batches(iter(ids)) for one in shape.data_sets(database, scope, batch)]
    remaining = 0
    if query.limit is not None and len(ids) >= query.limit:
        remaining = max(0, count(database, scope, query, restriction) - query.offset - len(ids))
    return Results(found, remaining)


def find(
    database: Database, scope: StudyScope, query: Query, given_up: Callable[[], bool] = lambda: False
) -> Iterator[dict[str, Any]]:
    """All matches of `query` in the same order, whatever its limit; a batch of them at a time is in memory.

    `given_up` is asked before each batch, of which not one may match, whether anybody still wants to know.
    """
    restriction = Restriction.of(scope, query)
    shape = Shape(query, restriction)
    for batch in _batches(matching_ids(database, query, restriction)):
        if given_up():
            return
        yield from shape.data_sets(database, scope, batch)


def _filtered(found: Iterator[dict[str, Any]], query: Query) -> Results:
    end = None if query.limit is None else query.offset + query.limit
    page = list(islice(found, query.offset, end))
    return Results(page, 0 if query.limit is None else sum(1 for _ in found))


def _batches(ids: Iterator[int]) -> Iterator[list[int]]:
    size = _FIRST_BATCH
    while batch := list(islice(ids, size)):
        yield batch
        size = min(2 * size, _LARGEST_BATCH)
