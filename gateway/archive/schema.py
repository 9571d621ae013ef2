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


# What staff of a site have asked its archive for. asked_from: the study on whose page that was. study_date, modalities,
# description: as the archive tells of it. state: waiting, done, failed. expected: instances, 0 where the archive does
# not say. received: how many of them are here. moved_at: when the last of them came. due_at: when there is something to
# do; also until when a holder counts as alive. trouble_kind, trouble: why the last attempt failed
# (`dimse.scu.trouble`). Moments are seconds since 1970.
@MIGRATIONS(name="002_retrieval")
def _retrieval(database: Database) -> None:
    database.execute(
        """CREATE TABLE retrieval (
            id INTEGER PRIMARY KEY,
            site TEXT NOT NULL,
            archive TEXT NOT NULL,
            study TEXT NOT NULL,
            asked_from TEXT NOT NULL,
            study_date TEXT NOT NULL,
            modalities TEXT NOT NULL,
            description TEXT NOT NULL,
            state TEXT NOT NULL,
            expected INTEGER NOT NULL,
            received INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            trouble_kind TEXT NOT NULL,
            trouble TEXT NOT NULL,
            requested_at REAL NOT NULL,
            moved_at REAL NOT NULL,
            due_at REAL NOT NULL,
            finished_at REAL,
            holder TEXT NOT NULL,
            UNIQUE (site, study)
        ) STRICT"""
    )
    database.execute("CREATE INDEX retrieval_due ON retrieval (site, due_at) WHERE state = 'waiting'")
