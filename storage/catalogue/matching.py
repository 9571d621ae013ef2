"""Matching keys as SQL conditions (PS3.4 C.2.2.2) in the subset that SQLite and PostgreSQL share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from storage.attributes import Level, Matching
from storage.catalogue import comparable
from storage.query import Match

_TABLES: Final = {Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "instance"}
_WILDCARD: Final = re.compile(r"(\*+|\?)")
_EMPTY_COMPONENTS: Final = re.compile(r"(\^%)+$")


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL truth value with its parameters."""

    sql: str
    parameters: tuple[Any, ...] = ()

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(f"({self.sql} AND {other.sql})", self.parameters + other.parameters)

    def __or__(self, other: "Condition") -> "Condition":
        return Condition(f"({self.sql} OR {other.sql})", self.parameters + other.parameters)


ALWAYS: Final = Condition("1 = 1")
NEVER: Final = Condition("1 = 0")


def condition(match: Match, column: str | None = None) -> Condition:
    """What `match` demands of its own column, or of `column` where the attribute is derived."""
    wanted = tuple(value for value in match.values if value.strip("\0 "))
    if not wanted or "*" in wanted:
        return ALWAYS
    column = column or f"{_TABLES[match.attribute.level]}.{match.attribute.column}"
    if match.attribute.vr == "UI":
        return Condition(f"{column} IN ({', '.join('?' * len(wanted))})", tuple(map(comparable.text, wanted)))
    compare = _BY_MATCHING.get(match.attribute.matching) or _BY_VR[match.attribute.vr]
    return _any(tuple(compare(column, value) for value in wanted))


def _any(conditions: tuple[Condition, ...]) -> Condition:
    """Joined as a balanced tree: databases limit the depth of an expression."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    return _any(conditions[:middle]) | _any(conditions[middle:])


def _text(column: str, value: str) -> Condition:
    if not _WILDCARD.search(value):
        return Condition(f"{column} = ?", (comparable.text(value),))
    return _like(column, _pattern(comparable.text(value), lambda literal: literal))


def _name(column: str, value: str) -> Condition:
    """A name matches when one of its component groups does, or several in a row; empty components may be left out."""
    pattern = _pattern(value, comparable.folded)
    groups = "=".join(comparable.group_of_name(group) for group in pattern.split("=")).rstrip("=")
    forms = {groups, _EMPTY_COMPONENTS.sub("", groups)}
    places = [place for form in sorted(forms) for place in (form, f"{form}=%", f"%={form}", f"%={form}=%")]
    table, _, name = column.partition(".")
    matching = _any(tuple(_like(f"named.{name}_folded", place) for place in places))
    # The names alone lie close together in their index; a scan of whole rows takes many times as long.
    return Condition(f"{table}.id IN (SELECT named.id FROM {table} AS named WHERE {matching.sql})", matching.parameters)


def _date(column: str, value: str) -> Condition:
    return _range(column, value, comparable.date, comparable.date)


def _time(column: str, value: str) -> Condition:
    return _range(column, value, comparable.time, comparable.end_of_time)


def _number(column: str, value: str) -> Condition:
    number = comparable.number(value)
    return NEVER if number is None else Condition(f"{column} = ?", (number,))


def _range(column: str, value: str, begin: Callable[[str], str], end: Callable[[str], str]) -> Condition:
    """`a-b`, `a-`, `-b`, or `a`, which is the range from its first to its last moment (PS3.4 C.2.2.2.5)."""
    first, dash, last = value.partition("-")
    bounds = [(">=", first, begin), ("<=", last if dash else first, end)]
    found = Condition(f"{column} <> ''")
    for operator, text, form in bounds:
        if not text.strip("\0 "):
            continue
        if not form(text):
            return NEVER
        found = found & Condition(f"{column} {operator} ?", (form(text),))
    return found


def _pattern(value: str, literal: Callable[[str], str]) -> str:
    """A LIKE pattern from a value with wildcards; what is literal in it passes through `literal` and is escaped."""
    return "".join(_piece(piece, literal) for piece in _WILDCARD.split(value))


def _piece(piece: str, literal: Callable[[str], str]) -> str:
    if piece.startswith("*"):
        return "%"
    if piece == "?":
        return "_"
    return re.sub(r"([%_!])", r"!\1", literal(piece))


def _like(column: str, pattern: str) -> Condition:
    return Condition(f"{column} LIKE ? ESCAPE '!'", (pattern,))


_BY_MATCHING: Final[dict[Matching, Callable[[str, str], Condition]]] = {
    Matching.TEXT: _text,
    Matching.NAME: _name,
    Matching.DATE: _date,
    Matching.TIME: _time,
    Matching.NUMBER: _number,
}
# Derived attributes are compared as their VR is.
_BY_VR: Final = {"IS": _number, "CS": _text}
