"""The tables of the index, as migrations; the columns of each level come from the table of attributes."""

from typing import Final

import sqlite_utils
from sqlite_utils.migrations import Migrations

from storage.attributes import ATTRIBUTES, Attribute, Level, Matching
from storage.audit import seal
from storage.catalogue import person_names

MIGRATIONS: Final = Migrations("storage")


def columns(level: Level) -> tuple[Attribute, ...]:
    """The attributes that have a column in the table of `level`."""
    return tuple(attribute for attribute in ATTRIBUTES if attribute.level is level and attribute.column)


def column_names(level: Level) -> tuple[str, ...]:
    """Those columns in order, each person name followed by its folded companion."""
    names = []
    for attribute in columns(level):
        names.append(attribute.column)
        if attribute.matching is Matching.NAME:
            names.append(f"{attribute.column}_folded")
    return tuple(names)


def _definitions(level: Level) -> str:
    numbers = {attribute.column for attribute in columns(level) if attribute.matching is Matching.NUMBER}
    return ", ".join(
        f"{name} INTEGER" if name in numbers else f"{name} TEXT NOT NULL DEFAULT ''" for name in column_names(level)
    )


@MIGRATIONS(name="001_levels")
def _levels(database: sqlite_utils.Database) -> None:
    """Study, series and instance: `attributes` is DICOM JSON; held instances are those of a disagreeing patient.

    The id of an instance is never given again: a retrieval that holds ids for hours must not meet another patient's
    image under one that was deleted meanwhile.
    """
    database.execute(
        f"""CREATE TABLE study (
            id INTEGER PRIMARY KEY,
            {_definitions(Level.STUDY)},
            attributes TEXT NOT NULL,
            UNIQUE (study_instance_uid)
        ) STRICT"""
    )
    database.execute(
        f"""CREATE TABLE series (
            id INTEGER PRIMARY KEY,
            study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            {_definitions(Level.SERIES)},
            attributes TEXT NOT NULL,
            visible_instances INTEGER NOT NULL DEFAULT 0,
            held_instances INTEGER NOT NULL DEFAULT 0,
            changes INTEGER NOT NULL DEFAULT 0,
            UNIQUE (study_id, series_instance_uid)
        ) STRICT"""
    )
    database.execute(
        f"""CREATE TABLE instance (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            {_definitions(Level.INSTANCE)},
            frame_count INTEGER NOT NULL,
            blob_key TEXT NOT NULL,
            size INTEGER NOT NULL,
            data_set_offset INTEGER NOT NULL,
            digest TEXT NOT NULL,
            held INTEGER NOT NULL DEFAULT 0,
            source TEXT NOT NULL,
            received_at TEXT NOT NULL,
            UNIQUE (sop_instance_uid)
        ) STRICT"""
    )
    database.execute(
        """CREATE TABLE instance_detail (
            instance_id INTEGER PRIMARY KEY REFERENCES instance (id) ON DELETE CASCADE,
            metadata BLOB NOT NULL,
            layout BLOB NOT NULL
        ) STRICT"""
    )


@MIGRATIONS(name="002_orders_and_keys")
def _orders_and_keys(database: sqlite_utils.Database) -> None:
    for name, table, key in (
        ("study_by_date", "study", "study_date, study_time, study_instance_uid"),
        ("study_by_patient", "study", "patient_id"),
        ("study_by_name", "study", "patient_name_folded"),
        ("study_by_accession", "study", "accession_number"),
        ("series_by_uid", "series", "series_instance_uid"),
        ("instance_by_series", "instance", "series_id"),
    ):
        database.execute(f"CREATE INDEX {name} ON {table} ({key})")


@MIGRATIONS(name="003_series_metadata")
def _series_metadata(database: sqlite_utils.Database) -> None:
    """Ready answers: one for those who see held instances and one for the others, good for one change count."""
    database.execute(
        """CREATE TABLE series_metadata (
            series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            shows_held INTEGER NOT NULL,
            changes INTEGER NOT NULL,
            bulk_data_root TEXT NOT NULL,
            gzipped BLOB NOT NULL,
            etag TEXT NOT NULL,
            PRIMARY KEY (series_id, shows_held)
        ) STRICT"""
    )


