"""Attributes of a study, series or patient that follow from what lies below, in results and as matching keys."""

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from storage.attributes import Level, Matching
from storage.catalogue import matching
from storage.catalogue.condition import ALWAYS, Condition, all_of, any_of
from storage.catalogue.visibility import instance_count, visible
from storage.database import Database
from storage.query import EMPTY, Match
from storage.scope import StudyScope, shows_held

OF_STUDY: Final = frozenset({"00080061", "00201206", "00201208"})
SOP_CLASSES: Final = frozenset({"00080062"})
OF_PATIENT: Final = frozenset({"00201200", "00201202", "00201204"})

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Related:
    """By study id: its series as (modality, number of series, number of instances), its SOP classes, and the numbers
    of studies, series and instances of its patient."""

    series: dict[int, list[tuple[str, int, int]]] = field(default_factory=dict)
    sop_classes: dict[int, list[str]] = field(default_factory=dict)
    patients: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def attributes(self, study_id: int) -> dict[str, Any]:
        """ModalitiesInStudy, SOPClassesInStudy and the numbers of related objects; what has no value is left out."""
        series = self.series.get(study_id, [])
        lists = {
            "00080061": {"vr": "CS", "Value": [modality for modality, _, _ in series if modality]},
            "00080062": {"vr": "UI", "Value": self.sop_classes.get(study_id, [])},
        }
        found: dict[str, Any] = {tag: element for tag, element in lists.items() if element["Value"]}
        if series:
            found["00201206"] = {"vr": "IS", "Value": [sum(number for _, number, _ in series)]}
            found["00201208"] = {"vr": "IS", "Value": [sum(number for _, _, number in series)]}
        for tag, number in zip(sorted(OF_PATIENT), self.patients.get(study_id, ()), strict=False):
            found[tag] = {"vr": "IS", "Value": [number]}
        return found


def related(database: Database, scope: StudyScope, studies: Collection[int], tags: Collection[str]) -> Related:
    """What `scope` may know of these studies, as far as `tags` ask for it: SOP classes cost a look at each instance."""
    found = Related()
    ids = sorted(studies)
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        if not OF_STUDY.isdisjoint(tags):
            for row in _series(database, scope, some):
                found.series.setdefault(row["study_id"], []).append((row["modality"], row["series"], row["instances"]))
        if not SOP_CLASSES.isdisjoint(tags):
            for row in _sop_classes(database, scope, some):
                found.sop_classes.setdefault(row["study_id"], []).append(row["sop_class_uid"])
        if not OF_PATIENT.isdisjoint(tags):
            for row in _patients(database, scope, some):
                found.patients[row["study_id"]] = (row["studies"], row["series"], row["instances"])
    return found


def condition(scope: StudyScope, match: Match) -> Condition:
    """What `match` demands of a row of its level or below, derived attributes included."""
    if match.attribute.matching is not Matching.DERIVED:
        return matching.condition(match)
    tag = match.attribute.tag
    if match.is_universal:
        return ALWAYS
    if tag in OF_PATIENT:
        return _of_patients(scope, match)
    if tag in _COUNTS:
        counted = _COUNTS[tag].format(count=instance_count(scope, "below"), shown=_shown(scope))
        return matching.condition(match, counted, Matching.NUMBER)
    return _of_members(scope, match)


def _of_members(scope: StudyScope, match: Match) -> Condition:
    """A value that any series or instance of the study has; the empty one when none has any."""
    column, source, shown, compared = _VALUES[match.attribute.tag]
    seen = ALWAYS if shows_held(scope) else Condition(shown)
    others = [value for value in match.wanted if value not in (EMPTY, "*")]
    found = []
    for values in [(value,) for value in others] if match.every else [tuple(others)] if others else []:
        wanted = matching.condition(Match(match.attribute, values), column, compared) & seen
        found.append(_exists("EXISTS", source, wanted))
    if EMPTY in match.wanted:
        found.append(_exists("NOT EXISTS", source, Condition(f"{column} <> ''") & seen))
    return all_of(found) if match.every else any_of(found)


