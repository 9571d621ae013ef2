"""What a rule would have taken of what came lately, so that nobody floods a PACS by accident."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.forwarding.rules import Selection
from storage.index import Index
from storage.records import Unsettled
from storage.scope import StudyScope

LOOKED_AT: Final = 50_000
"""The newest instances that are looked at, however many have come: so the answer is there within seconds."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Of `studies` that were looked at those that would be taken, newest first, and how many instances of them.

    `is_whole` says that nothing of the days asked for lies behind `LOOKED_AT`.
    """

    studies: int
    taken: tuple[str, ...]
    instances: int
    is_whole: bool


def trial_of(index: Index, scope: StudyScope, selection: Selection, days: int, now: datetime | None = None) -> Trial:
    """What `selection` would have chosen of the studies within `scope` to which something came in the last `days`."""
    lately, is_whole = lately_of(index, scope, days, now)
    taken: dict[str, int] = {}
    for study in lately:
        arrivals = index.arrived(scope, study.study_instance_uid, study.first - 1, study.last)
        if chosen := selection.of_arrivals(index, study.study_instance_uid, arrivals):
            taken[study.study_instance_uid] = len(chosen)
    return Trial(len(lately), tuple(taken), sum(taken.values()), is_whole)


def lately_of(index: Index, scope: StudyScope, days: int, now: datetime | None = None) -> tuple[list[Unsettled], bool]:
    """The studies within `scope` to which something came in the last `days`, newest first, and whether that are all."""
    since = (now or datetime.now(UTC)) - timedelta(days=days)
    behind = max(index.arrivals(scope, None).place - LOOKED_AT, 0)
    studies = index.unsettled(scope, behind)
    lately = [one for one in reversed(studies) if one.received_at >= since]
    return lately, not behind or len(lately) < len(studies)
