"""What was deleted here comes again from the archive, and a share waits until all has come that it has."""

from datetime import timedelta
from pathlib import Path

import pytest

from auth.clock import system_clock
from auth.records import Wait
from dimse.settings import Peer
from gateway.archive.archive import Archive, ArchiveAway
from gateway.archive.asking import Asking
from gateway.archive.completeness import Completeness
from gateway.archive.service import archive_of, archives_of, asking_of, completeness_of
from gateway.config import Config
from gateway.house import build
from storage.audit_trail import AuditTrail
from storage.scope import ListedStudies, PatientIdentity
from tests.gateway.archive.conftest import Hospital
from tests.gateway.portal_house import keep
from tests.support.synthetic import ct

BIRTH_DATE = "19500131"
PATIENT = PatientIdentity("TEST-1", "", BIRTH_DATE)


def test_a_share_that_is_issued_anew_brings_its_deleted_study_back(either: Hospital) -> None:
    either.have_here(0, 1, 2)
    issued = either.house.shares.create(ListedStudies(frozenset({either.study})), BIRTH_DATE, 30)
    either.delete()
    asking = asking_of(either.house)
    answer = asking.ask_for(either.house.shares.reissue(issued.share.id).share)
    assert (answer.missing, answer.here, answer.archive) == (1, 0, "PACS1")
    assert "PACS1 is asked" in answer.sentence
    assert asking.work_off() == 1
    assert either.here() == 3
    assert asking.work_off() == 0
    assert asking.ask_for(issued.share).sentence == ""
    (event,) = [one for one in AuditTrail(either.house.storage.database).events() if one.event == "study asked for"]
    assert (event.subject, event.detail) == (either.study, f"share={issued.share.id}")


def test_a_share_by_patient_brings_only_exactly_this_patient(one: Hospital) -> None:
    issued = one.house.shares.create(PATIENT, BIRTH_DATE, 30)
    asking = asking_of(one.house)
    assert asking.ask_for(issued.share).missing is None
    assert asking.work_off() == 1
    assert one.here() == 3
    assert len(one.house.storage.index.studies(issued.share.scope)) == 1


def test_an_archive_that_is_away_is_asked_again_later(one: Hospital) -> None:
    house = one.house
    now = [system_clock()]
    archive = archive_of(house)
    assert archive is not None
    issued = house.shares.create(ListedStudies(frozenset({one.study})), BIRTH_DATE, 30)
    asking_of(house).ask_for(issued.share)
    away = Archive(archive._caller, lambda _: Peer("PACS1", "127.0.0.1", 9), "PACS1", "move", house.storage.ingest)
    lost = Asking(house.storage.database, house.storage.index, house.shares, {"": away}, lambda: now[0])
    now[0] += timedelta(seconds=2)
    assert lost.work_off() == 0
    (row,) = house.storage.database.read("SELECT tries, told FROM archive_request")
    assert row["tries"] == 1 and row["told"]
    found = Asking(house.storage.database, house.storage.index, house.shares, {"": archive}, lambda: now[0])
    assert found.work_off() == 0
    now[0] += timedelta(seconds=61)
    assert found.work_off() == 1


def test_without_an_archive_it_is_said_plainly(tmp_path: Path) -> None:
    house = build(Config(base=tmp_path))
    issued = house.shares.create(ListedStudies(frozenset({"1.2.3"})), BIRTH_DATE, 30)
    assert "no archive is configured" in asking_of(house).ask_for(issued.share).sentence
    by_patient = house.shares.create(PATIENT, BIRTH_DATE, 30)
    assert "No study is here any more, and no archive" in asking_of(house).ask_for(by_patient.share).sentence
    keep(house, ct())
    assert asking_of(house).ask_for(by_patient.share).sentence == ""
    assert asking_of(house).work_off() == 0
    house.close()


def test_an_archive_nobody_knows_is_named(one: Hospital) -> None:
    archive = archive_of(one.house)
    assert archive is not None
    with pytest.raises(ArchiveAway, match="no peer has the AE title NOWHERE"):
        Archive(archive._caller, lambda _: None, "NOWHERE", "get", one.house.storage.ingest).count("1.2")


def test_a_share_waits_until_all_has_come_that_the_archive_has(one: Hospital) -> None:
    one.have_here(0, 1)
    issued = one.house.shares.create(PATIENT, BIRTH_DATE, 30, wait=Wait(10, for_archive=True))
    assert one.house.storage.index.studies(issued.share.scope) == []
    assert completeness_of(one.house).look() == 0
    one.have_here(2)
    assert completeness_of(one.house).look() == 1
    ready = one.house.shares.get(issued.share.id)
    assert ready.wait is None and len(one.house.storage.index.studies(ready.scope)) == 1
    assert completeness_of(one.house).look() == 0


def test_a_share_waits_for_quiet_and_not_for_ever_for_the_archive(one: Hospital) -> None:
    house, now = one.house, [system_clock()]
    both = ListedStudies(frozenset({one.study, "1.2.3"}))
    quiet = house.shares.create(PATIENT, BIRTH_DATE, 30, wait=Wait(10))
    archive = house.shares.create(PATIENT, BIRTH_DATE, 30, wait=Wait(10, for_archive=True))
    listed = house.shares.create(both, BIRTH_DATE, 30, wait=Wait(10))
    completeness = Completeness(house.storage.database, house.shares, archives_of(house), lambda: now[0])
    now[0] += timedelta(minutes=30)
    assert completeness.look() == 0
    one.have_here(0)
    now[0] = system_clock() + timedelta(minutes=9)
    assert completeness.look() == 0
    now[0] += timedelta(minutes=2)
    assert completeness.look() == 1
    assert house.shares.get(quiet.share.id).wait is None
    now[0] += timedelta(hours=24)
    assert completeness.look() == 1
    assert house.shares.get(archive.share.id).wait is None
    assert house.shares.get(listed.share.id).wait == Wait(10)
    assert house.shares.get(listed.share.id).scope == ListedStudies(frozenset())


def test_a_share_of_another_site_asks_nobody_elses_archive(one: Hospital) -> None:
    issued = one.house.shares.create(ListedStudies(frozenset({one.study})), BIRTH_DATE, 30, site="north")
    asking = asking_of(one.house)
    assert asking.ask_for(issued.share).archive == ""
    waiting = one.house.shares.create(PATIENT, BIRTH_DATE, 30, wait=Wait(10, for_archive=True), site="north")
    one.have_here(0, 1, 2)
    assert not completeness_of(one.house).is_complete(waiting.share)
    assert asking.work_off() == 0
