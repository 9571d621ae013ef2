"""The worklist below HTTP: several processes, crashes, what is forgotten and who is told (PS3.4 annex CC)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.database import Database
from storage.errors import CannotUnderstand, DuplicateInstance
from storage.schema import MIGRATIONS
from storage.worklist.data_sets import DataSet, element
from storage.worklist.refusals import WorkitemRefused
from storage.worklist.reports import EVENT_TYPE
from storage.worklist.states import State
from storage.worklist.subscriptions import FILTERED_WORKLIST, MOST_EVENTS, WORKLIST
from storage.worklist.worklist import FORGOTTEN, Worklist
from tests.support.workitems import new_uid, performed, workitem


@pytest.fixture
def now() -> list[float]:
    return [1_000_000.0]


@pytest.fixture
def process(tmp_path: Path, now: list[float]) -> Iterator[Callable[[], Worklist]]:
    """The worklist as one more process opens it."""
    opened: list[Database] = []

    def open_one() -> Worklist:
        opened.append(Database(tmp_path / "database"))
        opened[-1].migrate(MIGRATIONS)
        return Worklist(opened[-1], lambda: now[0])

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def worklist(process: Callable[[], Worklist]) -> Worklist:
    return process()


def states(worklist: Worklist, aetitle: str) -> list[str]:
    """The states in the events that wait for this subscriber."""
    reports = [event.report for event in worklist.events.after(aetitle, 0)]
    return [report["00741000"]["Value"][0] for report in reports if "00741000" in report]


def status_of(work: Callable[[], object]) -> int:
    with pytest.raises(WorkitemRefused) as refused:
        work()
    return refused.value.dicom_status


def test_one_of_many_claims_succeeds(process: Callable[[], Worklist]) -> None:
    """CC.2.1.2: whoever comes second gets C301H, in whichever process."""
    processes, uid = [process() for _ in range(3)], new_uid()
    processes[0].create(uid, workitem())
    outcomes: list[int] = []
    begin = threading.Barrier(9)

    def claim(own: Worklist) -> None:
        begin.wait()
        try:
            own.change_state(uid, State.IN_PROGRESS, new_uid())
            outcomes.append(0)
        except WorkitemRefused as refusal:
            outcomes.append(refusal.dicom_status)

    threads = [threading.Thread(target=claim, args=(processes[number % 3],)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0] + [0xC301] * 8


def test_another_process_finds_it_all(process: Callable[[], Worklist], worklist: Worklist) -> None:
    """A claim, a subscription and its events are durable when they have been answered."""
    uid, claim = new_uid(), new_uid()
    worklist.subscribe(WORKLIST, "WATCHER", deletion_lock=False)
    worklist.create(uid, workitem())
    worklist.change_state(uid, State.IN_PROGRESS, claim)
    other = process()
    assert states(other, "WATCHER") == ["SCHEDULED", "IN PROGRESS"]
    other.update(uid, performed(), claim)
    other.change_state(uid, State.COMPLETED, claim)
    assert states(other, "WATCHER") == ["SCHEDULED", "IN PROGRESS", "COMPLETED"]


def test_what_is_refused_leaves_no_trace(worklist: Worklist) -> None:
    """Neither in the workitem nor in the events."""
    uid, claim = new_uid(), new_uid()
    worklist.subscribe(WORKLIST, "WATCHER", deletion_lock=False)
    worklist.create(uid, workitem())
    worklist.change_state(uid, State.IN_PROGRESS, claim)
    before = worklist.retrieve(uid)
    with pytest.raises(DuplicateInstance):
        worklist.create(uid, workitem())
    with pytest.raises(CannotUnderstand):
        worklist.update(uid, {"00741200": element("CS", "ASAP")}, claim)
    assert status_of(lambda: worklist.change_state(uid, State.COMPLETED, claim)) == 0xC304
    assert status_of(lambda: worklist.update(uid, performed(), new_uid())) == 0xC301
    assert status_of(lambda: worklist.retrieve(new_uid())) == 0xC307
    assert worklist.retrieve(uid) == before
    assert states(worklist, "WATCHER") == ["SCHEDULED", "IN PROGRESS"]


def test_finished_workitems_are_forgotten_unless_locked(worklist: Worklist, now: list[float]) -> None:
    """CC.2.1.3: not before all deletion locks have been removed; then 410, and the UID is never used again."""
    finished, locked, scheduled = (new_uid() for _ in range(3))
    for uid in (finished, locked, scheduled):
        worklist.create(uid, workitem())
    worklist.subscribe(locked, "KEEPER", deletion_lock=True)
    worklist.subscribe(finished, "WATCHER", deletion_lock=False)
    for uid in (finished, locked):
        worklist.request_cancel(uid, {})
    now[0] += FORGOTTEN
    assert worklist.forget() == 0
    now[0] += 1
    assert worklist.forget() == 1
    for refused in (
        lambda: worklist.retrieve(finished),
        lambda: worklist.update(finished, {}, ""),
        lambda: worklist.change_state(finished, State.IN_PROGRESS, "1.2"),
        lambda: worklist.request_cancel(finished, {}),
        lambda: worklist.subscribe(finished, "WATCHER", deletion_lock=True),
        lambda: worklist.unsubscribe(finished, "WATCHER"),
    ):
        with pytest.raises(WorkitemRefused) as gone:
            refused()
        assert gone.value.http_status == 410
    with pytest.raises(DuplicateInstance):
        worklist.create(finished, workitem())
    there = [one["00080018"]["Value"][0] for one in worklist.search((), limit=10).data_sets]
    assert sorted(there) == sorted([locked, scheduled])
    worklist.subscribe(locked, "KEEPER", deletion_lock=False)
    assert worklist.forget() == 1


def test_subscribing_to_everything_with_a_lock_tells_of_everything(worklist: Worklist) -> None:
    """Table CC.2.3-2: those who are subscribed already are told nothing, and keep the lock that they have."""
    known, other = new_uid(), new_uid()
    worklist.create(known, workitem())
    worklist.subscribe(known, "WATCHER", deletion_lock=False)
    worklist.create(other, workitem())
    worklist.subscribe(WORKLIST, "WATCHER", deletion_lock=True)
    assert [event.report["00001000"]["Value"][0] for event in worklist.events.after("WATCHER", 0)] == [known, other]
    worklist.subscribe(WORKLIST, "OTHER", deletion_lock=False)
    assert worklist.events.after("OTHER", 0) == []
    for uid in (known, other):
        worklist.request_cancel(uid, {})
    assert states(worklist, "OTHER") == ["IN PROGRESS", "CANCELED"] * 2


def test_the_last_subscription_to_the_worklist_counts(worklist: Worklist) -> None:
    """An AE has one global subscription state (CC.2.3.1); both well-known UIDs speak of it."""
    worklist.subscribe(WORKLIST, "WATCHER", deletion_lock=False)
    worklist.subscribe(FILTERED_WORKLIST, "WATCHER", deletion_lock=False, keys=(("WorklistLabel", "MR"),))
    worklist.create(new_uid(), workitem())
    assert states(worklist, "WATCHER") == []
    worklist.unsubscribe(WORKLIST, "WATCHER")
    worklist.create(new_uid(), workitem(t00741202=element("LO", "MR")))
    assert states(worklist, "WATCHER") == []
    assert status_of(lambda: worklist.suspend(FILTERED_WORKLIST, "WATCHER")) == 0xC307


def test_a_restart_is_told_to_everybody_once(worklist: Worklist) -> None:
    """CC.2.4.3: SCP Status Change, whatever one is subscribed to."""
    uid = new_uid()
    worklist.restarted()
    worklist.subscribe(WORKLIST, "WATCHER", deletion_lock=False)
    worklist.create(uid, workitem())
    worklist.subscribe(uid, "OTHER", deletion_lock=False)
    worklist.restarted()
    for aetitle in ("WATCHER", "OTHER"):
        *_, last = worklist.events.after(aetitle, 0)
        assert (last.report[EVENT_TYPE]["Value"], last.report["00001000"]["Value"]) == ([4], [WORKLIST])
        assert last.report["00741242"]["Value"] == ["RESTARTED"]


def test_events_are_bounded(worklist: Worklist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.worklist.subscriptions.MOST_EVENTS", 10)
    assert MOST_EVENTS == 100_000
    worklist.subscribe(WORKLIST, "WATCHER", deletion_lock=False)
    for _ in range(15):
        worklist.create(new_uid(), workitem())
    assert [event.number for event in worklist.events.after("WATCHER", 0)] == list(range(6, 16))


def test_what_was_delivered_only_rises(worklist: Worklist) -> None:
    """Two channels of one subscriber: the slower one takes nothing back."""
    for number, known in ((5, 5), (3, 5), (7, 7)):
        worklist.events.acknowledge("WATCHER", number)
        assert worklist.events.delivered("WATCHER") == known
    assert worklist.events.delivered("OTHER") == 0


@pytest.mark.parametrize("uid", [WORKLIST, FILTERED_WORKLIST])
def test_the_uids_of_the_worklist_are_no_workitems(worklist: Worklist, uid: str) -> None:
    with pytest.raises(CannotUnderstand):
        worklist.create(uid, workitem())
    assert status_of(lambda: worklist.retrieve(uid)) == 0xC307


def test_the_moment_of_the_last_change(worklist: Worklist, now: list[float]) -> None:
    """Scheduled Procedure Step Modification DateTime (0040,4010) is ours to set (table CC.2.5-3)."""
    uid = new_uid()
    worklist.create(uid, workitem())

    def modified(data_set: DataSet) -> str:
        return str(data_set["00404010"]["Value"][0])

    assert modified(worklist.retrieve(uid)) == "19700112134640.000000+0000"
    now[0] += 1
    worklist.update(uid, {"00741204": element("LO", "Again")}, "")
    assert modified(worklist.retrieve(uid)) == "19700112134641.000000+0000"


def test_who_has_to_account_for_a_workitem_finds_what_became_of_it(tmp_path: Path, worklist: Worklist) -> None:
    """UIDs and states, nothing of patients, and no Transaction UID."""
    uid, claim = new_uid(), new_uid()
    worklist.create(uid, workitem())
    worklist.change_state(uid, State.IN_PROGRESS, claim)
    worklist.update(uid, performed(), claim)
    worklist.change_state(uid, State.COMPLETED, claim)
    with closing(Database(tmp_path / "database")) as database:
        rows = database.read("SELECT event, subject, detail FROM audit ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("workitem created", uid, ""),
        ("workitem state", uid, "state=IN PROGRESS"),
        ("workitem state", uid, "state=COMPLETED"),
    ]
