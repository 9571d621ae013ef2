"""The tables of the intake. Moments are whole seconds since 1970 in UTC; secrets are keyed digests (`auth.digests`)."""

from typing import Final

import sqlite_utils
from sqlite_utils.migrations import Migrations

MIGRATIONS: Final = Migrations("intake")


# form: which questions are asked, patient or referrer. label: what the link is for, as staff call it. expires: NULL for
# a standing link.
@MIGRATIONS(name="001_links")
def _links(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE upload_link (
            id TEXT PRIMARY KEY,
            form TEXT NOT NULL,
            label TEXT NOT NULL,
            language TEXT NOT NULL,
            token TEXT NOT NULL UNIQUE,
            pepper_id TEXT NOT NULL,
            created INTEGER NOT NULL,
            expires INTEGER,
            revoked INTEGER NOT NULL
        ) STRICT"""
    )


# reference: what sender and staff call it. secret: of whoever sends; it also tells the state. answers: what the sender
# said of himself and of the patient, as JSON. state: see `gateway.intake.uploads.State`. corrections: as JSON, set when
# it is accepted. findings: what was found in the files, as JSON. remark: for the sender, with a refusal or a question.
# holder, held_until: which worker is at it, and until when it counts as alive.
@MIGRATIONS(name="002_uploads")
def _uploads(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE upload (
            id TEXT PRIMARY KEY,
            link_id TEXT NOT NULL REFERENCES upload_link (id),
            reference TEXT NOT NULL UNIQUE,
            secret TEXT NOT NULL UNIQUE,
            answers TEXT NOT NULL,
            state TEXT NOT NULL,
            corrections TEXT NOT NULL,
            findings TEXT NOT NULL,
            remark TEXT NOT NULL,
            decided_by TEXT NOT NULL,
            created INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            holder TEXT NOT NULL,
            held_until INTEGER NOT NULL
        ) STRICT"""
    )
    database.execute("CREATE INDEX upload_by_state ON upload (state, changed)")


# name: as the sender's computer calls it. size: bytes that it will have. digest: SHA-256 that the sender stated, ""
# where he did not. whole: all of it is there. How much of the others is there, only their files tell.
@MIGRATIONS(name="003_files")
def _files(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE upload_file (
            id TEXT PRIMARY KEY,
            upload_id TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            size INTEGER NOT NULL,
            digest TEXT NOT NULL,
            whole INTEGER NOT NULL,
            created INTEGER NOT NULL
        ) STRICT"""
    )
    database.execute("CREATE INDEX upload_file_by_upload ON upload_file (upload_id, created)")


# site: whose link it is, and whose business what comes by it; the key of a site, '' for [site].
@MIGRATIONS(name="004_sites")
def _sites(database: sqlite_utils.Database) -> None:
    for table in ("upload_link", "upload"):
        database.execute(f"ALTER TABLE {table} ADD COLUMN site TEXT NOT NULL DEFAULT ''")


# subject: a link, or the keyed digest of a network, by which or from which an upload was begun. at: seconds since 1970.
@MIGRATIONS(name="005_beginnings")
def _beginnings(database: sqlite_utils.Database) -> None:
    database.execute("CREATE TABLE upload_beginning (subject TEXT NOT NULL, at INTEGER NOT NULL) STRICT")
    database.execute("CREATE INDEX upload_beginning_by_subject ON upload_beginning (subject, at)")
    database.execute("CREATE INDEX upload_beginning_by_moment ON upload_beginning (at)")
