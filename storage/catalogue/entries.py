"""Writes an instance into the index: all of it or nothing, inside the caller's transaction."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from storage.attributes import Level, Matching
from storage.audit import note
from storage.catalogue import person_names
from storage.catalogue.description import IDENTITY, LevelValues, level_values
from storage.errors import DuplicateInstance
from storage.records import InstanceRecord
from storage.schema import column_names, columns


@dataclass(frozen=True, slots=True)
class Entry:
    """Everything that the index keeps of one instance."""

    record: InstanceRecord
    study: LevelValues
    series: LevelValues
    instance: LevelValues
    metadata: bytes
    """DICOM JSON of the data set, compressed by zlib."""
    layout: bytes
    source: str

    @property
    def sender(self) -> str:
        """The AE title of a source "AE title@address"; any other source as it is."""
        return self.source.partition("@")[0]


def enter(connection: sqlite3.Connection, entry: Entry) -> str:
    """Index `entry` and return its blob key; when the same data set is already kept under its UID, only that key.

    An instance whose patient contradicts the one of its study is held. Raises `DuplicateInstance` when other bytes
    are kept under its UID.
    """
    record = entry.record
    names = (record.study_instance_uid, record.series_instance_uid, record.sop_instance_uid)
    place = connection.execute(_PLACE, names).fetchone()
    if place["blob_key"] is not None:
        return _known(place, record)
    held = place["study_id"] is not None and _contradicts(entry.study, place)
    study_id = _study(connection, place, entry, held)
    series_id = _series(connection, place, study_id, entry.series, held)
    _insert_instance(connection, series_id, entry, held)
    return record.blob_key


def relocate(connection: sqlite3.Connection, entry: Entry) -> str | None:
    """Let the index entry of this data set refer to the blob of `entry`; return the key of the blob before it."""
    record = entry.record
    kept = connection.execute(_BLOB, (record.sop_instance_uid, record.digest)).fetchone()
    if kept is None:
        return None
    place = (record.blob_key, record.size, record.data_set_offset, kept["id"])
    connection.execute("UPDATE instance SET blob_key = ?, size = ?, data_set_offset = ? WHERE id = ?", place)
    connection.execute("UPDATE instance_detail SET layout = ? WHERE instance_id = ?", (entry.layout, kept["id"]))
    return str(kept["blob_key"])


def _known(kept: sqlite3.Row, record: InstanceRecord) -> str:
    if (kept["digest"], kept["transfer_syntax_uid"]) != (record.digest, record.transfer_syntax_uid):
        raise DuplicateInstance("Another data set is already kept under this SOP Instance UID.")
    return str(kept["blob_key"])


def _study(connection: sqlite3.Connection, place: sqlite3.Row, entry: Entry, held: bool) -> int:
    values = entry.study
    if place["study_id"] is None:
        study_id = _insert(connection, _INSERT_STUDY, (entry.sender,), values)
        _keep_names(connection, study_id, values)
        return study_id
    study_id = int(place["study_id"])
    if not held:
        _complete(connection, Level.STUDY, study_id, place["study_attributes"], values)
    return study_id


def _series(connection: sqlite3.Connection, place: sqlite3.Row, study_id: int, values: LevelValues, held: bool) -> int:
    if place["series_id"] is None:
        return _insert(connection, _INSERT_SERIES, (study_id,), values)
    series_id = int(place["series_id"])
    if not held:
        # What only held instances told of the series may be another patient's: it does not count.
        known = place["series_attributes"] if place["visible_instances"] else "{}"
        _complete(connection, Level.SERIES, series_id, known, values)
    return series_id


def _contradicts(study: LevelValues, kept: sqlite3.Row) -> bool:
    """Whether the patient is another one: PatientID must be equal; issuer and birth date may be missing in one."""
    if study.json == kept["study_attributes"]:
        return False
    patient_id, issuer, birth_date = ((kept[name], study.columns[column]) for name, column in _IDENTITY)
    return patient_id[0] != patient_id[1] or any(a and b and a != b for a, b in (issuer, birth_date))


def _complete(connection: sqlite3.Connection, level: Level, row_id: int, known: str, new: LevelValues) -> None:
    """Add the attributes that are not yet known of a study or series; the first value of each stays."""
    if new.json == known:
        return
    before: dict[str, Any] = orjson.loads(known)
    if new.attributes.keys() <= before.keys():
        return
    merged = level_values(level, {**new.attributes, **before})
    connection.execute(_UPDATE[level], (*merged.columns, merged.json, row_id))
    if level is Level.STUDY:
        person_names.forget(connection, row_id)
        _keep_names(connection, row_id, merged)


def _keep_names(connection: sqlite3.Connection, study_id: int, values: LevelValues) -> None:
    for tag, column in _NAMES:
        if name := values.columns[column]:
            person_names.keep(connection, study_id, tag, str(name))


def _insert(connection: sqlite3.Connection, sql: str, leading: tuple[int | str, ...], values: LevelValues) -> int:
    row = connection.execute(sql, (*leading, *values.columns, values.json)).fetchone()
    return int(row["id"])


def _insert_instance(connection: sqlite3.Connection, series_id: int, entry: Entry, held: bool) -> None:
    record = entry.record
    now = datetime.now(UTC).isoformat(timespec="seconds")
    kept = (record.number_of_frames, record.blob_key, record.size, record.data_set_offset, record.digest)
    values = (series_id, *entry.instance.columns, *kept, int(held), entry.source, now)
    (instance_id,) = connection.execute(_INSERT_INSTANCE, values).fetchone()
    connection.execute(_INSERT_DETAIL, (instance_id, entry.metadata, entry.layout))
    connection.execute(_COUNT, (int(not held), int(held), series_id))
    if held:
        note(connection, "instance held", record.sop_instance_uid, "its patient is not the one of its study")


def _insertion(table: str, *names: str) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) RETURNING id"


def _replacement(table: str, *names: str) -> str:
    return f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?"


_NAMES: Final = tuple(
    (one.tag, column_names(Level.STUDY).index(one.column))
    for one in columns(Level.STUDY)
    if one.matching is Matching.NAME
)
_IDENTITY: Final = tuple((name, column_names(Level.STUDY).index(name)) for name in IDENTITY)
# One row whatever is there, because one question costs less than two.
_PLACE: Final = """
    SELECT study.id AS study_id, study.patient_id, study.issuer_of_patient_id, study.patient_birth_date,
           study.attributes AS study_attributes, series.id AS series_id, series.attributes AS series_attributes,
           series.visible_instances, kept.blob_key, kept.digest, kept.transfer_syntax_uid
    FROM (SELECT 1 AS one) AS given
    LEFT JOIN study ON study.study_instance_uid = ?
    LEFT JOIN series ON series.study_id = study.id AND series.series_instance_uid = ?
    LEFT JOIN instance AS kept ON kept.sop_instance_uid = ?"""
_INSERT_STUDY: Final = _insertion("study", "origin", *column_names(Level.STUDY), "attributes")
_INSERT_SERIES: Final = _insertion("series", "study_id", *column_names(Level.SERIES), "attributes")
_INSERT_INSTANCE: Final = _insertion(
    "instance",
    "series_id",
    *column_names(Level.INSTANCE),
    *("frame_count", "blob_key", "size", "data_set_offset", "digest", "held", "source", "received_at"),
)
_BLOB: Final = "SELECT id, blob_key FROM instance WHERE sop_instance_uid = ? AND digest = ?"
_INSERT_DETAIL: Final = "INSERT INTO instance_detail (instance_id, metadata, layout) VALUES (?, ?, ?)"
_COUNT: Final = """
    UPDATE series SET visible_instances = visible_instances + ?, held_instances = held_instances + ?,
    changes = changes + 1 WHERE id = ?"""
_UPDATE: Final = {
    Level.STUDY: _replacement("study", *column_names(Level.STUDY), "attributes"),
    Level.SERIES: _replacement("series", *column_names(Level.SERIES), "attributes"),
}
