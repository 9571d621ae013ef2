"""Which studies got new instances since somebody last asked."""

from typing import Final

from storage.attributes import Level
from storage.catalogue.condition import Condition
from storage.catalogue.visibility import SOURCES, visible
from storage.database import Database
from storage.records import Arrivals
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
