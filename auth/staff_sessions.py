"""Sessions of staff: as those of patients, a random id in a cookie of which only the SHA-256 is kept.

The account is judged anew on every request, so that disabling it works at once (OWASP ASVS 5.0 7.4.2, 8.3.2).
"""

import hashlib
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from auth.clock import Clock, moment, seconds
from auth.errors import SignInRefused
from auth.staff import MEMBERS, Member, member_of
from storage.audit import note
from storage.database import Database

Stage = Literal["enrol", "full"]

_TOUCH_EVERY: Final = 60
_FIND: Final = f"""
SELECT found.*, staff_session.digest, staff_session.stage, staff_session.search, staff_session.share_search,
    staff_session.begun, staff_session.seen
FROM staff_session JOIN ({MEMBERS}) AS found ON found.name = staff_session.name
WHERE staff_session.digest = ? AND found.disabled = 0
"""
_INSERT: Final = "INSERT INTO staff_session (digest, name, stage, begun, seen) VALUES (?, ?, ?, ?, ?)"
_LIVE: Final = "begun > ? AND seen > ? AND seen <= ?"


@dataclass(frozen=True, slots=True)
class StaffSessionSettings:
    """Seconds without a request and altogether after which a session ends; an enrolment has to be quicker."""

    idle: int = 20 * 60
    absolute: int = 10 * 3600
    enrolment: int = 15 * 60


@dataclass(frozen=True, slots=True)
class StaffSession:
    """A live session. In the stage "enrol" nothing can be done but to enrol a second factor."""

    member: Member
    stage: Stage
    idle_until: datetime
    search: str = field(repr=False)
    """What was searched last; names and birth dates, so it stands in no address."""
    share_search: str = field(repr=False)
    """The same in the list of shares."""
    cookie: str = field(repr=False)


class StaffSessions:
    """Begins, finds and ends sessions. Blocking; safe from any thread and several processes."""

    def __init__(
        self, database: Database, clock: Clock, settings: StaffSessionSettings = StaffSessionSettings()
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings

    def begin(self, name: str, stage: Stage, detail: str = "") -> str:
        """A new session's cookie value; `SignInRefused` when the account was disabled in the meantime."""
        value = secrets.token_urlsafe(32)
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            known = connection.execute("SELECT 1 FROM staff WHERE name = ? AND disabled = 0", (name,)).fetchone()
            if known is None:
                raise SignInRefused
            connection.execute(f"DELETE FROM staff_session WHERE NOT ({_LIVE})", self._bounds(now))
            connection.execute(_INSERT, (_digest(value), name, stage, now, now))
            note(connection, "desk session begun" if stage == "full" else "enrolment begun", name, detail)

        self._database.write(work)
        return value

    def session_of(self, cookie: str) -> StaffSession | None:
        """The live session of a live account, or None. Counts as a request, noted once a minute."""
        rows = self._database.read(_FIND, (_digest(cookie),))
        if not rows:
            return None
        row, now = rows[0], seconds(self._clock())
        lasting = self._settings.absolute if row["stage"] == "full" else self._settings.enrolment
        clock_went_back = row["seen"] > now + _TOUCH_EVERY
        if clock_went_back or now - row["seen"] >= self._settings.idle or now - row["begun"] >= lasting:
            self.end(cookie)
            return None
        seen = row["seen"]
        if now - seen >= _TOUCH_EVERY:
            seen = now
            self._update(cookie, "UPDATE staff_session SET seen = ? WHERE digest = ?", now)
        until = min(seen + self._settings.idle, row["begun"] + lasting)
        return StaffSession(member_of(row), row["stage"], moment(until), row["search"], row["share_search"], cookie)

    def remember_search(self, cookie: str, text: str) -> None:
        """Keep what was searched, until the session ends."""
        self._update(cookie, "UPDATE staff_session SET search = ? WHERE digest = ?", text)

    def remember_share_search(self, cookie: str, text: str) -> None:
        """Keep what was searched in the list of shares, until the session ends."""
        self._update(cookie, "UPDATE staff_session SET share_search = ? WHERE digest = ?", text)

    def end(self, cookie: str) -> None:
        """End one session. Idempotent."""

        def work(connection: sqlite3.Connection) -> None:
            sql = "DELETE FROM staff_session WHERE digest = ? RETURNING name"
            for (name,) in connection.execute(sql, (_digest(cookie),)).fetchall():
                note(connection, "desk session ended", name)

        self._database.write(work)

    def _update(self, cookie: str, sql: str, value: object) -> None:
        work: Callable[[sqlite3.Connection], int] = lambda connection: (  # noqa: E731
            connection.execute(sql, (value, _digest(cookie))).rowcount
        )
        self._database.write(work)

    def _bounds(self, now: int) -> tuple[int, int, int]:
        return now - self._settings.absolute, now - self._settings.idle, now + _TOUCH_EVERY


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
