"""A question to the index in the words of PS3.4 C.2.2.2 and PS3.18 8.3.4, common to QIDO-RS and C-FIND."""

from dataclasses import dataclass
from typing import Final

from storage.attributes import PATIENT_TAGS, Attribute, Level, Matching

EMPTY: Final = '""'
"""The value of a key that matches what has no value (PS3.4 C.2.2.2.7)."""


@dataclass(frozen=True, slots=True)
class Match:
    """One matching key: an instance matches when its value matches any of `values`, or as many values all of them.

    Values are as the peer sent them, decoded: with wildcards and ranges where the attribute's matching has them. No
    value, or only empty ones, is universal matching; two quotation marks match what has no value (PS3.4 C.2.2.2.7).
    A value that cannot be read (a month 13a) matches nothing. The key of a sequence has keys of its item instead,
    all of which one and the same item must match (PS3.4 C.2.2.2.6).
    """

    attribute: Attribute
    values: tuple[str, ...] = ()
    item: tuple["Match", ...] = ()
    every: bool = False
    """Each of `values` must match a value of the attribute, which has several (multiple values, PS3.4 C.2.2.2.8)."""
    fuzzy: bool = False
    """Person names match too when their words do, in any order and with a small mistake: see `fuzzy_names`."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """The values that are not empty."""
        return tuple(value for value in self.values if value.strip("\0 "))

    @property
    def is_universal(self) -> bool:
        """Whether everything matches."""
        if self.item:
            return all(match.is_universal for match in self.item)
        if not self.wanted or self.attribute.matching is Matching.NONE:
            return True
        return all(value == "*" for value in self.wanted) if self.every else "*" in self.values


@dataclass(frozen=True, slots=True)
class Place:
    """Where a result stands in the stable order of its level, whatever comes or goes before it."""

    study: tuple[str, str, str]
    series: tuple[int, str] = (0, "")
    instance: tuple[int, str] = (0, "")


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched at which level, which further attributes are wanted, and which part of the answer."""

    level: Level
    matches: tuple[Match, ...] = ()
    include: frozenset[str] = frozenset()
    """Tags (8 hexadecimal digits, upper case) to be returned where known, beside those always returned."""
    include_all: bool = False
    limit: int | None = None
    offset: int = 0
    each_patient: bool = False
    """One match for each patient instead of each study (the PATIENT level of PS3.4 C.6.1); `level` is STUDY."""
    only_included: bool = False
    """Nothing is returned but what `include` names, and of sequences among `matches` the matching items only."""
    combined_date_time: bool = False
    """Ranges of a date and of its time are one range of moments (PS3.4 C.2.2.2.5.4)."""
    timezone: str = ""
    """The offset from UTC (+HHMM, -HHMM) in which dates and times of the keys are; "" is that of each study."""
    after: Place | None = None
    """Only what stands behind this place; `offset` counts from there."""

    def __post_init__(self) -> None:
        if any(match.attribute.level > self.level for match in self.matches):
            raise ValueError("a matching key lies below the level of the query")
        if self.each_patient:
            of_patient = all(match.attribute.tag in PATIENT_TAGS for match in self.matches)
            if self.level is not Level.STUDY or not of_patient:
                raise ValueError("patients are searched by what is known of patients")

    def single_uid(self, tag: str) -> bool:
        """Whether the query names exactly one value for the UID `tag`, so that the answer lies below that one."""
        return any(match.attribute.tag == tag and len(match.values) == 1 for match in self.matches)
