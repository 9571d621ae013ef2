"""Which studies got instances since somebody last asked."""

import pytest

from storage.catalogue import arrivals
from storage.scope import ListedStudies
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct


def put(keeping: Keeping, study: str) -> None:
    keeping.put(ct(StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1"))


def test_each_is_told_once_and_again_when_more_comes(keeping: Keeping) -> None:
    index = keeping.index
    assert index.arrivals(EVERYTHING, None).studies == []
    for study in ("1.2.1", "1.2.2", "1.2.1"):
        put(keeping, study)
    found = index.arrivals(EVERYTHING, None)
    assert found.studies == ["1.2.1", "1.2.2"], "the latest arrival first"
    assert index.arrivals(EVERYTHING, found.place).studies == []
    put(keeping, "1.2.2")
    found = index.arrivals(EVERYTHING, found.place)
    assert found.studies == ["1.2.2"]
    assert index.arrivals(EVERYTHING, found.place).studies == []


def test_only_visible_studies_are_told(keeping: Keeping) -> None:
    put(keeping, "1.2.1")
    put(keeping, "1.2.2")
    assert keeping.index.arrivals(ListedStudies(frozenset({"1.2.2"})), None).studies == ["1.2.2"]


def test_the_first_look_goes_back_so_far_and_not_farther(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "_LOOK_BACK", 2)
    for study in ("1.2.1", "1.2.2", "1.2.3"):
        put(keeping, study)
    assert keeping.index.arrivals(EVERYTHING, None).studies == ["1.2.3", "1.2.2"]


def test_deleting_the_newest_hides_no_later_arrival(keeping: Keeping) -> None:
    for study in ("1.2.1", "1.2.2", "1.2.3"):
        put(keeping, study)
    place = keeping.index.arrivals(EVERYTHING, None).place
    keeping.database.write(lambda connection: connection.execute("DELETE FROM instance WHERE id > 1").rowcount)
    put(keeping, "1.2.4")
    assert "1.2.4" in keeping.index.arrivals(EVERYTHING, place).studies
