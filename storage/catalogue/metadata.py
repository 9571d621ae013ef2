"""Metadata of instances, series and studies as gzipped JSON; that of a series is kept ready until it changes."""

import gzip
import hashlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

import orjson

from storage.attributes import Level
from storage.catalogue.condition import Condition
from storage.catalogue.tombstones import absent
from storage.catalogue.visibility import ORDER, SOURCES, not_held, visible
from storage.data_set.dicom_json import BULK_DATA_MARK
from storage.database import Database
from storage.errors import OutOfResources
from storage.records import ChangedSeries, Metadata
from storage.scope import StudyScope, shows_held

_COMPRESSION: Final = 5
# Quotes inside JSON texts are escaped, so this finds keys and never what somebody wrote into a value.
_MARK: Final = b'"BulkDataURI":"' + BULK_DATA_MARK.encode()


class MetadataStore:
    """Answers retrieve-metadata requests (PS3.18 10.4.1.1.2). `bulk_data_root` begins every BulkDataURI."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_instance(self, scope: StudyScope, study: str, series: str, instance: str, root: str) -> Metadata:
        """The data set of one instance, as an array of one."""
        where = visible(scope, Level.INSTANCE) & _named(study, series, instance)
        rows = self._data_sets(where)
        if not rows:
            raise absent(self._database, scope, study, series, instance)
        return _compressed(_array(rows, root))

    def of_series(self, scope: StudyScope, study: str, series: str, root: str) -> Metadata:
        """The visible instances of one series in their order."""
        rows = self._series(scope, _named(study, series), root)
        if not rows:
            raise absent(self._database, scope, study, series)
        return self._ready(scope, rows[0], root)

    def of_study(self, scope: StudyScope, study: str, root: str) -> Metadata:
        """The visible instances of one study, series after series."""
        rows = self._series(scope, _named(study), root)
        if not rows:
            raise absent(self._database, scope, study)
        if len(rows) == 1:
            return self._ready(scope, rows[0], root)
        arrays = (gzip.decompress(self._ready(scope, row, root).gzipped) for row in rows)
        return _compressed(b"[" + b",".join(array[1:-1] for array in arrays if len(array) > 2) + b"]")

    def each(
        self, scope: StudyScope, study: str, series: str | None, instance: str | None, root: str
    ) -> Iterator[bytes]:
        """The same data sets one by one as JSON, at most those of one series in memory, and these compressed."""
        found = self._series(scope, _named(study, series), root)
        if not found:
            raise absent(self._database, scope, study, series or "", instance or "")
        for row in found:
            where = _named(study, row["series_instance_uid"], instance) & visible(scope, Level.INSTANCE)
            rows = self._data_sets(where)
            if instance is not None and not rows:
                raise absent(self._database, scope, study, series or "", instance)
            yield from (_data_set(one, root) for one in rows)

    def changed_series(self, scope: StudyScope, root: str, limit: int) -> list[ChangedSeries]:
        """Of what `scope` shows, series whose ready answer without held instances is missing or old, newest first."""
        where = visible(scope, Level.SERIES) & Condition("series.visible_instances > 0")
        rows = self._database.read(
            f"""SELECT study.study_instance_uid, series.series_instance_uid, series.changes
            FROM {SOURCES[Level.SERIES]} LEFT JOIN series_metadata AS ready ON ready.series_id = series.id
            AND ready.shows_held = 0 AND ready.changes = series.changes AND ready.bulk_data_root = ?
            WHERE ready.series_id IS NULL AND {where.sql} ORDER BY series.id DESC LIMIT ?""",
            (root, *where.parameters, limit),
        )
        return [ChangedSeries(*row) for row in rows]

    def _series(self, scope: StudyScope, named: Condition, root: str) -> list[sqlite3.Row]:
        where = visible(scope, Level.SERIES) & named
        return self._database.read(
            f"""SELECT series.id, series.changes, series.series_instance_uid, study.study_instance_uid,
            ready.gzipped, ready.etag
            FROM {SOURCES[Level.SERIES]} LEFT JOIN series_metadata AS ready ON ready.series_id = series.id
            AND ready.shows_held = ? AND ready.changes = series.changes AND ready.bulk_data_root = ?
            WHERE {where.sql} ORDER BY {ORDER[Level.SERIES]}""",
            (int(shows_held(scope)), root, *where.parameters),
        )

    def _ready(self, scope: StudyScope, series: sqlite3.Row, root: str) -> Metadata:
        if series["gzipped"] is not None:
            return Metadata(series["gzipped"], series["etag"])
        own = Condition("series.id = ?", (series["id"],)) & not_held(scope, Level.INSTANCE)
        made = _compressed(_array(self._data_sets(own), root))
        # What was read may be newer than the change count, never older: such an answer is made anew next time.
        values = (series["id"], int(shows_held(scope)), series["changes"], root, made.gzipped, made.etag)
        with suppress(OutOfResources, sqlite3.IntegrityError):
            self._database.write(lambda connection: connection.execute(_KEEP, values))
        return made

    def _data_sets(self, where: Condition) -> list[sqlite3.Row]:
        return self._database.read(
            f"""SELECT study.study_instance_uid, series.series_instance_uid, instance.sop_instance_uid, detail.metadata
            FROM {SOURCES[Level.INSTANCE]} JOIN instance_detail AS detail ON detail.instance_id = instance.id
            WHERE {where.sql} ORDER BY {ORDER[Level.INSTANCE]}""",
            where.parameters,
        )


_KEEP: Final = """
    INSERT INTO series_metadata (series_id, shows_held, changes, bulk_data_root, gzipped, etag)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (series_id, shows_held) DO UPDATE SET changes = excluded.changes,
    bulk_data_root = excluded.bulk_data_root, gzipped = excluded.gzipped, etag = excluded.etag"""


def _named(study: str, series: str | None = None, instance: str | None = None) -> Condition:
    named = Condition("study.study_instance_uid = ?", (study,))
    if series is not None:
        named = named & Condition("series.series_instance_uid = ?", (series,))
    if instance is not None:
        named = named & Condition("instance.sop_instance_uid = ?", (instance,))
    return named


def _array(rows: Sequence[sqlite3.Row], root: str) -> bytes:
    return b"[" + b",".join(_data_set(row, root) for row in rows) + b"]"


def _data_set(row: sqlite3.Row, root: str) -> bytes:
    study, series, instance, metadata = row
    address = orjson.dumps(f"{root}/studies/{study}/series/{series}/instances/{instance}/bulkdata/")
    return zlib.decompress(metadata).replace(_MARK, b'"BulkDataURI":' + address[:-1])


def _compressed(array: bytes) -> Metadata:
    gzipped = gzip.compress(array, _COMPRESSION, mtime=0)
    return Metadata(gzipped, hashlib.sha256(gzipped).hexdigest()[:32])
