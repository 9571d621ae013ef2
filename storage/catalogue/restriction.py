"""What a query and a scope together restrict, level by level: as SQL, and what only DICOM JSON can tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from storage.attributes import Attribute, Level
from storage.catalogue import matching, moments
from storage.catalogue.condition import ALWAYS, Condition
from storage.catalogue.plain_matching import Predicate, predicate
from storage.catalogue.related import condition
from storage.catalogue.visibility import visible
from storage.query import Query
from storage.scope import StudyScope

UNIQUE_KEYS: Final = {Level.STUDY: "0020000D", Level.SERIES: "0020000E", Level.INSTANCE: "00080018"}


@dataclass(frozen=True, slots=True)
class Restriction:
    """All conditions of a query: `keys` by the level that they are about, and `tests` for keys without column."""

    level: Level
    seen: dict[Level, Condition]
    keys: dict[Level, Condition]
    tests: tuple[tuple[Level, Predicate], ...]
    names_objects: bool
    """Whether a list of UIDs says which studies, series or instances are wanted."""

    @classmethod
    def of(cls, scope: StudyScope, query: Query) -> "Restriction":
        """What `query` asks and `scope` allows."""
        keys: dict[Level, Condition] = dict.fromkeys(Level, ALWAYS)
        tests: list[tuple[Level, Predicate]] = []
        for level, one in _parts(scope, query):
            if isinstance(one, Condition):
                keys[level] = keys[level] & one
            else:
                tests.append((level, one))
        named = any(m.attribute.tag in UNIQUE_KEYS.values() and not m.is_universal for m in query.matches)
        return cls(query.level, {level: visible(scope, level) for level in Level}, keys, tuple(tests), named)

    @property
    def all(self) -> Condition:
        """Every condition at once, on the tables of the query's level and above."""
        found = self.seen[self.level]
        for level in Level:
            found = found & self.keys[level]
        return found

    @property
    def of_studies(self) -> Condition:
        """What is restricted of studies: all that is asked if they are searched, else a part of it."""
        return self.seen[Level.STUDY] & self.keys[Level.STUDY]

    @property
    def below_studies(self) -> Condition:
        """What remains to be asked of series or instances of studies that are known to match."""
        return self.seen[self.level] & self.keys[Level.SERIES] & self.keys[Level.INSTANCE]


def _parts(scope: StudyScope, query: Query) -> Iterator[tuple[Level, Condition | Predicate]]:
    """What must hold of each level, in the order in which it is asked."""
    one_range = {match.attribute.tag: both for both in moments.combined(query) for match in (both.day, both.clock)}
    for match in query.matches:
        attribute = match.attribute
        both = one_range.get(attribute.tag)
        if match.is_universal or (both is not None and both.clock is match):
            continue
        if query.timezone and moments.is_zoned(match):
            yield attribute.level, moments.around(match)
            yield attribute.level, moments.in_zone(both.holds if both else predicate(match), query.timezone)
        elif both is not None:
            yield attribute.level, both.sql() if both.have_columns else both.holds
        elif attribute.is_compared_by_sql:
            yield attribute.level, condition(scope, match)
        else:
            test = predicate(match)
            yield attribute.level, _is_there(attribute) if not test({}) else ALWAYS
            yield attribute.level, test


def _is_there(attribute: Attribute) -> Condition:
    """A cheap condition that rows without the attribute do not meet; that of an instance is known by its metadata."""
    if attribute.level is Level.INSTANCE:
        return ALWAYS
    return Condition(f"{matching.TABLES[attribute.level]}.attributes LIKE ?", (f'%"{attribute.tag}"%',))