def _exists(operator: str, source: str, wanted: Condition) -> Condition:
    return Condition(
        f"{operator} (SELECT 1 FROM {source} WHERE below.study_id = study.id AND {wanted.sql})", wanted.parameters
    )


def _of_patients(scope: StudyScope, match: Match) -> Condition:
    seen = visible(scope, Level.SERIES)
    wanted = matching.condition(match, _PATIENT_COUNTS[match.attribute.tag].format(instance_count(scope)), _NUMBER)
    return Condition(
        "(study.patient_id, study.issuer_of_patient_id) IN ("
        "SELECT study.patient_id, study.issuer_of_patient_id FROM series JOIN study ON study.id = series.study_id"
        f" WHERE study.patient_id <> '' AND {seen.sql}"
        f" GROUP BY study.patient_id, study.issuer_of_patient_id HAVING {wanted.sql})",
        seen.parameters + wanted.parameters,
    )


def _series(database: Database, scope: StudyScope, ids: list[int]) -> list[sqlite3.Row]:
    instances = f"sum({instance_count(scope, 'below')})"
    return database.read(
        f"""SELECT below.study_id, below.modality, count(*) AS series, {instances} AS instances
        FROM series AS below WHERE below.study_id IN ({_marks(ids)}) AND {_shown(scope)}
        GROUP BY below.study_id, below.modality ORDER BY below.study_id, below.modality""",
        ids,
    )


def _sop_classes(database: Database, scope: StudyScope, ids: list[int]) -> list[sqlite3.Row]:
    held = "" if shows_held(scope) else "AND instance.held = 0"
    return database.read(
        f"""SELECT DISTINCT below.study_id, instance.sop_class_uid
        FROM series AS below JOIN instance ON instance.series_id = below.id
        WHERE below.study_id IN ({_marks(ids)}) {held} ORDER BY below.study_id, instance.sop_class_uid""",
        ids,
    )


def _patients(database: Database, scope: StudyScope, ids: list[int]) -> Iterator[sqlite3.Row]:
    """A row for each study whose patient has an id; nobody knows who the others are."""
    seen = visible(scope, Level.SERIES)
    studies, series, instances = (
        _PATIENT_COUNTS[tag].format(instance_count(scope)) for tag in ("00201200", "00201202", "00201204")
    )
    yield from database.read(
        f"""SELECT wanted.id AS study_id, {studies} AS studies, {series} AS series, {instances} AS instances
        FROM study AS wanted JOIN study ON study.patient_id = wanted.patient_id
            AND study.issuer_of_patient_id = wanted.issuer_of_patient_id
        JOIN series ON series.study_id = study.id
        WHERE wanted.id IN ({_marks(ids)}) AND wanted.patient_id <> '' AND {seen.sql} GROUP BY wanted.id""",
        (*ids, *seen.parameters),
    )


def _shown(scope: StudyScope) -> str:
    return f"{instance_count(scope, 'below')} > 0"


def _marks(ids: list[int]) -> str:
    return ", ".join("?" * len(ids))


_NUMBER: Final = Matching.NUMBER
_COUNTS: Final = {
    "00201206": "(SELECT count(*) FROM series AS below WHERE below.study_id = study.id AND {shown})",
    "00201208": "(SELECT sum({count}) FROM series AS below WHERE below.study_id = study.id)",
    "00201209": "(SELECT {count} FROM series AS below WHERE below.id = series.id)",
}
_PATIENT_COUNTS: Final = {
    "00201200": "count(DISTINCT study.id)",
    "00201202": "count(DISTINCT series.id)",
    "00201204": "sum({})",
}
_VALUES: Final = {
    "00080061": ("below.modality", "series AS below", "below.visible_instances > 0", Matching.TEXT),
    "00080062": (
        "member.sop_class_uid",
        "series AS below JOIN instance AS member ON member.series_id = below.id",
        "member.held = 0",
        Matching.UID,
    ),
}
