"""Matching keys as SQL conditions (PS3.4 C.2.2.2) in the subset that SQLite and PostgreSQL share."""

from typing import Final

from storage.attributes import Attribute, Level, Matching
from storage.catalogue import comparable, fuzzy_names
from storage.catalogue.comparison import Fuzzy, comparison, fuzzy, named
from storage.catalogue.condition import ALWAYS, NEVER, Condition, all_of, any_of, one_of
from storage.errors import CannotUnderstand
from storage.query import EMPTY, Match

TABLES: Final = {Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "instance"}

_MOST_VALUES: Final = 10_000
_MOST_FUZZY_VALUES: Final = 20
# SQLite joins at most 500 SELECTs; a value has up to two patterns, and each pattern two of them.
_MOST_PATTERNS: Final = 200


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
    values = [value for value in match.wanted if value != "*"]
    if matching is Matching.NAME:
        return _of_names(column, match, values)
    compared = [_compared(column, matching, value) for value in values]
    return all_of(compared) if match.every else any_of(compared)


def column_of(attribute: Attribute) -> str:
    """The column of `attribute` with its table."""
    return f"{TABLES[attribute.level]}.{attribute.column}"


def _compared(column: str, matching: Matching, value: str) -> Condition:
    if value == EMPTY:
        return Condition(f"{column} IS NULL" if matching is Matching.NUMBER else f"{column} = ''")
    return comparison(matching, value).sql(column)


def _of_names(column: str, match: Match, values: list[str]) -> Condition:
    tag, literal = match.attribute.tag, [value for value in values if value != EMPTY]
    found = [Condition(f"{column} = ''")] * (EMPTY in values)
    if match.fuzzy:
        found += [_fuzzily_compared(column, tag, value) for value in literal]
    elif match.every:
        found += [_named(column, tag, [value]) for value in literal]
    elif literal:
        found.append(_named(column, tag, literal))
    return all_of(found) if match.every else any_of(found)


def _fuzzily_compared(column: str, tag: str, value: str) -> Condition:
    wanted = fuzzy(value)
    if not isinstance(wanted, Fuzzy):
        return _named(column, tag, [value])
    found = fuzzy_names.condition(tag, wanted.words)
    return found | _named(column, tag, [value]) if wanted.is_wild else found


def _named(column: str, tag: str, values: list[str]) -> Condition:
    """Looked up among the names alone, which lie in their order: whole ones, and groups of those that have several."""
    table, _, name = column.partition(".")
    wanted = [named(value) for value in values]
    exact = tuple(one.exact for one in wanted if one.exact is not None)
    patterns = [pattern for one in wanted for pattern in one.patterns]
    if len(patterns) > _MOST_PATTERNS:
        raise CannotUnderstand(f"A key lists more than {_MOST_PATTERNS // 2} names with wildcards.")
    tests = [(f"IN ({', '.join('?' * len(exact))})", exact)] if exact else []
    tests += [("LIKE ? ESCAPE '!'", (pattern,)) for pattern in patterns]
    parts, parameters = [], []
    for test, given in tests:
        parts.append(f"SELECT named.id FROM {table} AS named WHERE named.{name}_folded {test}")
        parts.append(f"SELECT named.study_id FROM study_name_group AS named WHERE named.tag = ? AND named.name {test}")
        parameters += [*given, tag, *given]
    return Condition(f"{table}.id IN ({' UNION ALL '.join(parts)})", tuple(parameters)) if parts else NEVER
