"""What was deleted here comes again from the archive, and a share waits until all has come that it has."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from auth.clock import system_clock
from auth.records import Wait
from dimse.settings import Peer
from gateway.archive.archive import Archive, ArchiveAway
from gateway.archive.asking import MOST_TRIES, Asking
from gateway.archive.completeness import Completeness
from gateway.archive.service import archive_of, archives_of, asking_of, completeness_of
from gateway.config import Config
from gateway.house import House, build
from storage.audit_trail import AuditTrail
from storage.scope import ListedStudies, PatientIdentity, WholeArchive
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
    told = asking.look(issued.share)
    assert (told.missing, told.here, told.archive, told.asked) == (1, 0, "PACS1", False)
    assert "PACS1 is asked when the share is extended" in told.sentence
    answer = asking.look(either.house.shares.reissue(issued.share.id).share)
    assert answer == replace(told, asked=True)
    assert "PACS1 is asked, and what it has appears" in answer.sentence
    assert asking.work_off() == 1
    assert either.here() == 3
    assert asking.work_off() == 0
    assert asking.look(issued.share).sentence == ""
    (event,) = [one for one in AuditTrail(either.house.storage.database).events() if one.event == "study asked for"]
    assert (event.subject, event.detail) == (either.study, f"share={issued.share.id}")


def test_a_share_by_patient_brings_only_exactly_this_patient(one: Hospital) -> None:
    one.have_here(0)
    issued = one.house.shares.create(PATIENT, BIRTH_DATE, 30)
    one.delete()
    asking = asking_of(one.house)
    assert asking.work_off() == 0
    answer = asking.look(one.house.shares.extend(issued.share.id, 40))
    assert (answer.missing, answer.asked) == (None, True)
    assert asking.work_off() == 1
    assert one.here() == 3
    assert len(one.house.storage.index.studies(issued.share.scope)) == 1


def test_a_share_by_patient_brings_back_what_it_had_and_nothing_else(one: Hospital) -> None:
    """Not what was never here, not what was gone before it was made, not what patients never saw."""
    house = one.house
    old, never, held = (one.have_there(study) for study in ("1.2.826.8", "1.2.826.9", "1.2.826.10"))
    one.have_here(0)
    one.have_here(0, study=old)
    one.have_here(0, study=held)
    one.delete(old)
    sql = "UPDATE tombstone SET deleted_at = '2020-01-01T00:00:00+00:00'"
    house.storage.database.write(lambda connection: connection.execute(sql))
    issued = house.shares.create(PATIENT, BIRTH_DATE, 30)
    one.delete()
    one.delete(held)
    sql = "UPDATE tombstone SET held = 1 WHERE study_instance_uid = ?"
    house.storage.database.write(lambda connection: connection.execute(sql, (held,)))
    _end(house, issued.share.id)
    house.shares.extend(issued.share.id, 40)
    assert asking_of(house).work_off() == 1
    here = [study.study_instance_uid for study in house.storage.index.studies(WholeArchive())]
    assert here == [one.study] and one.study not in (old, never, held)
    assert not _asked(house, issued.share.id)


def test_an_archive_that_is_away_is_asked_again_later(one: Hospital) -> None:
    house = one.house
    now = [system_clock()]
    archive = archive_of(house)
    assert archive is not None
    issued = house.shares.create(ListedStudies(frozenset({one.study})), BIRTH_DATE, 30)
    house.shares.extend(issued.share.id, 40)
    away = Archive(archive._caller, lambda _: Peer("PACS1", "127.0.0.1", 9), "PACS1", "move", house.storage.ingest)
    lost = Asking(house.storage.database, house.storage.index, house.shares, {"": away}, lambda: now[0])
    now[0] += timedelta(seconds=2)
    assert lost.work_off() == 0
    answer = asking_of(house).look(issued.share)
    assert answer.asked and answer.trouble and answer.trouble in answer.sentence
    found = Asking(house.storage.database, house.storage.index, house.shares, {"": archive}, lambda: now[0])
    assert found.work_off() == 0
    now[0] += timedelta(seconds=61)
    assert found.work_off() == 1


def _asked(house: House, share_id: str) -> bool:
    return asking_of(house).look(house.shares.get(share_id)).asked


def test_a_share_by_patient_that_lives_has_lost_nothing(one: Hospital) -> None:
    """It is not asked for each time that somebody extends it or prints its sheet: an archive may have decades."""
    house = one.house
    issued = house.shares.create(PATIENT, BIRTH_DATE, 30)
    one.have_here(0)
    house.shares.reissue(issued.share.id)
    house.shares.extend(issued.share.id, 40)
    assert not _asked(house, issued.share.id)
    _end(house, issued.share.id)
    house.shares.extend(issued.share.id, 40)
    assert _asked(house, issued.share.id)
    assert "Perhaps some of its studies" in asking_of(house).look(issued.share).sentence
    _give_up(house)
    assert not _asked(house, issued.share.id)
    house.shares.reissue(issued.share.id)
    assert _asked(house, issued.share.id)


def _end(house: House, share_id: str) -> None:
    sql = "UPDATE share SET expires = 1 WHERE id = ?"
    house.storage.database.write(lambda connection: connection.execute(sql, (share_id,)))
    assert house.shares.get(share_id).state == "expired"


def _give_up(house: House) -> None:
    sql = "UPDATE archive_request SET tries = ?, told = 'no answer'"
    house.storage.database.write(lambda connection: connection.execute(sql, (MOST_TRIES,)))


def test_an_archive_that_has_less_is_asked_again_later(one: Hospital) -> None:
    """It may have to get the rest from a tape."""
    both = ListedStudies(frozenset({one.study, "1.2.3"}))
    issued = one.house.shares.create(both, BIRTH_DATE, 30)
    one.house.shares.extend(issued.share.id, 40)
    asking = asking_of(one.house)
    assert asking.work_off() == 1
    answer = asking.look(issued.share)
    assert (answer.here, answer.missing, answer.asked) == (1, 1, True)
    assert "it has sent nothing of 1 studies" in answer.trouble
    _give_up(one.house)
    assert "So far in vain: no answer" in asking.look(issued.share).sentence


@pytest.mark.parametrize("ended", ["revoked", "expired"])
def test_nobody_is_asked_for_a_share_that_has_ended(one: Hospital, ended: str) -> None:
    issued = one.house.shares.create(ListedStudies(frozenset({one.study})), BIRTH_DATE, 30)
    one.house.shares.extend(issued.share.id, 40)
    if ended == "revoked":
        one.house.shares.revoke(issued.share.id)
    else:
        _end(one.house, issued.share.id)
    assert asking_of(one.house).work_off() == 0
    assert not _asked(one.house, issued.share.id)
    assert one.here() == 0


def test_without_an_archive_it_is_said_plainly(tmp_path: Path) -> None:
    house = build(Config(base=tmp_path))
    issued = house.shares.create(ListedStudies(frozenset({"1.2.3"})), BIRTH_DATE, 30)
    answer = asking_of(house).look(house.shares.reissue(issued.share.id).share)
    assert "no archive is configured" in answer.sentence and not answer.asked
    by_patient = house.shares.create(PATIENT, BIRTH_DATE, 30)
    assert "None of its studies is here, and no archive" in asking_of(house).look(by_patient.share).sentence
    keep(house, ct())
    assert asking_of(house).look(by_patient.share).sentence == ""
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
    assert asking.look(one.house.shares.extend(issued.share.id, 40)).archive == ""
    waiting = one.house.shares.create(PATIENT, BIRTH_DATE, 30, wait=Wait(10, for_archive=True), site="north")
    one.have_here(0, 1, 2)
    assert not completeness_of(one.house).is_complete(waiting.share)
    assert asking.work_off() == 0
