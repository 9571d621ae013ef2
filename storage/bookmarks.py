"""How far the worker's jobs have come, and which process does which of them: for all processes to read."""

import secrets
import sqlite3
from typing import Final

from storage.database import Database

_KEEP: Final = """
    INSERT INTO bookmark (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"""
_TAKE: Final = """
    INSERT INTO lease (name, holder, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, until = excluded.until WHERE lease.holder = excluded.holder OR lease.until < ?"""


class Bookmarks:
    """Whole numbers by name, durable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> int | None:
        """What was last kept under this name."""
        rows = self._database.read("SELECT value FROM bookmark WHERE name = ?", (name,))
        return int(rows[0]["value"]) if rows else None

    def keep(self, name: str, value: int) -> None:
        """Keep `value` under this name instead of what was there."""
        self._database.write(lambda connection: keep(connection, name, value))


def keep(connection: sqlite3.Connection, name: str, value: int) -> None:
    """The same inside a transaction, so that work and bookmark stand or fall together."""
    connection.execute(_KEEP, (name, value))


class Lease:
    """Lets one of several processes do a job. Whoever has it keeps it as long as it asks again in time."""

    def __init__(self, database: Database, name: str, seconds: int) -> None:
        """`seconds` after its last `take` a holder that has died is no longer waited for."""
        self._database = database
        self._name = name
        self._seconds = seconds
        self._holder = secrets.token_hex(8)

    def take(self, now: int) -> bool:
        """Take or prolong it at `now`, in seconds since 1970; False while another process has it."""
        row = (self._name, self._holder, now + self._seconds, now)
        return self._database.write(lambda connection: connection.execute(_TAKE, row).rowcount > 0)
