"""What was sent to an AE title for printing: one order for each study, durable before the sender is told success."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlite_utils import Database as Tables
from sqlite_utils.migrations import Migrations

from auth.clock import Clock, seconds
from storage.database import Database
from storage.ingest import Stored

MIGRATIONS: Final = Migrations("gateway.printing")

_NOTED_FOR: Final = 5.0
_MOST_NOTED: Final = 10_000
# What was printed may be wanted again; whether it is depends on its share.
_ARRIVED: Final = """
    INSERT INTO print_order (called, study_instance_uid, last, state, visit, share_id) VALUES (?, ?, ?, 'new', '', '')
    ON CONFLICT (called, study_instance_uid) DO UPDATE SET last = excluded.last,
    state = CASE WHEN print_order.state = 'printed' THEN 'again' ELSE 'new' END"""


@MIGRATIONS(name="001_print_order")
def _print_order(database: Tables) -> None:
    """last: seconds since 1970. visit: a digest of patient and accession number. state: new, again, printed, failed."""
    database.execute(
        """CREATE TABLE print_order (
            called TEXT NOT NULL,
            study_instance_uid TEXT NOT NULL,
            last INTEGER NOT NULL,
            state TEXT NOT NULL,
            visit TEXT NOT NULL,
            share_id TEXT NOT NULL,
            PRIMARY KEY (called, study_instance_uid)
        ) WITHOUT ROWID, STRICT"""
    )
    database.execute("CREATE INDEX print_order_by_visit ON print_order (visit)")


@dataclass(frozen=True, slots=True)
class Order:
    """A study that was sent for printing; `is_again`: after a sheet had been printed for it."""

    called: str
    study_instance_uid: str
    is_again: bool
    share_id: str


class Orders:
    """Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        database.migrate(MIGRATIONS)
        self._database = database
        self._clock = clock
        self._noted: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def arrived(self, called: str, stored: Stored) -> None:
        """An instance was stored by somebody who called us `called`. Writes at most every few seconds for a study."""
        key, now = (called, stored.study_instance_uid), time.monotonic()
        with self._lock:
            if self._noted.get(key, 0.0) > now:
                return
            if len(self._noted) >= _MOST_NOTED:
                self._noted.clear()
        row = (*key, seconds(self._clock()))
        self._database.write(lambda connection: connection.execute(_ARRIVED, row))
        with self._lock:
            self._noted[key] = now + _NOTED_FOR

    def due(self, called: str, quiet_seconds: int) -> Sequence[Order]:
        """The orders for this AE title to which nothing came for so long, oldest first."""
        before = seconds(self._clock()) - max(quiet_seconds, int(_NOTED_FOR) + 1)
        sql = "SELECT * FROM print_order WHERE called = ? AND state IN ('new', 'again') AND last <= ? ORDER BY last"
        return [
            Order(row["called"], row["study_instance_uid"], row["state"] == "again", row["share_id"])
            for row in self._database.read(sql, (called, before))
        ]

    def shares_of(self, called: str, visit: str) -> Sequence[str]:
        """The shares whose sheets were printed for this visit by this AE title."""
        sql = "SELECT DISTINCT share_id FROM print_order WHERE visit = ? AND called = ? AND share_id <> ''"
        return [row["share_id"] for row in self._database.read(sql, (visit, called))]

    def finish(self, order: Order, state: str, visit: str = "", share_id: str = "") -> None:
        """Keep what became of an order: "printed" for a share, or "failed"."""
        sql = "UPDATE print_order SET state = ?, visit = ?, share_id = ? WHERE called = ? AND study_instance_uid = ?"
        row = (state, visit, share_id, order.called, order.study_instance_uid)
        self._database.write(lambda connection: connection.execute(sql, row))
