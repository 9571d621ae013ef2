"""A share as a value, and how it is read from its row. Everything in `auth` that judges a share does it here."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final, Literal

from auth import rules
from auth.clock import moment
from auth.errors import NoSuchShare
from storage.database import Database
from storage.scope import ListedStudies, StudyScope, Within

State = Literal["live", "expired", "revoked", "frozen"]

LONGEST_DAYS: Final = 3650
QUIET_MINUTES: Final = 10
"""How long nothing has come to what counts as complete, unless somebody says another number."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share as it was when it was read.

    `expires` is its last second. `issue` counts its codes, `failures` the wrong birth dates against the present one.
    `label` is free text for the desk.
    """

    id: str
    scope: StudyScope = field(repr=False)
    """What it shows now: nothing while it waits, and of a share that was handed on never more than that one shows."""
    rule: StudyScope = field(repr=False)
    """What it was made for."""
    created: datetime
    expires: datetime
    state: State
    label: str = field(default="", repr=False)
    issue: int = 1
    failures: int = 0
    site: str = ""
    """The key of the site whose desk keeps it."""
    rejected: frozenset[str] = frozenset()
    """Studies that the desk has kept out of the rule."""
    parent: str = ""
    """The id of the share that it was handed on from."""
    wait: "Wait | None" = None
    opened: datetime | None = None
    """When somebody first signed in."""
    ended: datetime | None = None
    """When it was revoked."""
    terms: datetime | None = None
    """When privacy notice and terms were accepted."""
    erase: bool = False
    """Whether the patient, who ended it, wants its studies deleted."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What a share waits for before it shows anything: that nothing has come to its studies for so many minutes, or
    that the archive where they come from has no more of them.
    """

    minutes: int
    for_archive: bool = False

    def to_json(self) -> str:
        """As the table keeps it."""
        return json.dumps({"minutes": self.minutes, "for_archive": self.for_archive})

    @staticmethod
    def from_json(text: str) -> "Wait | None":
        """What `to_json` wrote; None for an empty text."""
        return Wait(**json.loads(text)) if text else None


@dataclass(frozen=True, slots=True)
class Issued:
    """A share with its fresh secrets: to be printed, never to be stored or logged."""

    share: Share
    code: str = field(repr=False)
    token: str = field(repr=False)

    def link(self, public_url: str) -> str:
        """What the QR code says; the token stands in the fragment, which browsers never send (RFC 9110 4.1)."""
        return f"{public_url.rstrip('/')}/z#{self.token}"


def end_of_day(now: datetime, days: int) -> datetime:
    """The last second, in UTC, of the day `days` days from now; `ValueError` outside 0..3650 days."""
    if not 0 <= days <= LONGEST_DAYS:
        raise ValueError(f"A share lasts 0 to {LONGEST_DAYS} days.")
    return datetime.combine(now.date() + timedelta(days=days), time(23, 59, 59), tzinfo=now.tzinfo)


def share_of_row(row: sqlite3.Row, now: int) -> Share:
    """The share of a row of the view `share_seen`, as it is at `now`."""
    rule = rules.from_json(row["rule"])
    return Share(
        id=row["id"],
        scope=_scope(row, rule),
        rule=rule,
        created=moment(row["created"]),
        expires=moment(row["expires"]),
        state=state_of_row(row, now),
        label=row["label"],
        issue=row["issue"],
        failures=row["failures"],
        parent=row["parent"] or "",
        wait=Wait.from_json(row["waits"] or row["parent_waits"] or ""),
        opened=_moment_or_none(row["opened"]),
        ended=_moment_or_none(row["ended"]),
        terms=_moment_or_none(row["terms"]),
        erase=bool(row["erase"]),
        site=row["site"],
        rejected=rules.rejected(row["rule"]),
    )


def seen(database: Database, rows: Sequence[sqlite3.Row], now: int) -> Sequence[Share]:
    """The shares of these rows of `share_seen`; those that are past their end never come back by themselves."""
    if any(is_past(row, now) and not row["lapsed"] for row in rows):
        database.write(lambda connection: lapse(connection, now))
    return [share_of_row(row, now) for row in rows]


def _scope(row: sqlite3.Row, rule: StudyScope) -> StudyScope:
    if row["waits"] or row["parent_waits"]:
        return ListedStudies(frozenset())
    return rule if row["parent"] is None else Within(rule, rules.from_json(row["parent_rule"]))


def _moment_or_none(timestamp: int | None) -> datetime | None:
    return None if timestamp is None else moment(timestamp)


def state_of_row(row: sqlite3.Row, now: int) -> State:
    """What ended it last for good comes first: revoked, then expired, then frozen."""
    if row["revoked"] or row["parent_revoked"]:
        return "revoked"
    if is_past(row, now):
        return "expired"
    return "frozen" if row["frozen"] or row["parent_frozen"] else "live"


def is_past(row: sqlite3.Row, now: int) -> bool:
    """Whether the share, or the one it was handed on from, is past its end, or was seen so by an earlier clock."""
    own = bool(row["lapsed"]) or now > row["expires"]
    return own or (row["parent"] is not None and (bool(row["parent_lapsed"]) or now > row["parent_expires"]))


def row_of(connection: sqlite3.Connection, share_id: str) -> sqlite3.Row:
    """The row with this id; `NoSuchShare` when there is none."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM share_seen WHERE id = ?", (share_id,)).fetchone()
    if row is None:
        raise NoSuchShare("No share has this id.")
    return row


def lapse(connection: sqlite3.Connection, now: int) -> int:
    """Note durably that every share that is past its end has ended, and end its sessions; returns how many ended."""
    overdue = "lapsed = 0 AND expires < ?"
    ended = connection.execute(
        f"DELETE FROM share_session WHERE share_id IN (SELECT id FROM share WHERE {overdue})", (now,)
    ).rowcount
    connection.execute(f"UPDATE share SET lapsed = 1 WHERE {overdue}", (now,))
    return ended


def end_sessions(connection: sqlite3.Connection, share_id: str, but: str = "") -> int:
    """End every session of a share except the one with the digest `but`, and the viewers that these have opened;
    returns how many sessions ended."""
    connection.execute("DELETE FROM viewer_pass WHERE share_id = ? AND session <> ?", (share_id, handle_of(but)))
    sql = "DELETE FROM share_session WHERE share_id = ? AND digest <> ?"
    return connection.execute(sql, (share_id, but)).rowcount


def handle_of(digest: str) -> str:
    """The handle of a session with this digest: tells the sessions of a share apart, and opens nothing."""
    return digest[:8]


def throttle_subject(share_id: str) -> str:
    """A share's name in the throttle."""
    return f"share {share_id}"
