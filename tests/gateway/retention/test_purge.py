"""What goes, what stays and for how long, in a house whose clock stands until it is moved."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auth.digests import Verifiers
from auth.records import Issued
from auth.schema import MIGRATIONS
from auth.sessions import Sessions
from auth.shares import Shares
from gateway.retention.clock_guard import ClockGuard
from gateway.retention.purge import Purge
from storage.audit_trail import AuditTrail
from storage.deletion import Target
from storage.errors import OnHold
from storage.holds import Holds
from storage.ingest import Stored
from storage.scope import ListedStudies, PatientIdentity, WholeArchive
from storage.storage import Storage
from tests.support.synthetic import ct, part10

BIRTH_DATE = "19500131"
PATIENT = PatientIdentity("TEST-1", "", BIRTH_DATE)
PERIOD, GRACE = timedelta(days=30), timedelta(hours=24)


@dataclass
class House:
    storage: Storage
    now: datetime
    period: timedelta | None = PERIOD

    def __post_init__(self) -> None:
        database = self.storage.database
        self.shares = Shares(database, bytes(32), lambda: self.now, Verifiers(8, 1))
        self.sessions = Sessions(database, lambda: self.now)
        self.purge = Purge(
            self.storage, self.shares, lambda: self.now, lambda study: self.period, GRACE, timedelta(days=100)
        )

    def put(self, **attributes: Any) -> Stored:
        incoming = self.storage.ingest.receive()
        incoming.write(part10(ct(**attributes)))
        stored = self.storage.ingest.store(incoming, source="test")
        written = self.now.isoformat(timespec="seconds")
        sql = "UPDATE instance SET received_at = ? WHERE sop_instance_uid = ?"
        self.storage.database.write(lambda connection: connection.execute(sql, (written, stored.sop_instance_uid)))
        return stored

    def share(self, *stored: Stored, days: int = 10, opened: bool = True) -> Issued:
        studies = ListedStudies(frozenset(one.study_instance_uid for one in stored))
        issued = self.shares.create(studies if stored else PATIENT, BIRTH_DATE, days)
        if opened:
            self.sessions.begin(issued.share)
        return issued

    def live(self, **time: float) -> list[str]:
        """Let time go by, with a pass every hour of the last three days and one each day before."""
        deleted, end = [], self.now + timedelta(**time)
        while self.now < end:
            by_days = end - self.now > timedelta(days=3)
            self.now = min(end, self.now + (timedelta(days=1) if by_days else timedelta(hours=1)))
            if by_days:
                ClockGuard(self.storage.database).still(int(self.now.timestamp()))
            deleted += self.purge.run().deleted
        return deleted

    def events(self, subject: str) -> list[str]:
        return [one.event for one in AuditTrail(self.storage.database).events() if one.subject == subject]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    storage = Storage.open(tmp_path / "data")
    storage.database.migrate(MIGRATIONS)
    made = House(storage, datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    made.purge.run()
    yield made
    storage.close()


def test_without_a_share_a_study_stays_for_the_period_and_the_grace(house: House) -> None:
    study = house.put().study_instance_uid
    assert house.live(days=30) == []
    assert house.live(hours=1) == []
    assert house.events(study) == ["deletion marked"]
    assert house.live(hours=24) == [study]
    assert house.events(study) == ["deletion marked", "deleted"]


def test_a_share_that_was_opened_keeps_it_until_the_period_after_its_end(house: House) -> None:
    stored = house.put()
    end = house.share(stored, days=40).share.expires
    assert house.live(seconds=(end + PERIOD - house.now).total_seconds()) == []
    assert house.live(hours=25) == [stored.study_instance_uid]


def test_what_nobody_opened_goes_at_the_end_of_the_share(house: House) -> None:
    stored = house.put()
    end = house.share(days=5, opened=False).share.expires
    assert house.live(seconds=(end - house.now).total_seconds()) == []
    assert house.live(hours=25) == [stored.study_instance_uid]


def test_one_share_of_several_is_enough(house: House) -> None:
    stored = house.put()
    house.share(stored, days=1, opened=False)
    house.share(days=60)
    other = house.put(PatientID="TEST-2").study_instance_uid
    assert house.live(days=40) == [other]


def test_a_revoked_share_ends_when_it_was_revoked(house: House) -> None:
    stored = house.put()
    issued = house.share(stored, days=300)
    house.live(days=1)
    house.shares.revoke(issued.share.id)
    assert house.live(days=30) == []
    assert house.live(hours=26) == [stored.study_instance_uid]


def test_what_the_patient_wants_deleted_goes_at_once_unless_somebody_else_needs_it(house: House) -> None:
    stored, other = house.put(), house.put()
    house.share(other)
    house.shares.revoke(house.share(stored, other).share.id, erase=True)
    assert house.live(hours=26) == [stored.study_instance_uid]


def test_a_share_that_ended_before_the_study_came_has_no_say(house: House) -> None:
    house.share(days=0)
    house.live(days=2)
    stored = house.put()
    assert house.live(days=30) == []
    assert house.live(days=2) == [stored.study_instance_uid]


def test_whoever_needs_it_again_during_the_grace_keeps_it(house: House) -> None:
    stored, other = house.put(), house.put()
    house.live(days=30, hours=2)
    house.share(stored)
    house.put(StudyInstanceUID=other.study_instance_uid, SeriesInstanceUID="1.2.3.9")
    assert house.live(days=5) == []
    for one in (stored, other):
        assert house.events(one.study_instance_uid)[:2] == ["deletion marked", "deletion unmarked"]


def test_a_share_in_the_moment_of_deletion_keeps_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = house.put()
    house.live(days=30, hours=23)
    house.now += timedelta(minutes=50)
    plan = list(house.purge.leaving())
    monkeypatch.setattr(house.purge, "leaving", lambda: house.share(stored) and plan)
    house.now += timedelta(minutes=50)
    assert house.purge.run().deleted == []


def test_a_period_without_end_keeps_everything(house: House) -> None:
    house.put()
    house.period = None
    assert house.live(days=100) == []


def test_a_hold_keeps_it_from_everybody(house: House) -> None:
    stored, patients = house.put(), house.put(PatientID="TEST-2")
    holds = Holds(house.storage.database)
    by_study = holds.add(study_instance_uid=stored.study_instance_uid, reason="Az. 1")
    holds.add(patient_id="TEST-2", reason="Az. 2")
    assert house.live(days=40) == []
    for one in (stored, patients):
        with pytest.raises(OnHold):
            house.storage.deletion.delete(WholeArchive(), Target(one.study_instance_uid), source="desk")
    holds.remove(by_study.id)
    assert house.live(days=2) == [stored.study_instance_uid]
    assert [one.patient_id for one in holds.list()] == ["TEST-2"]


@pytest.mark.parametrize("more", [{}, {"study_instance_uid": "1.2", "patient_id": "A"}, {"patient_id": " "}])
def test_a_hold_lies_on_something(house: House, more: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either"):
        Holds(house.storage.database).add(reason="Az. 1", **more)


def test_a_dry_run_says_what_would_go_and_changes_nothing(house: House) -> None:
    stored = house.put()
    house.live(days=31, minutes=30)
    late = house.put(PatientID="TEST-2").study_instance_uid
    before = len(list(AuditTrail(house.storage.database).events()))
    house.now += timedelta(minutes=59)
    would = house.purge.would()
    assert (would.deleted, would.instances, would.marked) == ([stored.study_instance_uid], 1, [])
    assert would.size > 0
    assert len(list(AuditTrail(house.storage.database).events())) == before
    assert house.purge.run().deleted == would.deleted
    assert late not in would.deleted


@pytest.mark.parametrize("jump", [timedelta(hours=2), timedelta(days=6), -timedelta(hours=2)])
def test_a_clock_that_jumps_stops_deletion_and_the_grace_begins_anew(house: House, jump: timedelta) -> None:
    stored = house.put()
    house.live(days=30, hours=23)
    house.now += jump
    done = house.purge.run()
    assert done.stopped and done.deleted == []
    assert "clock jumped" in house.events("gateway")
    assert house.live(hours=23) == []
    assert house.live(hours=8) == [stored.study_instance_uid]


@pytest.mark.parametrize("jump", [timedelta(days=400), -timedelta(days=20)])
def test_after_a_jump_of_weeks_somebody_has_to_look(house: House, jump: timedelta) -> None:
    house.put()
    house.now += jump
    assert house.purge.run().stopped
    assert house.live(days=60) == []
    assert "more than a week" in house.purge.run().stopped
    assert house.purge.would().stopped
    ClockGuard(house.storage.database).confirm(int(house.now.timestamp()))
    assert house.purge.run().stopped == ""
    assert len(house.live(days=2)) == 1


def test_shares_are_forgotten_long_after_their_end(house: House) -> None:
    parent = house.share(days=1)
    house.live(days=2)
    house.share(days=300)
    house.live(days=98)
    assert len(house.shares.list()) == 2
    house.now += timedelta(minutes=30)
    assert house.purge.would().forgotten_shares == []
    house.live(days=2)
    assert len(house.shares.list()) == 1
    assert house.events(parent.share.id)[-1] == "share forgotten"


def test_what_a_worker_cannot_delete_now_does_not_stop_the_others(house: House) -> None:
    first, second = house.put(), house.put()
    house.live(days=30, hours=23)
    plan = list(house.purge.leaving())
    house.storage.deletion.delete(WholeArchive(), Target(first.study_instance_uid), source="desk")
    house.now += timedelta(minutes=50)
    house.purge.run()
    assert len(plan) == 2
    assert house.live(hours=2) == [second.study_instance_uid]
    assert house.storage.database.read("SELECT * FROM departure") == []
