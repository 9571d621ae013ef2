"""What one value of a matching key asks for (PS3.4 C.2.2.2), so that SQL and Python compare alike.

Both sides are comparable forms: see `comparable`. A key that cannot be read asks for nothing that exists.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from storage.attributes import Matching
from storage.catalogue import comparable, fuzzy_names
from storage.catalogue.condition import NEVER, Condition

_LONGEST_PATTERN: Final = 10_000
_WILDCARD: Final = re.compile(r"(\*+|\?)")
_EMPTY_COMPONENTS: Final = re.compile(r"(\^%)+$")
_TOKEN: Final = re.compile(r"!(.)|(%+)|(_)|([^!%_]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Equal:
    """Single value matching."""

    value: str | int | float | None
    """None is a number that cannot be read."""

    def sql(self, column: str) -> Condition:
        """The condition on a column of comparable forms."""
        return NEVER if self.value is None else Condition(f"{column} = ?", (self.value,))

    def holds(self, form: Any) -> bool:
        """Whether it is the same."""
        return self.value is not None and bool(form == self.value)


@dataclass(frozen=True, slots=True)
class Like:
    """Wildcard matching with a LIKE pattern, in which ! escapes."""

    pattern: str

    def sql(self, column: str) -> Condition:
        """The condition on a column of comparable forms."""
        return Condition(f"{column} LIKE ? ESCAPE '!'", (self.pattern,))

    def holds(self, form: Any) -> bool:
        """Whether the pattern covers all of `form`."""
        return _is_like(form, self.pattern)


@dataclass(frozen=True, slots=True)
class Name:
    """Matching of a name, one of its component groups, or several in a row, with `exact` or with LIKE patterns."""

    exact: str | None
    patterns: tuple[str, ...] = ()

    def holds(self, form: Any) -> bool:
        """Whether the name or such a part of it is the same or is like that."""
        return any(self._is(one) for one in (form, *comparable.runs_of_groups(form)))

    def _is(self, part: str) -> bool:
        return part == self.exact or any(_is_like(part, pattern) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included, "" being open; what has no form is in no range."""

    low: str
    high: str

    def sql(self, column: str) -> Condition:
        """The condition on a column of comparable forms."""
        found = Condition(f"{column} <> ''")
        if self.low:
            found = found & Condition(f"{column} >= ?", (self.low,))
        return found & Condition(f"{column} <= ?", (self.high,)) if self.high else found

    def holds(self, form: Any) -> bool:
        """Whether `form` lies in it."""
        return form != "" and form >= self.low and (not self.high or form <= self.high)


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """A name that has all `words`, or, where these have wildcards, is covered by the whole pattern."""

    words: tuple[str, ...]
    whole: Name

    @property
    def is_wild(self) -> bool:
        """Whether the pattern covers names that do not have the words."""
        return any(fuzzy_names.is_wild(word) for word in self.words)

    def holds(self, form: Any) -> bool:
        """Whether the folded name `form` is such a one."""
        known = fuzzy_names.words(form)
        return (self.is_wild and self.whole.holds(form)) or all(_any_near(word, known) for word in self.words)


Comparison = Equal | Like | Range

NOTHING: Final = Equal(None)


def comparison(matching: Matching, value: str) -> Comparison:
    """What `value`, which is neither empty nor universal, asks of attributes that are matched so; see `named` too."""
    return _BY_MATCHING[matching](value)


def named(value: str) -> Name:
    """A name matches when one of its component groups does, or several in a row; empty components may be left out."""
    if len(value) > _LONGEST_PATTERN:
        return Name(None)
    if not _WILDCARD.search(value):
        return Name(comparable.name(value))
    pattern = _pattern(value, comparable.folded)
    groups = "=".join(comparable.group_of_name(group) for group in pattern.split("=")).rstrip("=")
    return Name(None, tuple(sorted({groups, _EMPTY_COMPONENTS.sub("", groups)})))


def fuzzy(value: str) -> Name | Fuzzy:
    """What `value` asks of a name that is matched by its words; by its letters where it has none."""
    words = fuzzy_names.key_words(value)
    return Fuzzy(words, named(value)) if words else named(value)


def form_of(matching: Matching, value: Any) -> Any:
    """The comparable form of one value in DICOM JSON."""
    return _FORMS[matching](comparable.one_text(value))


