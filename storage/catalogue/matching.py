"""Matching keys as SQL conditions (PS3.4 C.2.2.2) in the subset that SQLite and PostgreSQL share."""

from typing import Final

from storage.attributes import Attribute, Level, Matching
from storage.catalogue import comparable, fuzzy_names
from storage.catalogue.comparison import NOTHING, Comparison, Fuzzy, Like, comparison, fuzzy
from storage.catalogue.condition import ALWAYS, NEVER, Condition, all_of, any_of, one_of
from storage.errors import CannotUnderstand
from storage.query import EMPTY, Match

TABLES: Final = {Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "instance"}

_MOST_VALUES: Final = 10_000
_MOST_FUZZY_VALUES: Final = 20


def condition(match: Match, column: str | None = None, matching: Matching | None = None) -> Condition:
    """What `match` demands of its own column, or of `column` that is matched as told where it is derived."""
    if match.is_universal:
        return ALWAYS
    if len(match.wanted) > (_MOST_FUZZY_VALUES if match.fuzzy else _MOST_VALUES):
        raise CannotUnderstand(f"A key lists more than {_MOST_VALUES} values, or {_MOST_FUZZY_VALUES} names fuzzily.")
    column = column or column_of(match.attribute)
    matching = matching or match.attribute.matching
    if matching is Matching.UID:
        return one_of(column, [comparable.text("" if uid == EMPTY else uid) for uid in match.wanted])
    if match.fuzzy and matching is Matching.NAME:
        compared = [_fuzzily_compared(column, match.attribute.tag, value) for value in match.wanted]
    else:
        compared = [_compared(column, matching, value) for value in match.wanted if not (match.every and value == "*")]
    return all_of(compared) if match.every else any_of(compared)


def column_of(attribute: Attribute) -> str:
    """The column of `attribute` with its table."""
    return f"{TABLES[attribute.level]}.{attribute.column}"


def _fuzzily_compared(column: str, tag: str, value: str) -> Condition:
    wanted = fuzzy(value)
    if not isinstance(wanted, Fuzzy):
        return _compared(column, Matching.NAME, value)
    found = fuzzy_names.condition(tag, wanted.words)
    return found | _compared(column, Matching.NAME, value) if wanted.is_wild else found


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
