"""Dates with the times that belong to them: as one range of moments, and in the time zone of a key.

Ranges of both are one range from the first moment to the last where that is agreed (PS3.4 C.2.2.2.5.4). A query that
names its Timezone Offset From UTC (0008,0201) has its dates and times in that zone: those of a study or series that
states its own are moved there before they are compared; others are compared as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from storage.attributes import Matching
from storage.catalogue import comparable
from storage.catalogue.comparison import Range, bounds, comparison
from storage.catalogue.condition import ALWAYS, Condition, any_of
from storage.catalogue.matching import column_of
from storage.catalogue.plain_matching import DataSet, Predicate, first_text
from storage.query import Match, Query

TIMEZONE: Final = "00080201"
TIMES: Final = {
    **{"00080012": "00080013", "00080020": "00080030", "00080021": "00080031", "00080022": "00080032"},
    **{"00080023": "00080033", "00400244": "00400245", "00400250": "00400251"},
}
"""By tag of a date that of its time. Birth dates are of no time zone (PS3.3 C.12.1.1.8)."""

_LONGEST_SHIFT: Final = timedelta(days=2)
_FIRST: Final = "000000.000000"
_LAST: Final = "235959.999999"


@dataclass(frozen=True, slots=True)
class Moments:
    """Keys of a date and of its time that are one range, from the moment `low` to `high`; ("", ...) is open."""

    day: Match
    clock: Match
    low: tuple[str, str]
    high: tuple[str, str]

    @property
    def have_columns(self) -> bool:
        """Whether databases can compare them."""
        return bool(self.day.attribute.column and self.clock.attribute.column)

    def sql(self) -> Condition:
        """What is demanded of their columns."""
        columns = f"({column_of(self.day.attribute)}, {column_of(self.clock.attribute)})"
        found = Condition(f"{column_of(self.day.attribute)} <> ''")
        for operator, end in ((">=", self.low), ("<=", self.high)):
            if end[0]:
                found = found & Condition(f"{columns} {operator} (?, ?)", end)
        return found

    def holds(self, data_set: DataSet) -> bool:
        """The same of a data set."""
        at = (comparable.date(first_text(data_set, self.day.attribute.tag)), _time(data_set, self.clock.attribute.tag))
        return at[0] != "" and (not self.low[0] or at >= self.low) and (not self.high[0] or at <= self.high)


def combined(query: Query) -> Iterator[Moments]:
    """The keys of `query` that are to be one: date and time, each of which is one range."""
    by_tag = {match.attribute.tag: match for match in query.matches} if query.combined_date_time else {}
    for date_tag, time_tag in TIMES.items():
        day, clock = by_tag.get(date_tag), by_tag.get(time_tag)
        if day is None or clock is None or len(day.wanted) != 1 or len(clock.wanted) != 1:
            continue
        days, clocks = bounds(Matching.DATE, day.wanted[0]), bounds(Matching.TIME, clock.wanted[0])
        if days is not None and clocks is not None:
            yield Moments(day, clock, (days.low, clocks.low or _FIRST), (days.high, clocks.high or _LAST))


def in_zone(holds: Predicate, timezone: str) -> Predicate:
    """`holds` of a data set as it would be written in `timezone` (+HHMM, -HHMM)."""
    return lambda data_set: holds(_moved(data_set, timezone))


def is_zoned(match: Match) -> bool:
    """Whether a time zone has a meaning for this key."""
    return match.attribute.tag in TIMES or match.attribute.tag in TIMES.values()


def around(match: Match) -> Condition:
    """A cheap condition that only rows meet which may match in some time zone."""
    if match.attribute.matching is not Matching.DATE or not match.attribute.column:
        return ALWAYS
    wanted = [comparison(Matching.DATE, value) for value in match.wanted]
    wider = [_wider(one) for one in wanted if isinstance(one, Range)]
    return any_of([one.sql(column_of(match.attribute)) for one in wider]) if len(wider) == len(wanted) else ALWAYS


def _moved(data_set: DataSet, timezone: str) -> DataSet:
    minutes = _minutes(first_text(data_set, TIMEZONE))
    wanted = _minutes(timezone)
    if minutes is None or wanted is None or minutes == wanted:
        return data_set
    moved = dict(data_set)
    for day, clock in TIMES.items():
        if (at := _moment(data_set, day, clock)) is not None:
            try:
                at += timedelta(minutes=wanted - minutes)
            except OverflowError:
                continue
            moved[day] = {"vr": "DA", "Value": [f"{at.year:04d}{at:%m%d}"]}
            moved[clock] = {"vr": "TM", "Value": [f"{at:%H%M%S.%f}"]}
    return moved


def _moment(data_set: DataSet, day: str, clock: str) -> datetime | None:
    """None where date or time are missing: what has no time is of a day and is not moved."""
    at = comparable.date(first_text(data_set, day)), _time(data_set, clock)
    try:
        return datetime.strptime("".join(at), "%Y%m%d%H%M%S.%f") if all(at) else None
    except ValueError:
        return None


def _time(data_set: DataSet, tag: str) -> str:
    return comparable.time(first_text(data_set, tag))


def _minutes(offset: str) -> int | None:
    if len(offset) != 5 or offset[0] not in "+-" or not (offset[1:].isascii() and offset[1:].isdigit()):
        return None
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return minutes if offset[0] == "+" else -minutes


def _wider(wanted: Range) -> Range:
    return Range(_shifted(wanted.low, -_LONGEST_SHIFT), _shifted(wanted.high, _LONGEST_SHIFT))


def _shifted(day: str, by: timedelta) -> str:
    """`day` moved; open where no calendar has it."""
    try:
        moved = date(int(day[:4]), int(day[4:6]), int(day[6:])) + by
    except (ValueError, OverflowError):
        return ""
    return f"{moved.year:04d}{moved:%m%d}"
