"""Attributes of a study or series that follow from what lies below it, in results and as matching keys."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from storage.attributes import Matching
from storage.catalogue import matching
from storage.catalogue.matching import ALWAYS, Condition
from storage.catalogue.visibility import instance_count
from storage.database import Database
from storage.query import Match
from storage.scope import StudyScope, shows_held

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Related:
    """By study id: its series as (modality, number of series, number of instances), and its SOP classes."""

    series: dict[int, list[tuple[str, int, int]]]
    sop_classes: dict[int, list[str]]

    def attributes(self, study_id: int) -> dict[str, Any]:
        """ModalitiesInStudy, SOPClassesInStudy and the numbers of related objects; what has no value is left out."""
        series = self.series.get(study_id, [])
        lists = {
            "00080061": {"vr": "CS", "Value": [modality for modality, _, _ in series if modality]},
            "00080062": {"vr": "UI", "Value": self.sop_classes.get(study_id, [])},
        }
        counts = {
            "00201206": {"vr": "IS", "Value": [sum(number for _, number, _ in series)]},
            "00201208": {"vr": "IS", "Value": [sum(number for _, _, number in series)]},
        }
        return {tag: element for tag, element in lists.items() if element["Value"]} | (counts if series else {})


def related(database: Database, scope: StudyScope, studies: Collection[int], sop_classes: bool) -> Related:
    """What `scope` may know of these studies; SOP classes, which cost a look at every instance, only on demand."""
    found = Related({}, {})
    ids = sorted(studies)
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        for row in _series(database, scope, some):
            found.series.setdefault(row["study_id"], []).append((row["modality"], row["series"], row["instances"]))
        for row in _sop_classes(database, scope, some) if sop_classes else ():
            found.sop_classes.setdefault(row["study_id"], []).append(row["sop_class_uid"])
    return found


def condition(scope: StudyScope, match: Match) -> Condition:
    """What `match` demands of a row of its level or below, derived attributes included."""
    if match.attribute.matching is not Matching.DERIVED:
        return matching.condition(match)
    keyword = match.attribute.keyword
    if keyword in _COUNTS:
        counted = _COUNTS[keyword].format(count=instance_count(scope, "below"), shown=_shown(scope))
        return matching.condition(match, counted)
    column, source, shown = _VALUES[keyword]
    wanted = matching.condition(match, column)
    if wanted == ALWAYS:
        return ALWAYS
    if not shows_held(scope):
        wanted = wanted & Condition(shown)
    sql = f"EXISTS (SELECT 1 FROM {source} WHERE below.study_id = study.id AND {wanted.sql})"
    return Condition(sql, wanted.parameters)


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


def _shown(scope: StudyScope) -> str:
    return f"{instance_count(scope, 'below')} > 0"


def _marks(ids: list[int]) -> str:
    return ", ".join("?" * len(ids))


_COUNTS: Final = {
    "NumberOfStudyRelatedSeries": (
        "(SELECT count(*) FROM series AS below WHERE below.study_id = study.id AND {shown})"
    ),
    "NumberOfStudyRelatedInstances": "(SELECT sum({count}) FROM series AS below WHERE below.study_id = study.id)",
    "NumberOfSeriesRelatedInstances": "(SELECT {count} FROM series AS below WHERE below.id = series.id)",
}
_VALUES: Final = {
    "ModalitiesInStudy": ("below.modality", "series AS below", "below.visible_instances > 0"),
    "SOPClassesInStudy": (
        "member.sop_class_uid",
        "series AS below JOIN instance AS member ON member.series_id = below.id",
        "member.held = 0",
    ),
}
