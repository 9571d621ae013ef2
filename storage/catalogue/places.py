"""Places in the stable order of each level (`visibility.ORDER`), so that a reader can go on behind what he has."""

import sqlite3
from typing import Final

from storage.attributes import Level
from storage.catalogue.condition import ALWAYS, Condition
from storage.query import Place

OF_STUDY: Final = "study.study_date, study.study_time, study.study_instance_uid"
"""By these, descending, studies stand in their order."""

# What has no number comes after every number: VR IS has 32 bits.
_SERIES_NUMBER: Final = f"coalesce(series.series_number, {2**40})"
_INSTANCE_NUMBER: Final = f"coalesce(instance.instance_number, {2**40})"
_OF_SERIES: Final = f", {_SERIES_NUMBER} AS series_place, series.series_instance_uid AS place_series"
_OF_INSTANCE: Final = f", {_INSTANCE_NUMBER} AS instance_place, instance.sop_instance_uid AS place_instance"

SELECTED: Final = {
    Level.STUDY: OF_STUDY,
    Level.SERIES: OF_STUDY + _OF_SERIES,
    Level.INSTANCE: OF_STUDY + _OF_SERIES + _OF_INSTANCE,
}
"""The columns that make the place of a row of each level."""


def place_of(level: Level, row: sqlite3.Row) -> Place:
    """Where a row with the `SELECTED` columns stands."""
    study = (row["study_date"], row["study_time"], row["study_instance_uid"])
    series = (row["series_place"], row["place_series"]) if level >= Level.SERIES else (0, "")
    instance = (row["instance_place"], row["place_instance"]) if level is Level.INSTANCE else (0, "")
    return Place(study, series, instance)


def behind(level: Level, place: Place | None) -> Condition:
    """The rows of `level` that stand behind `place`; all without one."""
    if place is None:
        return ALWAYS
    of_study = Condition(f"({OF_STUDY}) < (?, ?, ?)", place.study)
    if level is Level.STUDY:
        return of_study
    return of_study | (_same_study(place) & _behind_series(level, place))


def from_study_of(place: Place | None) -> Condition:
    """The study of `place` and those behind it, as a range of their index."""
    return Condition(f"({OF_STUDY}) <= (?, ?, ?)", place.study) if place is not None else ALWAYS


def rest_of_series(place: Place) -> Condition:
    """The instances behind `place` in its own series."""
    same_series = Condition("series.series_instance_uid = ?", place.series[1:])
    behind_instance = Condition(f"({_INSTANCE_NUMBER}, instance.sop_instance_uid) > (?, ?)", place.instance)
    return _same_study(place) & same_series & behind_instance


def _same_study(place: Place) -> Condition:
    return Condition("study.study_instance_uid = ?", place.study[2:])


def _behind_series(level: Level, place: Place) -> Condition:
    of_series = Condition(f"({_SERIES_NUMBER}, series.series_instance_uid) > (?, ?)", place.series)
    return of_series if level is Level.SERIES else of_series | rest_of_series(place)