@MIGRATIONS(name="004_audit")
def _audit(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE audit (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            event TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail TEXT NOT NULL
        ) STRICT"""
    )
    database.execute("CREATE INDEX audit_by_subject ON audit (subject)")


@MIGRATIONS(name="005_study_names")
def _study_names(database: sqlite_utils.Database) -> None:
    """Person names of studies by component group and by word, and those that are there already.

    Elsewhere than in SQLite these indexes must order by code points, so that LIKE with a literal beginning is a range.
    """
    database.execute(
        """CREATE TABLE study_name_word (
            study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            tag TEXT NOT NULL,
            word TEXT NOT NULL,
            backwards TEXT NOT NULL,
            PRIMARY KEY (study_id, tag, word)
        ) WITHOUT ROWID, STRICT"""
    )
    database.execute(
        """CREATE TABLE study_name_group (
            study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            tag TEXT NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (study_id, tag, name)
        ) WITHOUT ROWID, STRICT"""
    )
    for name, table, key in (
        ("study_name_by_word", "study_name_word", "tag, word"),
        ("study_name_by_word_backwards", "study_name_word", "tag, backwards"),
        ("study_name_by_group", "study_name_group", "tag, name"),
        ("study_by_referrer", "study", "referring_physician_name_folded"),
    ):
        database.execute(f"CREATE INDEX {name} ON {table} ({key})")
    for attribute in columns(Level.STUDY):
        if attribute.matching is Matching.NAME:
            for study, value in database.execute(f"SELECT id, {attribute.column} FROM study").fetchall():
                person_names.keep(database.conn, study, attribute.tag, value)


@MIGRATIONS(name="006_tombstones")
def _tombstones(database: sqlite_utils.Database) -> None:
    """What was deleted, so that it can be said; UIDs are empty below the level that is meant."""
    database.execute(
        """CREATE TABLE tombstone (
            id INTEGER PRIMARY KEY,
            study_instance_uid TEXT NOT NULL,
            series_instance_uid TEXT NOT NULL,
            sop_instance_uid TEXT NOT NULL,
            identity TEXT NOT NULL,
            held INTEGER NOT NULL,
            deleted_at TEXT NOT NULL,
            UNIQUE (study_instance_uid, series_instance_uid, sop_instance_uid)
        ) STRICT"""
    )


@MIGRATIONS(name="007_audit_chain")
def _audit_chain(database: sqlite_utils.Database) -> None:
    """Who did it, a digest over the row before, no way to change or remove a row; those that are there are sealed.

    AUTOINCREMENT remembers the highest number, so that rows that are missing at the end are missed.
    """
    database.execute("ALTER TABLE audit RENAME TO audit_before")
    database.execute(
        """CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            actor TEXT NOT NULL,
            event TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail TEXT NOT NULL,
            digest TEXT NOT NULL
        ) STRICT"""
    )
    digest = ""
    rows = database.execute("SELECT at, '', event, subject, detail FROM audit_before ORDER BY id").fetchall()
    for number, row in enumerate(rows, start=1):
        digest = seal(digest, number, *row)
        database.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", [number, *row, digest])
    database.execute("DROP TABLE audit_before")
    database.execute("CREATE INDEX audit_by_subject ON audit (subject)")
    for change in ("UPDATE", "DELETE"):
        database.execute(
            f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit"
            " BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END"
        )
    database.execute(
        """CREATE TABLE audit_once (
            event TEXT NOT NULL,
            actor TEXT NOT NULL,
            subject TEXT NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (event, actor, subject)
        ) WITHOUT ROWID, STRICT"""
    )


@MIGRATIONS(name="008_bookmarks_and_leases")
def _bookmarks_and_leases(database: sqlite_utils.Database) -> None:
    """How far a job has come, and which process does it at present, until when (seconds since 1970)."""
    database.execute("CREATE TABLE bookmark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT")
    database.execute(
        "CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID, STRICT"
    )


@MIGRATIONS(name="009_departures_and_holds")
def _departures_and_holds(database: sqlite_utils.Database) -> None:
    """Studies that are to be deleted, since when (seconds since 1970), and what must not be: by study or by patient."""
    database.execute(
        "CREATE TABLE departure (study_instance_uid TEXT PRIMARY KEY, marked INTEGER NOT NULL) WITHOUT ROWID, STRICT"
    )
    database.execute(
        """CREATE TABLE legal_hold (
            id INTEGER PRIMARY KEY,
            study_instance_uid TEXT NOT NULL,
            patient_id TEXT NOT NULL,
            reason TEXT NOT NULL,
            since INTEGER NOT NULL
        ) STRICT"""
    )


@MIGRATIONS(name="010_origins")
def _origins(database: sqlite_utils.Database) -> None:
    """Who sent the first instance of a study, and which site each sender belongs to; the others have the site ''."""
    database.execute("ALTER TABLE study ADD COLUMN origin TEXT NOT NULL DEFAULT ''")
    database.execute(
        """UPDATE study SET origin = COALESCE((SELECT instance.source FROM instance
            JOIN series ON series.id = instance.series_id WHERE series.study_id = study.id
            ORDER BY instance.id LIMIT 1), '')"""
    )
    database.execute("CREATE TABLE site_origin (origin TEXT PRIMARY KEY, site TEXT NOT NULL) WITHOUT ROWID, STRICT")


@MIGRATIONS(name="011_senders")
def _senders(database: sqlite_utils.Database) -> None:
    """Sites name AE titles, while over the network an origin had the address too: "AE title@address"."""
    for (origin,) in database.execute("SELECT DISTINCT origin FROM study WHERE origin LIKE '%@%'").fetchall():
        database.execute("UPDATE study SET origin = ? WHERE origin = ?", (origin.partition("@")[0], origin))


@MIGRATIONS(name="012_origins_of_the_deleted")
def _origins_of_the_deleted(database: sqlite_utils.Database) -> None:
    """Who had sent what was deleted; NULL where that was not kept."""
    database.execute("ALTER TABLE tombstone ADD COLUMN origin TEXT")
