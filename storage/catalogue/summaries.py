"""Studies with their series as the portal shows them."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import orjson

from storage.attributes import Level
from storage.catalogue.condition import Condition, one_of
from storage.catalogue.visibility import ORDER, SOURCES, instance_count, not_held, order, visible
from storage.database import Database
from storage.records import Counts, InstanceRecord, SeriesSummary, StudySummary, decode_metadata
from storage.scope import StudyScope

RECORD_COLUMNS: Final = """study.study_instance_uid, series.series_instance_uid, instance.sop_instance_uid,
    instance.sop_class_uid, instance.transfer_syntax_uid, instance.blob_key, instance.size, instance.data_set_offset,
    instance.digest, series.modality, instance.instance_number, instance.frame_count, instance.image_rows,
    instance.image_columns, instance.bits_allocated"""
"""The columns of an `InstanceRecord` in its order."""

_TOLD_BY_IMAGES: Final = (
    "00080008",  # Image Type
    "00082218",  # Anatomic Region Sequence
    "00180010",  # Contrast/Bolus Agent
    "00185101",  # View Position
    "00200037",  # Image Orientation (Patient)
    "00200062",  # Image Laterality
    "00281050",  # Window Center
    "00281051",  # Window Width
    "00540220",  # View Code Sequence
)
"""What only the images of a series say of it."""

_ALL: Final = 2**62
_AT_ONCE: Final = 200


def record(row: sqlite3.Row) -> InstanceRecord:
    """The record of a row that begins with `RECORD_COLUMNS`."""
    names, shape = tuple(row)[:12], tuple(row)[12:15]
    return InstanceRecord(*names, *(number or 0 for number in shape))


def studies(database: Database, scope: StudyScope, limit: int | None = None) -> list[StudySummary]:
    """The studies that `scope` shows, newest first, at most `limit`, with their visible series in their order."""
    where = visible(scope, Level.STUDY)
    ids = database.read(
        f"SELECT study.id FROM study WHERE {where.sql} ORDER BY {ORDER[Level.STUDY]} LIMIT ?",
        (*where.parameters, _ALL if limit is None else limit),
    )
    found: list[StudySummary] = []
    for start in range(0, len(ids), _AT_ONCE):
        found += _summaries(database, scope, one_of("study.id", [row["id"] for row in ids[start : start + _AT_ONCE]]))
    return found


def study(database: Database, scope: StudyScope, study_instance_uid: str) -> StudySummary | None:
    """One study with its visible series, or None when `scope` does not show it."""
    return next(_summaries(database, scope, Condition("study.study_instance_uid = ?", (study_instance_uid,))), None)


def _summaries(database: Database, scope: StudyScope, some: Condition) -> Iterator[StudySummary]:
    where = visible(scope, Level.SERIES) & some
    found = database.read(
        f"""SELECT study.id AS study_id, study.study_instance_uid, study.study_date, study.study_time,
        study.study_description, study.patient_name, series.id AS series_id, series.series_instance_uid,
        series.modality, series.series_number, series.series_description, series.body_part_examined,
        study.attributes AS study_attributes, series.attributes AS series_attributes,
        {instance_count(scope)} AS instances
        FROM {SOURCES[Level.SERIES]} WHERE {where.sql} ORDER BY {order(Level.SERIES)}""",
        where.parameters,
    )
    ids = [row["series_id"] for row in found]
    images: dict[int, sqlite3.Row] = {}
    for start in range(0, len(ids), _AT_ONCE):
        images |= _images(database, scope, ids[start : start + _AT_ONCE])
    for _, rows in groupby(found, key=itemgetter("study_id")):
        yield _study(list(rows), images)


def counts(database: Database, scope: StudyScope) -> Counts:
    """How many studies, series and instances `scope` shows, as the series count their instances."""
    where = visible(scope, Level.SERIES) & Condition(f"{instance_count(scope)} > 0")
    sql = f"""SELECT count(DISTINCT series.study_id), count(*), sum({instance_count(scope)})
        FROM {SOURCES[Level.SERIES]} WHERE {where.sql}"""
    studies, series, instances = database.read(sql, where.parameters)[0]
    return Counts(studies, series, instances or 0)


def _images(database: Database, scope: StudyScope, series: Sequence[int]) -> dict[int, sqlite3.Row]:
    """By series id, of these that the scope shows, the middle image with the number of all frames."""
    where = not_held(scope, Level.INSTANCE) & one_of("instance.series_id", series)
    rows = database.read(
        f"""SELECT {RECORD_COLUMNS}, ranked.series_id, ranked.frames, detail.metadata FROM (
            SELECT instance.id AS chosen, instance.series_id,
                row_number() OVER (PARTITION BY instance.series_id ORDER BY {ORDER[Level.INSTANCE]}) AS place,
                count(*) OVER (PARTITION BY instance.series_id) AS images,
                sum(instance.frame_count) OVER (PARTITION BY instance.series_id) AS frames
            FROM instance WHERE {where.sql} AND instance.frame_count > 0
        ) AS ranked JOIN instance ON instance.id = ranked.chosen
        JOIN instance_detail AS detail ON detail.instance_id = instance.id
        JOIN series ON series.id = instance.series_id JOIN study ON study.id = series.study_id
        WHERE ranked.place = ranked.images / 2 + 1""",
        where.parameters,
    )
    return {row["series_id"]: row for row in rows}


def _study(rows: Sequence[sqlite3.Row], images: dict[int, sqlite3.Row]) -> StudySummary:
    series = tuple(_series(row, images.get(row["series_id"])) for row in rows)
    first = rows[0]
    modalities = tuple(sorted({one.modality for one in series if one.modality}))
    name = first["patient_name"].partition("=")[0]
    return StudySummary(
        first["study_instance_uid"],
        first["study_date"],
        first["study_time"],
        first["study_description"],
        modalities,
        name,
        series,
        orjson.loads(first["study_attributes"]),
    )


def _series(row: sqlite3.Row, image: sqlite3.Row | None) -> SeriesSummary:
    return SeriesSummary(
        row["series_instance_uid"],
        row["modality"],
        row["series_number"],
        row["series_description"],
        row["body_part_examined"],
        row["instances"],
        image["frames"] if image else 0,
        record(image) if image else None,
        orjson.loads(row["series_attributes"]) | (_of_image(image) if image else {}),
    )


def _of_image(image: sqlite3.Row) -> dict[str, Any]:
    data_set = decode_metadata(image["metadata"])
    return {tag: data_set[tag] for tag in _TOLD_BY_IMAGES if tag in data_set}
