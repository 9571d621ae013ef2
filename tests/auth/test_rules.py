"""What a share may open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth import rules
from storage.errors import MalformedIdentifier
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive

BIRTH_DATE = "19500131"


@given(st.text(), st.text(), st.text(), st.text())
def test_a_patient_rule_comes_back_as_it_was(patient_id: str, issuer: str, birth_date: str, name: str) -> None:
    scope = PatientIdentity(patient_id, issuer, birth_date, patient_name=name)
    assert rules.from_json(rules.to_json(scope)) == scope


def test_a_list_of_studies_comes_back_as_it_was() -> None:
    scope = ListedStudies(frozenset({"1.2.3", "1.2.4"}))
    assert rules.from_json(rules.to_json(rules.checked(scope, BIRTH_DATE))) == scope


@pytest.mark.parametrize(
    "scope",
    [
        WholeArchive(),
        ListedStudies(frozenset()),
        PatientIdentity("", "", BIRTH_DATE),
        PatientIdentity(" ", "", BIRTH_DATE),
        PatientIdentity("TEST-1", "", ""),
        PatientIdentity("TEST-1", "", "19500130"),
    ],
)
def test_a_share_never_opens_more_than_one_patient_or_listed_studies(scope: StudyScope) -> None:
    with pytest.raises(ValueError):
        rules.checked(scope, BIRTH_DATE)


def test_a_study_that_is_no_uid_is_refused() -> None:
    with pytest.raises(MalformedIdentifier):
        rules.checked(ListedStudies(frozenset({"../../etc/x"})), BIRTH_DATE)


def test_the_whole_archive_has_no_rule() -> None:
    with pytest.raises(ValueError):
        rules.to_json(WholeArchive())
