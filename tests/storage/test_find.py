"""What C-FIND asks beside QIDO-RS: every match one by one, keys without a column, empty values, patients, moments."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from storage.attributes import BY_KEYWORD, Attribute, Level, attribute
from storage.database import Database
from storage.errors import CannotUnderstand
from storage.index import Index
from storage.query import Match, Query
from storage.scope import ListedStudies, StudyScope, WholeArchive
from tests.storage.test_query import archives, queries, scopes, studies_with, uid
from tests.support.archive import AnInstance, fill

EVERYTHING = WholeArchive()
PROPERTY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def found(database: Database, query: Query, scope: StudyScope = EVERYTHING) -> list[str]:
    return [uid(one, query.level) for one in Index(database).find(scope, query)]


def with_key(level: Level, keyword: str, *values: str, **options: Any) -> Query:
    return Query(level, (Match(BY_KEYWORD[keyword], values),), **options)


@PROPERTY
@given(instances=archives(), query=queries(), scope=scopes())
def test_all_matches_are_those_of_all_pages(
    small_pages: None, database: Database, instances: list[AnInstance], query: Query, scope: StudyScope
) -> None:
    fill(database, instances)
    everything = replace(query, limit=None, offset=0)
    expected = [uid(one, query.level) for one in Index(database).search(scope, everything).data_sets]
    assert found(database, query, scope) == expected
    for offset in range(len(expected) + 1):
        page = Index(database).search(scope, replace(query, limit=1, offset=offset))
        assert [uid(one, query.level) for one in page.data_sets] == expected[offset : offset + 1]
        assert page.remaining == max(0, len(expected) - offset - 1)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "Modality"])
def test_pages_of_any_size_follow_one_another(
    small_pages: None, database: Database, level: Level, keyword: str
) -> None:
    values = {"PatientID": "A", "Modality": "CT", "StudyDate": "20260101"}
    uids = [f"1.{study}.{series}.{number}" for study in range(3) for series in range(2) for number in range(3)]
    fill(database, [AnInstance(uid, uid[:5], uid[:3], values) for uid in uids])
    key = {"PatientID": "A", "Modality": "CT", "StudyInstanceUID": "1.1"}[keyword]
    if BY_KEYWORD[keyword].level > level:
        return
    query = with_key(level, keyword, key)
    expected = found(database, query)
    assert len(expected) == len(
        {uid[: (3, 5, 7)[level]] for uid in uids if keyword != "StudyInstanceUID" or uid[2] == "1"}
    )
    for size in (1, 2, 3, 5):
        got = []
        for offset in range(0, len(expected), size):
            page = Index(database).search(EVERYTHING, replace(query, limit=size, offset=offset))
            got += [uid(one, level) for one in page.data_sets]
            assert page.remaining == max(0, len(expected) - offset - size)
        assert got == expected


def without_column(known: Attribute) -> Attribute:
    return replace(known, column="")


@PROPERTY
@given(instances=archives(), query=queries(), scope=scopes())
def test_keys_without_a_column_match_alike(
    small_pages: None, database: Database, instances: list[AnInstance], query: Query, scope: StudyScope
) -> None:
    fill(database, instances)
    plain = tuple(
        match if not match.attribute.column else replace(match, attribute=without_column(match.attribute))
        for match in query.matches
    )
    expected, got = (Index(database).search(scope, one) for one in (query, replace(query, matches=plain)))
    assert (got.data_sets, got.remaining) == (expected.data_sets, expected.remaining)


def test_two_quotation_marks_match_what_has_no_value(database: Database) -> None:
    """PS3.4 C.2.2.2.7."""
    fill(database, [*studies_with("PatientID", "A", ""), AnInstance("1.9.1.1", "1.9.1", "1.9", {"Modality": "CT"})])
    for keyword, expected in {"PatientID": {"1.1", "1.9"}, "StudyDate": {"1.0", "1.1", "1.9"}}.items():
        assert set(found(database, with_key(Level.STUDY, keyword, '""'))) == expected
        plain = Query(Level.STUDY, (Match(without_column(BY_KEYWORD[keyword]), ('""',)),))
        assert set(found(database, plain)) == expected
    assert set(found(database, with_key(Level.STUDY, "PatientID", '""', "A"))) == {"1.0", "1.1", "1.9"}
    assert set(found(database, with_key(Level.STUDY, "ModalitiesInStudy", '""'))) == {"1.0", "1.1"}
    assert set(found(database, with_key(Level.STUDY, "ModalitiesInStudy", '""', "CT"))) == {"1.0", "1.1", "1.9"}
    assert len(found(database, with_key(Level.SERIES, "SeriesNumber", '""'))) == 3


def test_kept_attributes_without_column_are_keys_of_their_level(database: Database) -> None:
    fill(database, studies_with("PatientAge", "075Y", "080Y", ""))
    assert found(database, with_key(Level.STUDY, "PatientAge", "075Y")) == ["1.0"]
    assert set(found(database, with_key(Level.INSTANCE, "PatientAge", "0*"))) == {"1.0.1.1", "1.1.1.1"}
    results = Index(database).search(EVERYTHING, with_key(Level.STUDY, "PatientAge", "0*", limit=1, offset=1))
    assert (len(results.data_sets), results.remaining) == (1, 0)


def test_a_patient_is_one_match(database: Database) -> None:
    fill(
        database,
        [
            AnInstance("1.1.1.1", "1.1.1", "1.1", {"PatientID": "A", "PatientName": "Muster^Erika"}),
            AnInstance("1.2.1.1", "1.2.1", "1.2", {"PatientID": "A", "PatientName": "MUSTER^ERIKA^B"}),
            AnInstance("1.3.1.1", "1.3.1", "1.3", {"PatientID": "A", "IssuerOfPatientID": "HOUSE"}),
            AnInstance("1.4.1.1", "1.4.1", "1.4", {"PatientName": "Beispiel^Jan"}),
            AnInstance("1.5.1.1", "1.5.1", "1.5", {"PatientName": "Beispiel^Lena"}),
        ],
    )
    patients = Query(Level.STUDY, each_patient=True)
    assert set(found(database, patients)) == {"1.2", "1.3", "1.4", "1.5"}
    assert Index(database).search(EVERYTHING, replace(patients, limit=1)).remaining == 3
    assert found(database, with_key(Level.STUDY, "PatientName", "muster^erika", each_patient=True)) == ["1.1"]
    assert set(found(database, patients, ListedStudies(frozenset({"1.1"})))) == {"1.1"}


def test_numbers_of_a_patient_are_of_what_the_scope_shows(database: Database) -> None:
    fill(database, [AnInstance(f"1.{i}.1.1", f"1.{i}.1", f"1.{i}", {"PatientID": "A"}) for i in range(3)])
    for scope, number in ((EVERYTHING, 3), (ListedStudies(frozenset({"1.0", "1.2"})), 2)):
        for keyword in ("Studies", "Series", "Instances"):
            counted = BY_KEYWORD[f"NumberOfPatientRelated{keyword}"]
            query = Query(Level.STUDY, (Match(counted, (str(number),)),), frozenset({counted.tag}), only_included=True)
            results = list(Index(database).find(scope, query))
            assert results == [{counted.tag: {"vr": "IS", "Value": [number]}}] * number


@pytest.mark.parametrize("column", [True, False])
def test_ranges_of_date_and_time_may_be_one(database: Database, column: bool) -> None:
    values = [("20260101", "0900"), ("20260101", "1500"), ("20260102", "0900"), ("20260103", ""), ("", "1500")]
    fill(
        database,
        [
            AnInstance(f"1.{i}.1.1", f"1.{i}.1", f"1.{i}", {"StudyDate": day, "StudyTime": time})
            for i, (day, time) in enumerate(values)
        ],
    )
    for day, time, apart, together in (
        ("20260101-20260102", "1000-1000", set(), {"1.1", "1.2"}),
        ("20260101-", "1000-", {"1.1"}, {"1.1", "1.2", "1.3"}),
        ("-20260102", "-1000", {"1.0", "1.2"}, {"1.0", "1.1", "1.2"}),
        ("20260101", "1000-", {"1.1"}, {"1.1"}),
    ):
        matches = (Match(BY_KEYWORD["StudyDate"], (day,)), Match(BY_KEYWORD["StudyTime"], (time,)))
        if not column:
            matches = matches[::-1]
        assert set(found(database, Query(Level.STUDY, matches))) == apart
        assert set(found(database, Query(Level.STUDY, matches, combined_date_time=True))) == together


def test_only_what_is_asked_for_comes(database: Database) -> None:
    fill(database, studies_with("PatientID", "A"))
    query = Query(Level.INSTANCE, include=frozenset({"00100020", "00080018", "00181030"}), only_included=True)
    assert [set(one) for one in Index(database).find(EVERYTHING, query)] == [{"00100020", "00080018"}]


def test_a_key_of_too_many_values_is_refused(database: Database) -> None:
    with pytest.raises(CannotUnderstand, match="10000"):
        found(database, with_key(Level.STUDY, "StudyInstanceUID", *(f"1.{i}" for i in range(10_001))))


def test_who_gives_up_is_told_no_more(database: Database) -> None:
    fill(database, studies_with("PatientID", "A", "B"))
    assert list(Index(database).find(EVERYTHING, Query(Level.STUDY), lambda: True)) == []


def test_patients_are_not_asked_for_by_what_is_of_their_studies() -> None:
    for query in ({"level": Level.SERIES}, {"matches": (Match(attribute("00080020"), ("20260101",)),)}):
        with pytest.raises(ValueError, match="patients"):
            Query(**{"level": Level.STUDY, "each_patient": True, **query})  # type: ignore[arg-type]
