"""What the archive is to be asked for, as a table."""

from typing import Final

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

MIGRATIONS: Final = Migrations("gateway.archive")


# One row for each share whose studies are wanted again. due: seconds since 1970. told: why it did not work, for people.
@MIGRATIONS(name="001_archive_request")
def _archive_request(database: Database) -> None:
    database.execute(
        """CREATE TABLE archive_request (
            share_id TEXT PRIMARY KEY REFERENCES share (id) ON DELETE CASCADE,
            asked INTEGER NOT NULL,
            due INTEGER NOT NULL,
            tries INTEGER NOT NULL,
            told TEXT NOT NULL
        ) STRICT"""
    )
