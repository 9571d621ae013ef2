"""What a retrieval is to send."""

from pathlib import Path

import pytest

from storage.catalogue import selection
from storage.catalogue.entries import enter
from storage.catalogue.selection import Selection, Wanted, select
from storage.database import Database
from storage.schema import MIGRATIONS
from storage.scope import ListedStudies, PatientIdentity, WholeArchive
from tests.support.archive import AnInstance, entry, fill

EVERYTHING = WholeArchive()


def an_instance(uid: str, series: str, study: str, patient: str, number: str = "", issuer: str = "") -> AnInstance:
    date = {"1.1": "20260101", "1.2": "20260102", "1.3": "20260103"}[study]
    values = {"PatientID": patient, "InstanceNumber": number, "StudyDate": date, "IssuerOfPatientID": issuer}
    return AnInstance(uid, series, study, values)


ARCHIVE = [
    an_instance("3.4", "2.2", "1.1", "A"),
    an_instance("3.3", "2.1", "1.1", "A", "10"),
    an_instance("3.1", "2.1", "1.1", "A", "9"),
    an_instance("3.2", "2.1", "1.1", "A"),
    an_instance("3.5", "2.3", "1.2", "A", issuer="HOSPITAL"),
    an_instance("3.6", "2.4", "1.3", "a*"),
    # Held: the study is another patient's.
    an_instance("3.7", "2.4", "1.3", "B"),
]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "index.sqlite")
    database.migrate(MIGRATIONS)
    fill(database, ARCHIVE)
    return database


def uids(selected: Selection) -> list[str]:
    return [record.sop_instance_uid for page in selected.pages() for record in page]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(patient_id="A"), ["3.5", "3.1", "3.3", "3.2", "3.4"]),
        (Wanted(patient_id="A", issuer_of_patient_id="HOSPITAL"), ["3.5"]),
        (Wanted(patient_id="a*"), ["3.6", "3.7"]),
        (Wanted(patient_id="a"), []),
        (Wanted(study_instance_uids=("1.1",)), ["3.1", "3.3", "3.2", "3.4"]),
        (Wanted(study_instance_uids=("1.1", "1.2", "1.9")), ["3.5", "3.1", "3.3", "3.2", "3.4"]),
        (Wanted(patient_id="B", study_instance_uids=("1.1",)), []),
        (Wanted(series_instance_uids=("2.2", "2.3")), ["3.5", "3.4"]),
        (Wanted(study_instance_uids=("1.2",), series_instance_uids=("2.2", "2.3")), ["3.5"]),
        (Wanted(sop_instance_uids=("3.4", "3.3", "3.9")), ["3.3", "3.4"]),
        (Wanted(series_instance_uids=("2.2",), sop_instance_uids=("3.4", "3.3")), ["3.4"]),
    ],
)
def test_keys(database: Database, wanted: Wanted, expected: list[str]) -> None:
    selected = select(database, EVERYTHING, wanted)
    assert uids(selected) == expected
    assert len(selected) == len(expected)


def test_long_lists_are_asked_in_portions(database: Database) -> None:
    others = tuple(f"9.{number}" for number in range(1200))
    by_instance = Wanted(sop_instance_uids=("3.4", *others, "3.4", "3.1"))
    assert uids(select(database, EVERYTHING, by_instance)) == ["3.4", "3.1"]
    by_both = Wanted(series_instance_uids=(*others, "2.1"), sop_instance_uids=(*others, "3.1", "3.4"))
    assert uids(select(database, EVERYTHING, by_both)) == ["3.1"]
    by_study = Wanted(study_instance_uids=(*others, "1.2", "1.2"))
    assert uids(select(database, EVERYTHING, by_study)) == ["3.5"]


def test_nothing_wanted_is_not_everything() -> None:
    with pytest.raises(ValueError, match="nothing says"):
        Wanted()


def test_scope_bounds_what_is_found(database: Database) -> None:
    both = Wanted(study_instance_uids=("1.1", "1.3"))
    assert uids(select(database, ListedStudies(frozenset({"1.3"})), both)) == ["3.6"]
    assert uids(select(database, PatientIdentity("A", "", ""), both)) == ["3.1", "3.3", "3.2", "3.4"]
    by_instance = Wanted(sop_instance_uids=("3.6", "3.7", "3.1"))
    assert uids(select(database, ListedStudies(frozenset({"1.3"})), by_instance)) == ["3.6"]


def test_series_of_many_pages(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_IDS_AT_ONCE", 2)
    monkeypatch.setattr(selection, "_PAGE", 2)
    numbers = ["3", "", "1", "3", "2", "", "-4"]
    fill(database, [an_instance(f"3.{at}", "2.1", "1.1", "A", number) for at, number in enumerate(numbers)])
    selected = select(database, EVERYTHING, Wanted(patient_id="A"))
    assert [[record.instance_number for record in page] for page in selected.pages()] == [
        *([-4, 1], [2, 3], [3, None], [None]),
    ]


def test_what_comes_later_is_not_sent_and_what_goes_is_left_out(database: Database) -> None:
    selected = select(database, EVERYTHING, Wanted(study_instance_uids=("1.1",)))
    later = entry(an_instance("3.8", "2.1", "1.1", "A", "11"))
    database.write(lambda connection: enter(connection, later))
    database.write(lambda connection: connection.execute("DELETE FROM instance WHERE sop_instance_uid = '3.3'"))
    assert len(selected) == 4
    assert uids(selected) == ["3.1", "3.2", "3.4"]
