"""Matching keys as SQL conditions (PS3.4 C.2.2.2) in the subset that SQLite and PostgreSQL share."""

from typing import Final

from storage.attributes import Attribute, Level, Matching
from storage.catalogue import comparable
from storage.catalogue.comparison import EMPTY, NOTHING, Comparison, Like, bounds, comparison
from storage.catalogue.condition import ALWAYS, NEVER, Condition, any_of, one_of
from storage.errors import CannotUnderstand
from storage.query import Match

TABLES: Final = {Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "instance"}

_MOST_VALUES: Final = 10_000


def condition(match: Match, column: str | None = None, matching: Matching | None = None) -> Condition:
    """What `match` demands of its own column, or of `column` that is matched as told where it is derived."""
    if match.is_universal:
        return ALWAYS
    if len(match.wanted) > _MOST_VALUES:
        raise CannotUnderstand(f"A key lists more than {_MOST_VALUES} values.")
    column = column or column_of(match.attribute)
    matching = matching or match.attribute.matching
    if matching is Matching.UID:
        return one_of(column, [comparable.text("" if uid == EMPTY else uid) for uid in match.wanted])
    return any_of([_compared(column, matching, value) for value in match.wanted])


def combined(date: Match, time: Match) -> Condition | None:
    """Date and time as one range from the first moment to the last (PS3.4 C.2.2.2.5.4), if both keys are ranges."""
    ends = _ends(date, time)
    if ends is None:
        return None
    columns = f"({column_of(date.attribute)}, {column_of(time.attribute)})"
    found = Condition(f"{column_of(date.attribute)} <> ''")
    for operator, (day, moment) in zip((">=", "<="), ends, strict=True):
        if day:
            found = found & Condition(f"{columns} {operator} (?, ?)", (day, moment))
    return found


def column_of(attribute: Attribute) -> str:
    """The column of `attribute` with its table."""
    return f"{TABLES[attribute.level]}.{attribute.column}"


def _ends(date: Match, time: Match) -> tuple[tuple[str, str], tuple[str, str]] | None:
    if len(date.wanted) != 1 or len(time.wanted) != 1:
        return None
    days, times = bounds(Matching.DATE, date.wanted[0]), bounds(Matching.TIME, time.wanted[0])
    if days is None or times is None:
        return None
    return (days.low, times.low or "000000.000000"), (days.high, times.high or "235959.999999")


def _compared(column: str, matching: Matching, value: str) -> Condition:
    if value == EMPTY:
        return Condition(f"{column} IS NULL" if matching is Matching.NUMBER else f"{column} = ''")
    wanted: Comparison = comparison(matching, value)
    if wanted is NOTHING:
        return NEVER
    if matching is not Matching.NAME or not isinstance(wanted, Like):
        return wanted.sql(column)
    table, _, name = column.partition(".")
    # The names alone lie close together in their index; a scan of whole rows takes many times as long.
    named = wanted.sql(f"named.{name}_folded")
    return Condition(f"{table}.id IN (SELECT named.id FROM {table} AS named WHERE {named.sql})", named.parameters)
