"""What patients ask the desk for: to extend their share, or for a new code."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from auth.clock import Clock, moment, seconds
from auth.errors import NoSuchRequest
from auth.records import row_of
from storage.audit import note
from storage.database import Database

Kind = Literal["extend", "code lost"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

# Asked again while it is open, a request stays as it is.
_ASK: Final = """
INSERT INTO share_request (share_id, kind, at) VALUES (?, ?, ?)
ON CONFLICT (share_id, kind) WHERE done IS NULL DO NOTHING
"""
_OPEN: Final = """
SELECT share_request.* FROM share_request JOIN share ON share.id = share_request.share_id
WHERE share_request.done IS NULL AND share.revoked = 0 AND (? IS NULL OR share.site = ?) ORDER BY share_request.id
"""


@dataclass(frozen=True, slots=True)
class Request:
    """An open request."""

    id: int
    share_id: str
    kind: Kind
    at: datetime


class Requests:
    """Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def ask(self, share_id: str, kind: Kind) -> None:
        """Note a request; nothing happens when the same is open already. Raises `NoSuchShare`, `ValueError`."""
        if kind not in KINDS:
            raise ValueError(f"A request is one of {', '.join(KINDS)}.")
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            row_of(connection, share_id)
            if connection.execute(_ASK, (share_id, kind, now)).rowcount:
                note(connection, "request made", share_id, f"kind={kind}")

        self._database.write(work)

    def open(self, site: str | None) -> Sequence[Request]:
        """The open requests for shares of this site, oldest first; with None those of all sites."""
        rows = self._database.read(_OPEN, (site, site))
        return [Request(row["id"], row["share_id"], row["kind"], moment(row["at"])) for row in rows]

    def of(self, share_id: str) -> frozenset[Kind]:
        """What is asked for a share at present."""
        sql = "SELECT kind FROM share_request WHERE share_id = ? AND done IS NULL"
        return frozenset(row["kind"] for row in self._database.read(sql, (share_id,)))

    def settle(self, id: int, by: str) -> None:
        """Close a request; `by` is who did it. Idempotent; `NoSuchRequest` where there never was one."""
        now = seconds(self._clock())

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT share_id, kind, done FROM share_request WHERE id = ?", (id,)).fetchone()
            if row is None:
                raise NoSuchRequest("No request has this id.")
            if row["done"] is None:
                connection.execute("UPDATE share_request SET done = ?, by = ? WHERE id = ?", (now, by, id))
                note(connection, "request settled", row["share_id"], f"kind={row['kind']} by={by}")

        self._database.write(work)

    def settle_kind(self, share_id: str, kind: Kind, by: str) -> None:
        """Close the open request of this kind for a share, where there is one: what it asks for was done."""
        sql = "SELECT id FROM share_request WHERE share_id = ? AND kind = ? AND done IS NULL"
        for row in self._database.read(sql, (share_id, kind)):
            self.settle(row["id"], by)
