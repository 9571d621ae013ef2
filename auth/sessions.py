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
from auth.records import Share, end_sessions, handle_of, is_past, lapse, share_of_row, state_of_row
from storage.audit import note
from storage.database import Database

_TOUCH_EVERY: Final = 60
_FIND: Final = """
SELECT share_seen.*, share_session.digest, share_session.begun, share_session.seen
FROM share_session JOIN share_seen ON share_seen.id = share_session.share_id WHERE share_session.digest = ?
"""
_END_VIEWERS: Final = "DELETE FROM viewer_pass WHERE share_id = ? AND session = ?"
_INSERT: Final = "INSERT INTO share_session (digest, share_id, begun, seen) VALUES (?, ?, ?, ?)"
_END: Final = "DELETE FROM share_session WHERE digest = ? RETURNING share_id"
# What `Sessions._is_live` says, as a condition: begun and seen lately enough, and not by a clock that has gone back.
_LIVE: Final = "begun > ? AND seen > ? AND seen <= ?"
_PRUNE: Final = f"DELETE FROM share_session WHERE NOT ({_LIVE})"
_OVER: Final = f"""
SELECT 1 FROM share_session WHERE NOT ({_LIVE}) UNION ALL SELECT 1 FROM share WHERE lapsed = 0 AND expires < ? LIMIT 1
"""
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
    handle: str
    """Tells the sessions of a share apart; nobody can get in with it."""

    @property
    def actor(self) -> str:
        """Who does it, for the audit."""
        return f"share {self.share.id} {self.handle}"


class Sessions:
    """Begins, finds and ends sessions. Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, clock: Clock, settings: SessionSettings = SessionSettings()) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings

    def begin(self, share: Share, device: str = "") -> str:
        """A new session's cookie value; the share's oldest sessions end when there are too many.

        `device` is one word for what the visitor holds, for the share's owner to read later. Raises `ShareEnded` when
        the share, or the code it was opened with, has ended in the meantime.
        """
        value = secrets.token_urlsafe(32)
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT * FROM share_seen WHERE id = ?", (share.id,)).fetchone()
            if row is None or row["issue"] != share.issue or state_of_row(row, now) != "live":
                raise ShareEnded("The share has ended.")
            connection.execute(_END_OLDEST, (share.id, share.id, self._settings.per_share - 1))
            digest = _digest(value)
            connection.execute(_INSERT, (digest, share.id, now, now))
            connection.execute("UPDATE share SET opened = ? WHERE id = ? AND opened IS NULL", (now, share.id))
            detail = f"session={handle_of(digest)}" + (f" device={device}" if device else "")
            note(connection, "session begun", share.id, detail)

        self._database.write(work)
        return value

    def session_of(self, cookie: str) -> Session | None:
        """The live session of a live share, or None. Counts as a request: the idle time begins anew.

        That is written at most once a minute, so that the idle time is up to a minute shorter than set.
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
            # It must not come back with a clock that goes back.
            self._database.write(lambda connection: connection.execute(_END, (row["digest"],)).fetchall())
            return None
        return self._touched(row, now)

    def end(self, cookie: str) -> None:
        """End one session, and the viewers that it has opened. Idempotent."""
        digest = _digest(cookie)

        def work(connection: sqlite3.Connection) -> None:
            for (share_id,) in connection.execute(_END, (digest,)).fetchall():
                connection.execute(_END_VIEWERS, (share_id, handle_of(digest)))
                note(connection, "session ended", share_id)

        self._database.write(work)

    def end_others(self, share_id: str, cookie: str) -> int:
        """End every session of a share except the one with this cookie; returns how many ended."""

        def work(connection: sqlite3.Connection) -> int:
            ended = end_sessions(connection, share_id, _digest(cookie))
            if ended:
                note(connection, "other sessions ended", share_id, f"sessions={ended}")
            return ended

        return self._database.write(work)

    def count(self, share_id: str | None = None) -> int:
        """How many live sessions a share has, or without one all shares together."""
        sql, parameters = f"SELECT count(*) FROM share_session WHERE {_LIVE}", self._live_bounds()
        if share_id is None:
            rows = self._database.read(sql, parameters)
        else:
            rows = self._database.read(f"{sql} AND share_id = ?", (*parameters, share_id))
        count: int = rows[0][0]
        return count

    def prune(self) -> int:
        """Remove the sessions that are over, and those of shares that are past their end; returns how many went.

        Writes only when something is over, so that it may be called often.
        """
        bounds, now = self._live_bounds(), seconds(self._clock())
        if not self._database.read(_OVER, (*bounds, now)):
            return 0

        def work(connection: sqlite3.Connection) -> int:
            with_their_share = lapse(connection, now)
            return with_their_share + connection.execute(_PRUNE, bounds).rowcount

        return self._database.write(work)

    def _live_bounds(self) -> tuple[int, int, int]:
        """The parameters of `_LIVE`."""
        now = seconds(self._clock())
        return now - self._settings.absolute, now - self._settings.idle, now + _TOUCH_EVERY

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
        return Session(share_of_row(row, now), moment(idle), moment(absolute), handle_of(row["digest"]))


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
