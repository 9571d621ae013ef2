"""Sessions of patients: a random id in a cookie, of which only the SHA-256 is kept.

256 random bits need no salt and no slow hash (OWASP ASVS 5.0 6.5.2). Nothing about the share is in the cookie, and
the share is judged anew on every request, so that revoking, re-issuing, freezing and expiring work at once (8.3.2).
"""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auth.clock import Clock, moment, seconds
from auth.errors import ShareEnded
from auth.records import Share, end_sessions, is_past, lapse, share_of_row, state_of_row
from storage.database import Database

_TOUCH_EVERY: Final = 60
_FIND: Final = """
SELECT share.*, share_session.digest, share_session.begun, share_session.seen
FROM share_session JOIN share ON share.id = share_session.share_id WHERE share_session.digest = ?
"""
_INSERT: Final = "INSERT INTO share_session (digest, share_id, begun, seen) VALUES (?, ?, ?, ?)"
# The newest sessions stay; what else the share has, ends.
_END_OLDEST: Final = """
DELETE FROM share_session WHERE share_id = ? AND digest NOT IN
    (SELECT digest FROM share_session WHERE share_id = ? ORDER BY begun DESC, seen DESC, digest LIMIT ?)
"""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Seconds without a request and seconds altogether after which a session ends, and how many a share may have."""

    idle: int = 20 * 60
    absolute: int = 8 * 3600
    per_share: int = 5


@dataclass(frozen=True, slots=True)
class Session:
    """A live session, with the moments at which it ends without and in spite of further requests."""

    share: Share
    idle_until: datetime
    absolute_until: datetime


class Sessions:
    """Begins, finds and ends sessions. Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, clock: Clock, settings: SessionSettings = SessionSettings()) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings

    def begin(self, share: Share) -> str:
        """A new session's cookie value; the share's oldest sessions end when there are too many.

        Raises `ShareEnded` when the share, or the code it was opened with, has ended in the meantime.
        """
        value = secrets.token_urlsafe(32)
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT * FROM share WHERE id = ?", (share.id,)).fetchone()
            if row is None or row["issue"] != share.issue or state_of_row(row, now) != "live":
                raise ShareEnded("The share has ended.")
            connection.execute("DELETE FROM share_session WHERE begun < ?", (now - self._settings.absolute,))
            connection.execute(_END_OLDEST, (share.id, share.id, self._settings.per_share - 1))
            connection.execute(_INSERT, (_digest(value), share.id, now, now))

        self._database.write(work)
        return value

    def share_of(self, cookie: str) -> Share | None:
        """The live share of a live session, or None. Counts as a request: the idle time begins anew."""
        session = self.session_of(cookie)
        return session.share if session else None

    def session_of(self, cookie: str) -> Session | None:
        """As `share_of`, with the moments at which the session ends.

        The idle time is written at most once a minute, so that it is up to a minute shorter than set.
        """
        rows = self._database.read(_FIND, (_digest(cookie),))
        if not rows:
            return None
        row, now = rows[0], seconds(self._clock())
        if is_past(row, now) and not row["lapsed"]:
            self._database.write(lambda connection: lapse(connection, now))
        if state_of_row(row, now) != "live":
            return None
        if not self._is_live(row, now):
            self.end(cookie)
            return None
        return self._touched(row, now)

    def end(self, cookie: str) -> None:
        """End one session. Idempotent."""
        digest = _digest(cookie)
        self._database.write(
            lambda connection: connection.execute("DELETE FROM share_session WHERE digest = ?", (digest,)).rowcount
        )

    def end_all(self, share_id: str, *, but: str = "") -> int:
        """End every session of a share, except the one with the cookie `but`; returns how many ended."""
        return self._database.write(lambda connection: end_sessions(connection, share_id, _digest(but)))

    def count(self, share_id: str) -> int:
        """How many sessions of a share have not been ended yet."""
        rows = self._database.read("SELECT count(*) FROM share_session WHERE share_id = ?", (share_id,))
        count: int = rows[0][0]
        return count

    def _is_live(self, row: sqlite3.Row, now: int) -> bool:
        # When the clock goes back by more than a touch, the times kept mean nothing any more.
        clock_went_back = row["seen"] > now + _TOUCH_EVERY
        idle = now - row["seen"] >= self._settings.idle
        over = now - row["begun"] >= self._settings.absolute
        return not (clock_went_back or idle or over)

    def _touched(self, row: sqlite3.Row, now: int) -> Session:
        seen = row["seen"]
        if now - seen >= _TOUCH_EVERY:
            seen, digest = now, row["digest"]
            self._database.write(
                lambda connection: (
                    connection.execute(
                        "UPDATE share_session SET seen = ? WHERE digest = ? AND seen < ?", (now, digest, now)
                    ).rowcount
                )
            )
        absolute = row["begun"] + self._settings.absolute
        idle = min(seen + self._settings.idle, absolute)
        return Session(share_of_row(row, now), moment(idle), moment(absolute))


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
