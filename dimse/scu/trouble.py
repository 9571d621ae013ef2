"""Kinds of failure on the way to a peer: named where it happens, so that nobody has to read sentences."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from dimse.scu.wire import AssociationFailed, Step
from dimse.status import NOT_AUTHORISED, SOP_CLASS_NOT_SUPPORTED

OUT_OF_RESOURCES: Final = range(0xA700, 0xA800)
"""PS3.4 table B.2-1: what may pass by itself; every other failure would be the same again."""


class TroubleKind(StrEnum):
    """What went wrong, as it is kept; words for people are chosen by it."""

    NAME = "name"
    """The name of its machine is not known."""
    UNREACHABLE = "unreachable"
    """Nobody answers or listens there."""
    TLS = "tls"
    """No TLS with it, for whatever reason."""
    ASSOCIATION = "association"
    """It takes the connection, and then neither of us as a peer."""
    LOST = "lost"
    """It was gone in the middle."""
    FULL = "full"
    """It is out of resources."""
    RIGHTS = "rights"
    """It does not let us."""
    UNSUPPORTED = "unsupported"
    """It takes no such objects."""
    REFUSED = "refused"
    """It refuses them for another reason, which it tells."""
    FAILING = "failing"
    """It answers with a failure of its own, or nothing that says what became of them."""
    UNREADABLE = "unreadable"
    """We cannot read what we keep."""
    UNCONFIGURED = "unconfigured"
    """Our configuration does not lead to it."""
    UNCOMMITTED = "uncommitted"
    """It does not commit to what it has."""
    REPORT = "report"
    """Its report of storage commitment is owed."""
    DESTINATION = "destination"
    """It does not know us as a place to send to."""
    STALLED = "stalled"
    """It was sending, and then nothing more came."""
    INCOMPLETE = "incomplete"
    """It says that it has sent everything, but that is less than it said it has."""
    OTHER = "other"
    """What happened before kinds were kept."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure: its kind, and a sentence that says more and how to mend it, without a word about patients."""

    kind: TroubleKind
    sentence: str

    @classmethod
    def of(cls, kind: str, sentence: str) -> Self | None:
        """What was kept as these two; None where `kind` is empty."""
        return cls(TroubleKind(kind), sentence) if kind else None


_OF_STEPS: Final[dict[Step, TroubleKind]] = {
    "name": TroubleKind.NAME,
    "tcp": TroubleKind.UNREACHABLE,
    "tls": TroubleKind.TLS,
    "association": TroubleKind.ASSOCIATION,
}
_OF_STATUSES: Final = {
    NOT_AUTHORISED: TroubleKind.RIGHTS,
    SOP_CLASS_NOT_SUPPORTED: TroubleKind.UNSUPPORTED,
    # PS3.4 table C.4-2: move destination unknown.
    0xA801: TroubleKind.DESTINATION,
}


def of_association(failed: AssociationFailed) -> Trouble:
    """By the step that failed."""
    return Trouble(_OF_STEPS[failed.step], str(failed))


def of_status(status: int) -> TroubleKind:
    """What a status of the type Failure means (PS3.7 annex C, PS3.4 table B.2-1)."""
    if status in OUT_OF_RESOURCES:
        return TroubleKind.FULL
    return _OF_STATUSES.get(status, TroubleKind.REFUSED)
