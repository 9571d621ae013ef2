"""A delivery: what is to be sent where, and how far it is."""

import sqlite3
from dataclasses import dataclass
from typing import Literal, Self

from dimse.scu.trouble import Trouble
from gateway.forwarding.rules import Selection

State = Literal["waiting", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be delivered: of a study the selected arrivals behind one place up to another one."""

    rule: str
    target: str
    study: str
    after: int
    upto: int
    selection: Selection
    instances: int

    @property
    def key(self) -> tuple[str, str, int, int, str]:
        """What is there once only."""
        return self.target, self.study, self.after, self.upto, self.selection.encode()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many deliveries of a rule wait and have failed, and when the latest was delivered (seconds since 1970)."""

    waiting: int = 0
    failed: int = 0
    latest: float | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it was when it was read; `wanted.instances` of which `sent` are there, `warned` of them with a
    warning, and `refused` are not taken."""

    id: int
    wanted: Wanted
    state: State
    sent: int
    warned: int
    refused: int
    transaction_uid: str
    committed: bool
    attempts: int
    trouble: Trouble | None
    requested_at: float
    begun_at: float
    due_at: float
    finished_at: float | None
    holder: str

    @property
    def needless(self) -> int:
        """How many of what is delivered did not have to be sent: they came from there, or are not kept any more."""
        return max(self.wanted.instances - self.sent, 0) if self.state == "delivered" else 0

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """That of a row of its table."""
        wanted = Wanted(
            rule=row["rule"],
            target=row["target"],
            study=row["study"],
            after=row["after_place"],
            upto=row["upto_place"],
            selection=Selection.decode(row["selection"]),
            instances=row["instances"],
        )
        return cls(
            id=row["id"],
            wanted=wanted,
            state=row["state"],
            sent=row["sent"],
            warned=row["warned"],
            refused=row["refused"],
            transaction_uid=row["transaction_uid"],
            committed=bool(row["committed"]),
            attempts=row["attempts"],
            trouble=Trouble.of(row["trouble_kind"], row["trouble"]),
            requested_at=row["requested_at"],
            begun_at=row["begun_at"],
            due_at=row["due_at"],
            finished_at=row["finished_at"],
            holder=row["holder"],
        )

    def is_being_sent(self, now: float) -> bool:
        """Whether somebody works on it at this moment (`now` in seconds since 1970), as far as is known."""
        return self.state == "waiting" and bool(self.holder) and self.due_at > now
