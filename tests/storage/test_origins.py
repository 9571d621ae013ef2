"""Whose site a study belongs to, and what a scope of a site, or of a patient at a site, lets through."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.attributes import BY_KEYWORD, Level
from storage.deletion import Target
from storage.errors import CannotUnderstand, Gone, NoSuchInstance
from storage.query import Match, Query
from storage.schema import MIGRATIONS
from storage.scope import PatientIdentity, SiteStudies, StudyScope, WholeArchive
from storage.storage import Storage, StorageSettings
from tests.support.synthetic import ct, part10

HERE, NORTH = SiteStudies(""), SiteStudies("north")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = Storage.open(tmp_path, StorageSettings())
    storage.index.assign_origins({"NORTHPACS": "north"})
    yield storage
    storage.close()


def _keep(storage: Storage, source: str, **attributes: Any) -> str:
    incoming = storage.ingest.receive()
    incoming.write(part10(ct(**attributes)))
    return storage.ingest.store(incoming, source=source).study_instance_uid


def _seen(storage: Storage, scope: StudyScope) -> set[str]:
    return {study.study_instance_uid for study in storage.index.studies(scope)}


def test_a_study_belongs_to_who_sent_it_first(storage: Storage) -> None:
    north, rest = _keep(storage, "NORTHPACS"), _keep(storage, "PACS")
    _keep(storage, "PACS", StudyInstanceUID=north)
    _keep(storage, "NORTHPACS", StudyInstanceUID=rest)
    assert _seen(storage, NORTH) == {north}
    assert _seen(storage, HERE) == {rest}
    assert _seen(storage, SiteStudies("south")) == set()
    with pytest.raises(NoSuchInstance):
        storage.index.instances(HERE, north)


def test_over_the_network_a_sender_comes_with_its_address(storage: Storage) -> None:
    north = _keep(storage, "NORTHPACS@10.0.0.5")
    assert (_seen(storage, HERE), _seen(storage, NORTH)) == (set(), {north})


def test_origins_that_had_an_address_are_mended(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path, StorageSettings())
    studies = {_keep(storage, source): source for source in ("PACS@10.0.0.5", "NORTHPACS@10.0.0.6", "upload")}

    def as_before(connection: sqlite3.Connection) -> None:
        for study, source in studies.items():
            connection.execute("UPDATE study SET origin = ? WHERE study_instance_uid = ?", (source, study))
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = '011_senders'")

    storage.database.write(as_before)
    storage.database.migrate(MIGRATIONS)
    found = {
        study.study_instance_uid: study.origin for study in storage.index.overviews(WholeArchive(), Query(Level.STUDY))
    }
    assert found == {study: source.partition("@")[0] for study, source in studies.items()}
    storage.close()


def test_another_list_of_senders_counts_at_once_and_for_old_studies(storage: Storage) -> None:
    north = _keep(storage, "NORTHPACS")
    storage.index.assign_origins({"PACS": "north"})
    assert (_seen(storage, HERE), _seen(storage, NORTH)) == ({north}, set())
    storage.index.assign_origins({})
    assert _seen(storage, HERE) == {north}


def test_a_patient_at_a_site_is_not_the_namesake_at_another(storage: Storage) -> None:
    north, here = _keep(storage, "NORTHPACS"), _keep(storage, "PACS")
    patient = ("TEST-1", "", "19500131")
    assert _seen(storage, PatientIdentity(*patient)) == {north, here}
    assert _seen(storage, PatientIdentity(*patient, "")) == {here}
    assert _seen(storage, PatientIdentity(*patient, "north")) == {north}
    assert _seen(storage, PatientIdentity("", "", "19500131", "")) == set()


def test_what_was_accepted_is_seen_at_its_own_site_only(storage: Storage) -> None:
    own = _keep(storage, "PACS")
    alike = _keep(storage, "PACS", PatientBirthDate="19600131")
    elsewhere = _keep(storage, "NORTHPACS", PatientBirthDate="19600131")
    accepted = frozenset({alike, elsewhere})
    assert _seen(storage, PatientIdentity("TEST-1", "", "19500131", "", accepted)) == {own, alike}


def test_lookalikes_are_those_that_no_identity_shows(storage: Storage) -> None:
    _keep(storage, "PACS")
    alike = _keep(storage, "PACS", PatientBirthDate="19600131")
    issued = _keep(storage, "PACS", IssuerOfPatientID="OTHER")
    _keep(storage, "PACS", PatientID="TEST-9", PatientBirthDate="19600131")
    _keep(storage, "NORTHPACS", PatientBirthDate="19600131")
    found = storage.index.lookalikes(HERE, [PatientIdentity("TEST-1", "", "19500131", "")])
    assert {study.study_instance_uid for study in found} == {alike, issued}
    assert storage.index.lookalikes(HERE, []) == []


def test_held_instances_are_told_by_their_own_patient_and_accepted_once(storage: Storage) -> None:
    study = _keep(storage, "PACS")
    _keep(storage, "PACS", StudyInstanceUID=study, PatientID="TEST-2", PatientName="Probe^Lisa")
    (held,) = storage.index.held(HERE)
    assert (held.patient_id, held.held_patient_id, held.held_patient_name) == ("TEST-1", "TEST-2", "Probe^Lisa")
    assert (held.instances, held.source) == (1, "PACS")
    assert storage.index.held(NORTH) == []
    assert storage.index.accept_held(NORTH, study, source="desk x") == 0
    assert storage.index.accept_held(HERE, study, source="desk x") == 1
    assert storage.index.accept_held(HERE, study, source="desk x") == 0
    assert not storage.index.held(WholeArchive()) and not storage.index.held_instances(HERE, study)


def test_overviews_count_what_has_come(storage: Storage) -> None:
    study = _keep(storage, "PACS", AccessionNumber="A1")
    _keep(storage, "PACS", StudyInstanceUID=study, Modality="MR", AccessionNumber="A1")
    by_accession = Query(Level.STUDY, (Match(BY_KEYWORD["AccessionNumber"], ("A1",)),))
    (found,) = storage.index.overviews(HERE, by_accession)
    assert (found.modalities, found.series, found.instances, found.held) == (("CT", "MR"), 2, 2, 0)
    assert found.latest.endswith("+00:00") and found.origin == "PACS"
    assert storage.index.overviews(NORTH, by_accession) == []
    with pytest.raises(CannotUnderstand):
        storage.index.overviews(HERE, Query(Level.SERIES))


def test_a_study_of_another_name_is_a_lookalike(storage: Storage) -> None:
    own = _keep(storage, "PACS", PatientName="Müller^Erika")
    married = _keep(storage, "PACS", PatientName="Muster^Erika")
    nameless = _keep(storage, "PACS", PatientName="")
    patient = PatientIdentity("TEST-1", "", "19500131", patient_name="Mueller^Erika")
    assert _seen(storage, patient) == {own, nameless}
    assert [one.study_instance_uid for one in storage.index.lookalikes(HERE, [patient])] == [married]
    others = PatientIdentity("TEST-1", "", "19500131", None, frozenset({married}), "Beispiel^Jan")
    assert _seen(storage, others) == {married, nameless}


def test_only_its_own_site_and_its_patients_learn_that_a_study_was_deleted(storage: Storage) -> None:
    gone = _keep(storage, "NORTHPACS")
    storage.deletion.delete(WholeArchive(), Target(gone), source="test")

    def told(scope: StudyScope) -> bool:
        with pytest.raises(NoSuchInstance) as caught:
            storage.index.instances(scope, gone)
        return isinstance(caught.value, Gone)

    patient = PatientIdentity("TEST-1", "", "19500131")
    scopes = (NORTH, HERE, patient, replace(patient, site="north"), replace(patient, site=""))
    assert [told(scope) for scope in scopes] == [True, False, True, True, False]
    sql = "UPDATE tombstone SET origin = NULL"
    storage.index._database.write(lambda connection: connection.execute(sql))
    assert [told(scope) for scope in scopes] == [False, False, True, False, False]
