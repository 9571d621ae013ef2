"""What happened that somebody may have to account for: a table that only grows, each row sealed over the one before.

Subjects are UIDs and ids of ours; names, birth dates and secrets never appear. Rows can neither be changed nor removed
through the database's own means, and a change by other means is found by `storage.audit_trail`.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Final

from storage.database import Database

ONCE: Final = timedelta(days=1)
"""How long an event that is noted once stands for those like it."""

_ACTOR: Final[ContextVar[str]] = ContextVar("audit_actor", default="")
_MOST_KNOWN: Final = 100_000
_LAST: Final = "SELECT id, digest FROM audit ORDER BY id DESC LIMIT 1"
_INSERT: Final = "INSERT INTO audit (id, at, actor, event, subject, detail, digest) VALUES (?, ?, ?, ?, ?, ?, ?)"
_ONCE: Final = """
    INSERT INTO audit_once (event, actor, subject, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (event, actor, subject) DO UPDATE SET at = excluded.at WHERE audit_once.at <= ?"""


class Audit:
    """Notes events durably. Safe to use from any thread; several processes may share the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str, str], float] = {}

    def record(self, event: str, subject: str, detail: str = "", *, actor: str = "") -> None:
        """Note durably, before returning, that `event` happened to `subject`."""
        self._database.write(lambda connection: note(connection, event, subject, detail, actor=actor))

    def record_once(self, event: str, subject: str, detail: str = "", *, actor: str = "") -> None:
        """The same for what happens hundreds of times: once a day for each event, actor and subject.

        What is known to be noted costs one look into a dictionary. Raises `WouldWait` where nobody may wait.
        """
        who = actor or _ACTOR.get()
        key = event, who, subject
        if self._known.get(key, 0.0) > time.monotonic():
            return
        self._database.write(lambda connection: note_once(connection, event, subject, detail, actor=who))
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = time.monotonic() + ONCE.total_seconds()

    def forget_once(self) -> None:
        """Remove what keeps events from being noted twice, where it no longer does. The events stay."""
        self._database.write(
            lambda connection: connection.execute("DELETE FROM audit_once WHERE at <= ?", (_written(_now() - ONCE),))
        )


def note(connection: sqlite3.Connection, event: str, subject: str, detail: str = "", *, actor: str = "") -> None:
    """The same inside a transaction, so that an event and its record stand or fall together.

    Without `actor` it was whoever `act_as` or `acting` named.
    """
    last = connection.execute(_LAST).fetchone()
    number, before = (last["id"] + 1, last["digest"]) if last else (1, "")
    row = (_written(_now()), actor or _ACTOR.get(), event, subject, detail)
    connection.execute(_INSERT, (number, *row, seal(before, number, *row)))


def note_once(connection: sqlite3.Connection, event: str, subject: str, detail: str = "", *, actor: str = "") -> bool:
    """Note the event unless the same actor did the same with the same subject within `ONCE`; whether it was noted."""
    who, now = actor or _ACTOR.get(), _now()
    is_due = connection.execute(_ONCE, (event, who, subject, _written(now), _written(now - ONCE))).rowcount > 0
    if is_due:
        note(connection, event, subject, detail, actor=who)
    return is_due


def act_as(actor: str) -> None:
    """Let what is noted from here on in this thread or task be done by `actor`: "token NAME", "share ID SESSION"."""
    _ACTOR.set(actor)


@contextmanager
def acting(actor: str) -> Iterator[None]:
    """The same for a block."""
    before = _ACTOR.set(actor)
    try:
        yield
    finally:
        _ACTOR.reset(before)


def seal(before: str, number: int, *fields: str) -> str:
    """The digest of a row over its fields, its number and the digest of the row before."""
    return hashlib.sha256(json.dumps([before, number, *fields], ensure_ascii=False).encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
