"""The tables of storage commitment. Moments are seconds since 1970 in UTC."""

from typing import Final

import sqlite_utils
from sqlite_utils.migrations import Migrations

MIGRATIONS: Final = Migrations("commitment")


# content: digest of the references, so that a repeated request is told from another one. sop_references, verdicts:
# JSON compressed by zlib; verdicts are NULL until verified. due_at: when whoever comes first may take it up, NULL once
# it is finished. holder: who has taken it up until then.
@MIGRATIONS(name="001_transactions")
def _transactions(database: sqlite_utils.Database) -> None:
    """What peers asked us to commit to, and what they have to be told."""
    database.execute(
        """CREATE TABLE commitment_transaction (
            id INTEGER PRIMARY KEY,
            transaction_uid TEXT NOT NULL,
            peer TEXT NOT NULL,
            requested_at REAL NOT NULL,
            content TEXT NOT NULL,
            sop_references BLOB NOT NULL,
            verdicts BLOB,
            attempts INTEGER NOT NULL,
            due_at REAL,
            holder TEXT NOT NULL,
            outcome TEXT NOT NULL
        ) STRICT"""
    )
    database.execute("CREATE INDEX commitment_transaction_by_uid ON commitment_transaction (transaction_uid)")
    database.execute(
        "CREATE INDEX commitment_transaction_due ON commitment_transaction (due_at) WHERE due_at IS NOT NULL"
    )


@MIGRATIONS(name="002_requests")
def _requests(database: sqlite_utils.Database) -> None:
    """What we asked peers to commit to; verdicts are NULL until they have told."""
    database.execute(
        """CREATE TABLE commitment_request (
            transaction_uid TEXT PRIMARY KEY,
            peer TEXT NOT NULL,
            requested_at REAL NOT NULL,
            verdicts BLOB
        ) STRICT"""
    )


@MIGRATIONS(name="003_web_requests")
def _web_requests(database: sqlite_utils.Database) -> None:
    """Of requests over the web: studies of the caller's scope (NULL for all), and where instances are said to be."""
    database.execute("ALTER TABLE commitment_transaction ADD COLUMN studies TEXT")
    database.execute("ALTER TABLE commitment_transaction ADD COLUMN places BLOB")
