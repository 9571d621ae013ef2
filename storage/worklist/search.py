"""Searching the worklist (PS3.4 CC.2.8): the matching of C-FIND over the data sets of workitems."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from storage.catalogue.plain_matching import Predicate, predicate
from storage.database import Database
from storage.query import Match
from storage.worklist.data_sets import DataSet
from storage.worklist.requirements import PERFORMED, STATE
from storage.worklist.subscriptions import Filter

LARGEST_ANSWER: Final = 16 * 1024 * 1024
"""Bytes of DICOM JSON after which an answer ends; what is left can be asked for."""

_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Found:
    """The matches that were wanted, by scheduled start, and how many more there are behind them."""

    data_sets: list[DataSet]
    remaining: int


def search(
    database: Database,
    matches: Sequence[Match],
    *,
    include: frozenset[str] = frozenset(),
    include_all: bool = False,
    limit: int,
    offset: int = 0,
) -> Found:
    """Workitems that match, without their performed procedure unless that is asked for (table CC.2.5-3)."""
    test = matching(matches)
    left_out = frozenset() if include_all else frozenset({PERFORMED}) - include
    data_sets: list[DataSet] = []
    count, size = 0, 0
    for text in _workitems(database, _state(matches)):
        workitem = orjson.loads(text)
        if not test(workitem):
            continue
        count += 1
        if offset < count <= offset + limit and size < LARGEST_ANSWER:
            size += len(text)
            data_sets.append({tag: one for tag, one in workitem.items() if tag not in left_out})
    return Found(data_sets, max(count - offset - len(data_sets), 0))


def matching(matches: Sequence[Match]) -> Filter:
    """Whether a workitem matches every key."""
    tests: list[Predicate] = [predicate(match) for match in matches]
    return lambda workitem: all(test(workitem) for test in tests)


def _state(matches: Sequence[Match]) -> str:
    """The state that is asked for as a single value, which the database knows by itself."""
    values = [match.wanted for match in matches if match.attribute.tag == STATE and not match.is_universal]
    plain = [one[0] for one in values if len(one) == 1 and not set(one[0]) & set('*?"')]
    return plain[0].strip() if plain else ""


def _workitems(database: Database, state: str) -> Iterator[str]:
    """All of them as DICOM JSON, in the order of searches, with no more than a page in memory."""
    start, last = "", 0
    while True:
        parameters = (start, last, *([state] if state else []), _PAGE)
        rows = database.read(_IN_STATE if state else _ALL, parameters)
        yield from (row["attributes"] for row in rows)
        if len(rows) < _PAGE:
            return
        start, last = rows[-1]["scheduled_start"], rows[-1]["id"]


_SELECT: Final = (
    "SELECT id, scheduled_start, attributes FROM workitem WHERE (scheduled_start, id) > (?, ?) AND state <> ''"
)
_ORDER: Final = " ORDER BY scheduled_start, id LIMIT ?"
_ALL: Final = _SELECT + _ORDER
_IN_STATE: Final = _SELECT + " AND state = ?" + _ORDER
