"""Matching keys as SQL conditions (PS3.4 C.2.2.2) in the subset that SQLite and PostgreSQL share."""

from typing import Final

from storage.attributes import Attribute, Level, Matching
from storage.catalogue import comparable, fuzzy_names
from storage.catalogue.comparison import Comparison, Fuzzy, Name, comparison, fuzzy
from storage.catalogue.condition import ALWAYS, Condition, all_of, any_of, one_of
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
        compared = [
            _compared(column, matching, match.attribute.tag, value)
            for value in match.wanted
            if not (match.every and value == "*")
        ]
    return all_of(compared) if match.every else any_of(compared)


def column_of(attribute: Attribute) -> str:
    """The column of `attribute` with its table."""
    return f"{TABLES[attribute.level]}.{attribute.column}"


def _fuzzily_compared(column: str, tag: str, value: str) -> Condition:
    wanted = fuzzy(value)
    if not isinstance(wanted, Fuzzy):
        return _compared(column, Matching.NAME, tag, value)
    found = fuzzy_names.condition(tag, wanted.words)
    return found | _compared(column, Matching.NAME, tag, value) if wanted.is_wild else found


def _compared(column: str, matching: Matching, tag: str, value: str) -> Condition:
    if value == EMPTY:
        return Condition(f"{column} IS NULL" if matching is Matching.NUMBER else f"{column} = ''")
    wanted: Comparison = comparison(matching, value)
    return _named(column, tag, wanted) if isinstance(wanted, Name) else wanted.sql(column)


def _named(column: str, tag: str, wanted: Name) -> Condition:
    """Looked up among the names alone, which lie in their order: those that begin so, and later groups that do."""
    table, _, name = column.partition(".")
    first = f"SELECT named.id FROM {table} AS named WHERE named.{name}_folded LIKE ? ESCAPE '!'"
    later = "SELECT named.study_id FROM study_name_group AS named WHERE named.tag = ? AND named.name LIKE ? ESCAPE '!'"
    found = " UNION ALL ".join([first, later] * len(wanted.patterns))
    parameters = tuple(one for pattern in wanted.patterns for one in (pattern, tag, pattern))
    return Condition(f"{table}.id IN ({found})", parameters)
