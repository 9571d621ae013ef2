"""The tables of forwarding. Moments are seconds since 1970 in UTC; places are those of arrivals (`storage.records`)."""

from typing import Final

import sqlite_utils
from sqlite_utils.migrations import Migrations

MIGRATIONS: Final = Migrations("forwarding")


# mark: arrivals up to there are dealt with. looked_at: of studies that began behind the mark, the place up to which
# their arrivals are dealt with.
@MIGRATIONS(name="001_places")
def _places(database: sqlite_utils.Database) -> None:
    database.execute(
        "CREATE TABLE forwarding_mark (id INTEGER PRIMARY KEY CHECK (id = 1), place INTEGER NOT NULL) STRICT"
    )
    # What came before is not sent.
    database.execute("INSERT INTO forwarding_mark (id, place) SELECT 1, coalesce(max(id), 0) FROM instance")
    database.execute("CREATE TABLE forwarding_study (study TEXT PRIMARY KEY, place INTEGER NOT NULL) STRICT")


# rule: its name, "" for what somebody asked for by hand. selection: which of the instances between the places, as
# JSON. instances, sent, warned, refused: how many; the places of those that were sent are in delivery_taken until all
# are. state: waiting, delivered, failed. transaction_uid: of the request for storage commitment, "" before. due_at:
# when there is something to do; also until when a holder counts as alive. trouble: why the last attempt failed;
# trouble_kind: which kind of failure that was (`dimse.scu.trouble`), both "" where none failed.
@MIGRATIONS(name="002_deliveries")
def _deliveries(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE delivery (
            id INTEGER PRIMARY KEY,
            rule TEXT NOT NULL,
            target TEXT NOT NULL,
            study TEXT NOT NULL,
            after_place INTEGER NOT NULL,
            upto_place INTEGER NOT NULL,
            selection TEXT NOT NULL,
            state TEXT NOT NULL,
            instances INTEGER NOT NULL,
            sent INTEGER NOT NULL,
            warned INTEGER NOT NULL,
            refused INTEGER NOT NULL,
            transaction_uid TEXT NOT NULL,
            committed INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            trouble TEXT NOT NULL,
            requested_at REAL NOT NULL,
            begun_at REAL NOT NULL,
            due_at REAL NOT NULL,
            finished_at REAL,
            holder TEXT NOT NULL,
            UNIQUE (target, study, after_place, upto_place, selection)
        ) STRICT"""
    )
    database.execute("CREATE INDEX delivery_due ON delivery (target, due_at) WHERE state = 'waiting'")
    database.execute("CREATE INDEX delivery_by_study ON delivery (study)")
    database.execute(
        """CREATE TABLE delivery_taken (
            delivery_id INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
            place INTEGER NOT NULL,
            warned INTEGER NOT NULL,
            PRIMARY KEY (delivery_id, place)
        ) WITHOUT ROWID, STRICT"""
    )


@MIGRATIONS(name="003_failed")
def _failed(database: sqlite_utils.Database) -> None:
    """What failed is counted for each page of the desk."""
    database.execute("CREATE INDEX delivery_failed ON delivery (target) WHERE state = 'failed'")


@MIGRATIONS(name="004_trouble_kind")
def _trouble_kind(database: sqlite_utils.Database) -> None:
    database.execute("ALTER TABLE delivery ADD COLUMN trouble_kind TEXT NOT NULL DEFAULT ''")
    database.execute("UPDATE delivery SET trouble_kind = 'other' WHERE trouble <> ''")


@MIGRATIONS(name="005_failed_pages")
def _failed_pages(database: sqlite_utils.Database) -> None:
    """The pages of what failed for a target, newest first, and how many there are."""
    database.execute("DROP INDEX delivery_failed")
    database.execute("CREATE INDEX delivery_failed ON delivery (target, id) WHERE state = 'failed'")


# name_key: the name without regard to case, by which it is found. targets: names of targets, as JSON. selection: which
# instances, as JSON. version: how often it was changed. Numbers are never used again: the audit names rules by them.
@MIGRATIONS(name="006_rules")
def _rules(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE forwarding_rule (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            name_key TEXT NOT NULL UNIQUE,
            targets TEXT NOT NULL,
            selection TEXT NOT NULL,
            is_on INTEGER NOT NULL,
            version INTEGER NOT NULL
        ) STRICT"""
    )
    database.execute("CREATE INDEX delivery_by_rule ON delivery (rule, state, finished_at)")
