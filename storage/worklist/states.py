"""The states of a Unified Procedure Step and its transitions as data (PS3.4 CC.1.1)."""

from enum import StrEnum
from typing import Final

from storage.worklist.refusals import (
    ALREADY_CANCELED,
    ALREADY_COMPLETED,
    ALREADY_IN_PROGRESS,
    NO_LONGER_UPDATED,
    NOT_IN_PROGRESS,
    ONLY_CREATED_SCHEDULED,
    WRONG_TRANSACTION_UID,
    Status,
)


class State(StrEnum):
    """Procedure Step State (0074,1000), PS3.4 table CC.1.1-1."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"

    @property
    def is_final(self) -> bool:
        """Whether nothing ever changes any more."""
        return self in (State.COMPLETED, State.CANCELED)


_CURRENT: Final = (State.SCHEDULED, State.IN_PROGRESS, State.COMPLETED, State.CANCELED)

# PS3.4 table CC.1.1-2, the rows "N-ACTION to change state to ... with correct transaction UID".
_ROWS: Final[dict[State, tuple[State | Status, ...]]] = {
    State.SCHEDULED: (ONLY_CREATED_SCHEDULED,) * 4,
    State.IN_PROGRESS: (State.IN_PROGRESS, ALREADY_IN_PROGRESS, NO_LONGER_UPDATED, NO_LONGER_UPDATED),
    State.COMPLETED: (NOT_IN_PROGRESS, State.COMPLETED, ALREADY_COMPLETED, NO_LONGER_UPDATED),
    State.CANCELED: (NOT_IN_PROGRESS, State.CANCELED, NO_LONGER_UPDATED, ALREADY_CANCELED),
}


def outcome(requested: State, current: State, *, correct_transaction_uid: bool) -> State | Status:
    """The state that follows, or the status with which the request ends (PS3.4 table CC.1.1-2).

    While nobody has claimed the workitem, any transaction UID is the correct one.
    """
    if requested is not State.SCHEDULED and not correct_transaction_uid:
        return WRONG_TRANSACTION_UID
    return _ROWS[requested][_CURRENT.index(current)]
