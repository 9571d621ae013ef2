"""The table of downloads. Moments are whole seconds since 1970 in UTC."""

from typing import Final

import sqlite_utils
from sqlite_utils.migrations import Migrations

MIGRATIONS: Final = Migrations("downloads")


# study: "" for all studies of the share. content: digest of the instances that are, or will be, in it. done, total:
# images. size: bytes of the archive, 0 until it is ready. holder, held_until: which worker is at it, and until when it
# counts as alive. fetched_at: when its first byte was asked for.
@MIGRATIONS(name="001_downloads")
def _downloads(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE download (
            id TEXT PRIMARY KEY,
            share_id TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
            study TEXT NOT NULL,
            anonymised INTEGER NOT NULL,
            language TEXT NOT NULL,
            content TEXT NOT NULL,
            state TEXT NOT NULL,
            done INTEGER NOT NULL,
            total INTEGER NOT NULL,
            size INTEGER NOT NULL,
            requested_at INTEGER NOT NULL,
            ready_at INTEGER,
            fetched_at INTEGER,
            holder TEXT NOT NULL,
            held_until INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            UNIQUE (share_id, study, anonymised)
        ) STRICT"""
    )
    database.execute("CREATE INDEX download_by_state ON download (state, held_until)")


# form: "archive", "anonymised" (without names), "pictures" or "sheets".
@MIGRATIONS(name="002_forms")
def _forms(database: sqlite_utils.Database) -> None:
    database.execute("ALTER TABLE download RENAME TO download_before")
    database.execute("DROP INDEX download_by_state")
    database.execute(
        """CREATE TABLE download (
            id TEXT PRIMARY KEY,
            share_id TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
            study TEXT NOT NULL,
            form TEXT NOT NULL,
            language TEXT NOT NULL,
            content TEXT NOT NULL,
            state TEXT NOT NULL,
            done INTEGER NOT NULL,
            total INTEGER NOT NULL,
            size INTEGER NOT NULL,
            requested_at INTEGER NOT NULL,
            ready_at INTEGER,
            fetched_at INTEGER,
            holder TEXT NOT NULL,
            held_until INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            UNIQUE (share_id, study, form)
        ) STRICT"""
    )
    database.execute(
        """INSERT INTO download (id, share_id, study, form, language, content, state, done, total, size, requested_at,
                                 ready_at, fetched_at, holder, held_until, attempts)
        SELECT id, share_id, study, CASE WHEN anonymised <> 0 THEN 'anonymised' ELSE 'archive' END, language, content,
               state, done, total, size, requested_at, ready_at, fetched_at, holder, held_until, attempts
        FROM download_before"""
    )
    database.execute("DROP TABLE download_before")
    database.execute("CREATE INDEX download_by_state ON download (state, held_until)")
