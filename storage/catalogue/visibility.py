"""What a scope lets through at each level, as SQL: its studies, and of those what is not held."""

from typing import Final

from storage.attributes import Level
from storage.catalogue.condition import ALWAYS, NEVER, Condition
from storage.scope import PatientIdentity, StudyScope, Within, predicate, shows_held

SOURCES: Final = {
    Level.STUDY: "study",
    Level.SERIES: "series JOIN study ON study.id = series.study_id",
    Level.INSTANCE: ("instance JOIN series ON series.id = instance.series_id JOIN study ON study.id = series.study_id"),
}
"""The tables of each level with those above it."""

ORDER: Final = {
    Level.STUDY: "study.study_date DESC, study.study_time DESC, study.study_instance_uid DESC",
    Level.SERIES: "series.series_number IS NULL, series.series_number, series.series_instance_uid",
    Level.INSTANCE: "instance.instance_number IS NULL, instance.instance_number, instance.sop_instance_uid",
}

_NOT_HELD: Final = {
    Level.STUDY: "EXISTS (SELECT 1 FROM series AS seen WHERE seen.study_id = study.id AND seen.visible_instances > 0)",
    Level.SERIES: "series.visible_instances > 0",
    Level.INSTANCE: "instance.held = 0",
}


def order(level: Level) -> str:
    """The stable order of results at `level`: newest study first, then by number."""
    return ", ".join(ORDER[above] for above in Level if above <= level)


def visible(scope: StudyScope, level: Level) -> Condition:
    """What `scope` shows of the tables of `level`; a patient without id is nobody, not everybody without id."""
    if _is_nobody(scope):
        return NEVER
    return Condition(*predicate(scope)) & not_held(scope, level)


def _is_nobody(scope: StudyScope) -> bool:
    if isinstance(scope, Within):
        return _is_nobody(scope.inner) or _is_nobody(scope.outer)
    return isinstance(scope, PatientIdentity) and not scope.patient_id


def not_held(scope: StudyScope, level: Level) -> Condition:
    """Only what is not held, unless the scope shows that too."""
    return ALWAYS if shows_held(scope) else Condition(_NOT_HELD[level])


def instance_count(scope: StudyScope, table: str = "series") -> str:
    """The SQL number of visible instances of a series."""
    held = f" + {table}.held_instances" if shows_held(scope) else ""
    return f"({table}.visible_instances{held})"