def bounds(matching: Matching, value: str) -> Range | None:
    """The range that `value` asks for if it is one with a hyphen, else None."""
    found = _BY_MATCHING[matching](value) if "-" in value else None
    return found if isinstance(found, Range) else None


def _any_near(word: str, known: tuple[str, ...]) -> bool:
    if fuzzy_names.is_wild(word):
        pattern = _pattern(word, str)
        return any(_is_like(one, pattern) for one in known)
    return any(fuzzy_names.is_near(word, one) for one in known)


def _text(value: str) -> Comparison:
    plain = comparable.text(value)
    if not _WILDCARD.search(plain):
        return Equal(plain)
    return Like(_pattern(plain, str)) if len(plain) <= _LONGEST_PATTERN else NOTHING


def _uid(value: str) -> Comparison:
    return Equal(comparable.text(value))


def _date(value: str) -> Comparison:
    return _range(*_split(value), comparable.date, comparable.date)


def _time(value: str) -> Comparison:
    return _range(*_split(value), comparable.time, comparable.end_of_time)


def _date_time(value: str) -> Comparison:
    """A hyphen may also begin an offset from UTC; what can be read as one is one (PS3.5 6.2, DT)."""
    value = value.strip("\0 ")
    if comparable.date_time(value):
        first = last = value
    else:
        first, last = comparable.split_date_times(value)
    return _range(first, last, comparable.date_time, comparable.end_of_date_time)


def _number(value: str) -> Comparison:
    return Equal(comparable.decimal(value))


def _split(value: str) -> tuple[str, str]:
    """`a-b`, `a-`, `-b`, or `a`, which is the range from its first to its last moment (PS3.4 C.2.2.2.5)."""
    first, dash, last = value.partition("-")
    return first.strip("\0 "), last.strip("\0 ") if dash else first.strip("\0 ")


def _range(first: str, last: str, begin: Callable[[str], str], end: Callable[[str], str]) -> Comparison:
    low, high = begin(first), end(last)
    return NOTHING if (first and not low) or (last and not high) else Range(low, high)


def _pattern(value: str, literal: Callable[[str], str]) -> str:
    """A LIKE pattern from a value with wildcards; what is literal in it passes through `literal` and is escaped."""
    return "".join(_piece(piece, literal) for piece in _WILDCARD.split(value))


def _piece(piece: str, literal: Callable[[str], str]) -> str:
    if piece.startswith("*"):
        return "%"
    if piece == "?":
        return "_"
    return re.sub(r"([%_!])", r"!\1", literal(piece))


def _is_like(text: str, pattern: str) -> bool:
    """LIKE in Python: pieces between % are looked for from the left, so that no pattern can make it slow."""
    (first, _), *middle = _pieces(pattern)
    if not middle:
        return first.fullmatch(text) is not None
    last, size = middle.pop()
    stop = len(text) - size
    found = first.match(text, 0, max(stop, 0))
    for piece, _ in middle:
        found = found and piece.search(text, found.end(), stop)
    return found is not None and last.fullmatch(text, stop) is not None


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[tuple[re.Pattern[str], int], ...]:
    """What lies between the % of a pattern, each with its length in characters."""
    pieces = [("", 0)]
    for escaped, many, one, plain in _TOKEN.findall(pattern):
        if many:
            pieces.append(("", 0))
            continue
        source, size = pieces[-1]
        literal = escaped or plain
        pieces[-1] = (source + ("." if one else re.escape(literal)), size + (1 if one else len(literal)))
    return tuple((re.compile(source, re.DOTALL), size) for source, size in pieces)


_BY_MATCHING: Final[dict[Matching, Callable[[str], Comparison]]] = {
    Matching.UID: _uid,
    Matching.TEXT: _text,
    Matching.DATE: _date,
    Matching.TIME: _time,
    Matching.DATE_TIME: _date_time,
    Matching.NUMBER: _number,
}
_FORMS: Final[dict[Matching, Callable[[str], Any]]] = {
    Matching.UID: comparable.text,
    Matching.TEXT: comparable.text,
    Matching.NAME: comparable.name,
    Matching.DATE: comparable.date,
    Matching.TIME: comparable.time,
    Matching.DATE_TIME: comparable.date_time,
    Matching.NUMBER: comparable.decimal,
}
