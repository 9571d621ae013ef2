"""Passes for viewers outside of the portal: a ticket of seconds, exchanged once for a bearer token of minutes.

Only the ticket ever stands in an address, where logs and histories may keep it; by then it opens nothing any more. The
token reads what its share shows and nothing else. The share is judged anew on every request, as for a session, and
whoever signs out or ends other sessions ends their tokens too.
"""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from auth.clock import Clock, moment, seconds
from auth.errors import NoSuchTicket, ShareEnded
from auth.records import Share, share_of_row, state_of_row
from auth.sessions import Session
from auth.tokens import Access
from storage.audit import acting, note
from storage.database import Database

Viewer = Literal["ohif", "weasis"]
PREFIX: Final = "dbv_"
TICKET_SECONDS: Final = 120
"""From the click to the first request of a viewer that may have to start first."""
MOST: Final = 10
"""How many passes a share has at a time; the oldest go."""

_INSERT: Final = """
INSERT INTO viewer_pass (ticket, share_id, session, viewer, study, until) VALUES (?, ?, ?, ?, ?, ?)
"""
_SELECT: Final = """
SELECT share_seen.*, viewer_pass.ticket, viewer_pass.token AS pass_token,
    viewer_pass.session, viewer_pass.viewer, viewer_pass.study, viewer_pass.until
FROM viewer_pass JOIN share_seen ON share_seen.id = viewer_pass.share_id
"""
_END_OLDEST: Final = """
DELETE FROM viewer_pass WHERE share_id = ? AND ticket NOT IN
    (SELECT ticket FROM viewer_pass WHERE share_id = ? ORDER BY until DESC, ticket LIMIT ?)
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """A ticket that was exchanged: the token, shown this once, and what it was made for."""

    token: str = field(repr=False)
    until: datetime
    share: Share
    study: str


class ViewerPasses:
    """Makes, exchanges and recognises passes. Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, clock: Clock, token_seconds: int) -> None:
        self._database = database
        self._clock = clock
        self._token_seconds = token_seconds

    def ticket(self, session: Session, viewer: Viewer, study: str) -> str:
        """A new ticket for `viewer` to open `study` of the session's share. Raises `ShareEnded`."""
        value, now = secrets.token_urlsafe(32), seconds(self._clock())
        share = session.share
        row = (_digest(value), share.id, session.handle, viewer, study, now + TICKET_SECONDS)

        def work(connection: sqlite3.Connection) -> None:
            kept = connection.execute("SELECT * FROM share_seen WHERE id = ?", (share.id,)).fetchone()
            if kept is None or kept["issue"] != share.issue or state_of_row(kept, now) != "live":
                raise ShareEnded("The share has ended.")
            connection.execute("DELETE FROM viewer_pass WHERE until < ?", (now,))
            connection.execute(_END_OLDEST, (share.id, share.id, MOST - 1))
            connection.execute(_INSERT, row)

        self._database.write(work)
        return value

    def exchange(self, ticket: str, viewer: Viewer) -> Opened:
        """The token for a ticket of this viewer, once.

        Raises `NoSuchTicket`, without a hint at what was wrong. A ticket that comes again has been in two hands: then
        the token that it was exchanged for ends as well (RFC 6749 4.1.2).
        """
        token = PREFIX + secrets.token_urlsafe(32)
        now = seconds(self._clock())
        until = now + self._token_seconds

        def work(connection: sqlite3.Connection) -> sqlite3.Row | None:
            row: sqlite3.Row | None = connection.execute(
                f"{_SELECT} WHERE viewer_pass.ticket = ? AND viewer_pass.viewer = ?", (_digest(ticket), viewer)
            ).fetchone()
            if row is None or not self._is_live(row, now):
                return None
            with acting(_actor(row)):
                if row["pass_token"] is not None:
                    connection.execute("DELETE FROM viewer_pass WHERE ticket = ?", (row["ticket"],))
                    note(connection, "viewer ticket repeated", row["id"], f"viewer={viewer}")
                    return None
                sql = "UPDATE viewer_pass SET token = ?, until = ? WHERE ticket = ?"
                connection.execute(sql, (_digest(token), until, row["ticket"]))
                note(connection, "viewer opened", row["id"], f"viewer={viewer} study={row['study']}")
            return row

        row = self._database.write(work)
        if row is None:
            raise NoSuchTicket("This ticket opens nothing; open the study from its share again.")
        return Opened(token, moment(until), share_of_row(row, now), row["study"])

    def access_of(self, bearer: str) -> Access | None:
        """What this token allows now, or None; read from the database on every call."""
        rows = self._database.read(f"{_SELECT} WHERE viewer_pass.token = ?", (_digest(bearer),))
        now = seconds(self._clock())
        if not rows or not self._is_live(rows[0], now):
            return None
        row = rows[0]
        return Access(share_of_row(row, now).scope, frozenset({"read"}), row["viewer"], actor=_actor(row))

    def _is_live(self, row: sqlite3.Row, now: int) -> bool:
        # A clock that has gone back makes nothing last longer.
        in_time = 0 <= row["until"] - now <= max(self._token_seconds, TICKET_SECONDS)
        # Whoever ends the sessions of a share, as a new code does, deletes its passes.
        return in_time and state_of_row(row, now) == "live"


def _actor(row: sqlite3.Row) -> str:
    """Who does it, for the audit: the session that opened the viewer."""
    return f"share {row['id']} {row['session']}"


def _digest(secret: str) -> str:
    """256 random bits need no salt and no slow hash (OWASP ASVS 5.0 6.5.2)."""
    return hashlib.sha256(secret.encode()).hexdigest()
