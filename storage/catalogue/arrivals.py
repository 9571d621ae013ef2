"""Which studies got new instances since somebody last asked."""

from datetime import datetime
from typing import Final

from storage.attributes import Level
from storage.catalogue.condition import Condition
from storage.catalogue.summaries import RECORD_COLUMNS, record
from storage.catalogue.visibility import SOURCES, visible
from storage.database import Database
from storage.records import Arrivals, Arrived, Unsettled
from storage.scope import StudyScope

_LOOK_BACK: Final = 100_000


def arrivals(database: Database, scope: StudyScope, after: int | None) -> Arrivals:
    """The studies with instances newer than `after`; see `Index.arrivals`."""
    (newest,) = database.read("SELECT coalesce(max(id), 0) FROM instance")[0]
    if after is None or after > newest:
        after = newest - _LOOK_BACK
    where = visible(scope, Level.INSTANCE) & Condition("instance.id > ? AND instance.id <= ?", (after, newest))
    rows = database.read(
        f"""SELECT study.study_instance_uid FROM {SOURCES[Level.INSTANCE]} WHERE {where.sql}
        GROUP BY study.study_instance_uid ORDER BY max(instance.id) DESC""",
        where.parameters,
    )
    return Arrivals([row["study_instance_uid"] for row in rows], newest)


def unsettled(database: Database, scope: StudyScope, after: int) -> list[Unsettled]:
    """The studies with instances newer than the place `after`, each with what came of it since."""
    where = visible(scope, Level.INSTANCE) & Condition("instance.id > ?", (after,))
    rows = database.read(
        f"""SELECT study.study_instance_uid AS study, min(instance.id) AS first, max(instance.id) AS last,
        max(instance.received_at) AS received_at FROM {SOURCES[Level.INSTANCE]} WHERE {where.sql}
        GROUP BY study.study_instance_uid ORDER BY min(instance.id)""",
        where.parameters,
    )
    return [
        Unsettled(row["study"], row["first"], row["last"], datetime.fromisoformat(row["received_at"])) for row in rows
    ]


def arrived(database: Database, scope: StudyScope, study: str, after: int, upto: int) -> list[Arrived]:
    """The instances of a study at the places behind `after` up to `upto`, in the order in which they came."""
    where = visible(scope, Level.INSTANCE) & Condition(
        "study.study_instance_uid = ? AND instance.id > ? AND instance.id <= ?", (study, after, upto)
    )
    rows = database.read(
        f"""SELECT {RECORD_COLUMNS}, instance.id AS place, instance.source AS source
        FROM {SOURCES[Level.INSTANCE]} WHERE {where.sql} ORDER BY instance.id""",
        where.parameters,
    )
    return [Arrived(record(row), row["place"], row["source"]) for row in rows]
