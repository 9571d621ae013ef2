"""What a rule would have taken."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gateway.forwarding.rules import Selection
from gateway.forwarding.trial import Trial, trial_of
from storage.ingest import Stored
from storage.scope import SiteStudies, WholeArchive
from tests.support.keeping import Keeping

MR = Selection(modalities=frozenset({"MR"}))
EVERYTHING = WholeArchive()


@pytest.fixture
def kept(keeping: Keeping, put: Callable[..., Stored]) -> Keeping:
    """Two studies of here, of which one has two MR and a CT instance, and one of the north."""
    keeping.index.assign_origins({"NORTH1": "north"})
    for number in (1, 2):
        put(StudyInstanceUID="1.1", SeriesInstanceUID="1.1.1", Modality="MR", number=number)
    put(StudyInstanceUID="1.1", SeriesInstanceUID="1.1.2", number=3)
    put(StudyInstanceUID="1.2")
    put("NORTH1@10.0.0.1", StudyInstanceUID="1.3", Modality="MR")
    return keeping


def test_studies_and_instances_are_counted_newest_first(kept: Keeping) -> None:
    assert trial_of(kept.index, EVERYTHING, MR, 1) == Trial(3, ("1.3", "1.1"), 3, True)
    assert trial_of(kept.index, SiteStudies(""), MR, 1) == Trial(2, ("1.1",), 2, True)
    assert trial_of(kept.index, EVERYTHING, Selection(sites=frozenset({"north"})), 1).taken == ("1.3",)
    assert trial_of(kept.index, SiteStudies("north"), Selection(sites=frozenset({""})), 1).taken == ()


def test_what_came_before_does_not_count(kept: Keeping) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    assert trial_of(kept.index, EVERYTHING, MR, 1, later) == Trial(0, (), 0, True)
    assert trial_of(kept.index, EVERYTHING, MR, 3, later).instances == 3


def test_it_says_when_more_came_than_is_looked_at(kept: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.forwarding.trial.LOOKED_AT", 2)
    assert trial_of(kept.index, EVERYTHING, MR, 1) == Trial(2, ("1.3",), 1, False)
    later = datetime.now(UTC) + timedelta(days=2)
    assert trial_of(kept.index, EVERYTHING, MR, 1, later).is_whole
