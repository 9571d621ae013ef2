"""What a query and a scope together restrict, level by level: as SQL, and what only DICOM JSON can tell."""

from dataclasses import dataclass
from typing import Final

from storage.attributes import Attribute, Level
from storage.catalogue import matching
from storage.catalogue.condition import ALWAYS, Condition
from storage.catalogue.plain_matching import Predicate, predicate
from storage.catalogue.related import condition
from storage.catalogue.visibility import visible
from storage.query import Query
from storage.scope import StudyScope

UNIQUE_KEYS: Final = {Level.STUDY: "0020000D", Level.SERIES: "0020000E", Level.INSTANCE: "00080018"}

# Dates with the times that belong to them, as far as both have columns.
_MOMENTS: Final = {"00080020": "00080030", "00400244": "00400245"}


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
        keys, tests, moments = dict.fromkeys(Level, ALWAYS), [], _moments(query)
        for match in query.matches:
            level = match.attribute.level
            if match.attribute.is_compared_by_sql:
                keys[level] = keys[level] & (moments.get(match.attribute.tag) or condition(scope, match))
            elif not match.is_universal:
                test = predicate(match)
                tests.append((level, test))
                if not test({}):
                    keys[level] = keys[level] & _is_there(match.attribute)
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


def _is_there(attribute: Attribute) -> Condition:
    """A cheap condition that rows without the attribute do not meet; that of an instance is known by its metadata."""
    if attribute.level is Level.INSTANCE:
        return ALWAYS
    return Condition(f"{matching.TABLES[attribute.level]}.attributes LIKE ?", (f'%"{attribute.tag}"%',))


def _moments(query: Query) -> dict[str, Condition]:
    """By tag what ranges of a date and of its time demand together, if they are to be one range of moments."""
    by_tag = {match.attribute.tag: match for match in query.matches} if query.combined_date_time else {}
    found: dict[str, Condition] = {}
    for date, time in _MOMENTS.items():
        both = matching.combined(by_tag[date], by_tag[time]) if {date, time} <= by_tag.keys() else None
        if both is not None:
            found |= {date: both, time: ALWAYS}
    return found
