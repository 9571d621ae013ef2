"""What happened to the store that somebody may have to account for."""

import sqlite3
from datetime import UTC, datetime

from storage.database import Database

_INSERT = "INSERT INTO audit (at, event, subject, detail) VALUES (?, ?, ?, ?)"


class Audit:
    """A table that only grows. Subjects are UIDs and ids of ours; names and birth dates never appear."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, event: str, subject: str, detail: str = "") -> None:
        """Note durably, before returning, that `event` happened to `subject`."""
        self._database.write(lambda connection: note(connection, event, subject, detail))


def note(connection: sqlite3.Connection, event: str, subject: str, detail: str = "") -> None:
    """The same inside a transaction, so that an event and its record stand or fall together."""
    connection.execute(_INSERT, (datetime.now(UTC).isoformat(timespec="seconds"), event, subject, detail))
