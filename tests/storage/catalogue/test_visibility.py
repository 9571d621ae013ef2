from contextlib import suppress
from typing import Any

import pytest
from pydicom.uid import generate_uid

from storage.attributes import Level
from storage.errors import NoSuchInstance
from storage.ingest import Stored
from storage.query import Query
from storage.scope import ListedStudies, PatientIdentity, StudyScope
from tests.storage.asking import ERIKA, ROOT, array, search
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct


def everything_a_scope_tells(keeping: Keeping, scope: StudyScope, stored: Stored) -> str:
    """All answers that could name `stored`, and all lists, as one text; what is refused is left out."""
    address = (stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)
    told: list[str] = []
    for depth in (1, 2, 3):
        with suppress(NoSuchInstance):
            told.append(str(keeping.index.instances(scope, *address[:depth])))
        with suppress(NoSuchInstance):
            told.append(str(array(keeping.index.metadata(scope, *address[:depth], bulk_data_root=ROOT))))
    told += [str(keeping.index.search(scope, Query(level, include_all=True))) for level in Level]
    told.append(str(keeping.index.studies(scope)))
    return "".join(told)


def test_a_foreign_study_is_invisible_everywhere(keeping: Keeping) -> None:
    mine = keeping.put(ct())
    foreign = keeping.put(ct(PatientID="TEST-2", PatientName="Beispiel^Jan"))
    for scope in (ERIKA, ListedStudies(frozenset({mine.study_instance_uid}))):
        told = everything_a_scope_tells(keeping, scope, foreign)
        assert mine.sop_instance_uid in told
        for secret in (foreign.study_instance_uid, foreign.series_instance_uid, foreign.sop_instance_uid, "Beispiel"):
            assert secret not in told
        assert foreign.study_instance_uid in everything_a_scope_tells(keeping, EVERYTHING, foreign)


@pytest.mark.parametrize(
    "scope",
    [
        ListedStudies(frozenset()),
        PatientIdentity("TEST-1", "", "19500130"),
        PatientIdentity("TEST-1", "HOUSE", "19500131"),
        PatientIdentity("test-1", "", "19500131"),
        PatientIdentity("TEST-%", "", "19500131"),
        PatientIdentity("", "", ""),
    ],
)
def test_scopes_that_fit_nothing_show_nothing(keeping: Keeping, scope: StudyScope) -> None:
    keeping.put(ct())
    keeping.put(ct(PatientID=None, PatientBirthDate=None))
    assert [keeping.index.search(scope, Query(level)).data_sets for level in Level] == [[], [], []]
    assert keeping.index.studies(scope) == []


def test_studies_that_come_later_are_seen_by_the_rule(keeping: Keeping) -> None:
    assert keeping.index.studies(ERIKA) == []
    stored = keeping.put(ct())
    assert [study.study_instance_uid for study in keeping.index.studies(ERIKA)] == [stored.study_instance_uid]


MISMATCHES = [
    {"PatientID": "TEST-2"},
    {"PatientID": None},
    {"PatientBirthDate": "19500130"},
    {"IssuerOfPatientID": "OTHER"},
]


@pytest.mark.parametrize("mismatch", MISMATCHES)
def test_an_instance_of_another_patient_is_held(keeping: Keeping, mismatch: dict[str, Any]) -> None:
    study = generate_uid()
    first = keeping.put(ct(StudyInstanceUID=study, IssuerOfPatientID="HOUSE"))
    held = keeping.put(ct(StudyInstanceUID=study, **{"IssuerOfPatientID": "HOUSE", "StudyID": "FOREIGN", **mismatch}))
    assert ("instance held", held.sop_instance_uid) in keeping.audited()
    scopes: list[StudyScope] = [
        PatientIdentity("TEST-1", "HOUSE", "19500131"),
        ListedStudies(frozenset({study})),
        PatientIdentity("TEST-2", "HOUSE", "19500131"),
    ]
    for scope in scopes:
        told = everything_a_scope_tells(keeping, scope, held)
        assert held.sop_instance_uid not in told
        assert held.series_instance_uid not in told
        assert "FOREIGN" not in told
    for scope in scopes[:2]:
        (result,) = search(keeping, Level.STUDY, scope)
        assert (result["00201206"]["Value"], result["00201208"]["Value"]) == ([1], [1])
        assert [study.series[0].instances for study in keeping.index.studies(scope)] == [1]
    (result,) = search(keeping, Level.STUDY)
    assert (result["00201206"]["Value"], result["00201208"]["Value"]) == ([2], [2])
    assert held.sop_instance_uid in everything_a_scope_tells(keeping, EVERYTHING, held)
    assert first.sop_instance_uid in everything_a_scope_tells(keeping, EVERYTHING, first)


def test_held_and_other_instances_of_one_series_are_told_apart_in_metadata(keeping: Keeping) -> None:
    same: dict[str, Any] = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    keeping.put(ct(**same, number=1))
    keeping.put(ct(**same, number=2, PatientID="TEST-2"))
    for _ in range(2):
        for scope, count in ((EVERYTHING, 2), (ERIKA, 1)):
            metadata = keeping.index.metadata(scope, *same.values(), bulk_data_root=ROOT)
            assert len(array(metadata)) == count


@pytest.mark.parametrize("missing", ["PatientBirthDate", "IssuerOfPatientID"])
@pytest.mark.parametrize("first", [True, False])
def test_a_missing_birth_date_or_issuer_is_no_contradiction(keeping: Keeping, missing: str, first: bool) -> None:
    study = generate_uid()
    for lacks in (first, not first):
        given = {"IssuerOfPatientID": "HOUSE", "PatientBirthDate": "19500131"}
        del given[missing]
        optional = {"PatientBirthDate": None} if missing == "PatientBirthDate" else {}
        keeping.put(ct(StudyInstanceUID=study, **(optional | given if lacks else {"IssuerOfPatientID": "HOUSE"})))
    scope = PatientIdentity("TEST-1", "HOUSE", "19500131")
    assert search(keeping, Level.STUDY, scope)[0]["00201208"]["Value"] == [2]


def test_what_a_held_instance_says_of_its_series_does_not_last(keeping: Keeping) -> None:
    study, series = generate_uid(), generate_uid()
    keeping.put(ct(StudyInstanceUID=study))
    same: dict[str, Any] = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
    keeping.put(ct(**same, PatientID="TEST-2", SeriesDescription="foreign", BodyPartExamined="FOREIGN"))
    keeping.put(ct(**same, SeriesDescription="mine"))
    (result,) = search(keeping, Level.SERIES, ERIKA, SeriesInstanceUID=series)
    assert result["0008103E"]["Value"] == ["mine"]
    assert "00180015" not in result
    assert search(keeping, Level.SERIES, BodyPartExamined="FOREIGN") == []
