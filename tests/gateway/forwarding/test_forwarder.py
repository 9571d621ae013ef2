"""Working off deliveries, with targets that do as the test says."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED
from concurrent.futures import wait as wait_for_any
from pathlib import Path
from typing import Any

import pytest

from dimse.exchange import AssociationLost
from dimse.scu.commitment import CommitmentRefused
from dimse.scu.storage import SubOperation
from dimse.scu.trouble import Trouble, TroubleKind
from dimse.scu.wire import AssociationFailed
from dimse.status import Status
from gateway.forwarding.deliveries import HELD_SECONDS, Deliveries
from gateway.forwarding.delivery import Delivery, Wanted
from gateway.forwarding.forwarder import Forwarder
from gateway.forwarding.rules import Selection
from gateway.forwarding.targets import Targets, Unreachable
from gateway.sections import TargetConfig
from storage.commitment.references import Reference, Verdict
from storage.records import InstanceRecord
from storage.scope import WholeArchive
from tests.gateway.forwarding.conftest import Hands
from tests.support.keeping import Keeping
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

HOUR = 3600.0
Answer = Callable[[InstanceRecord], SubOperation]


def taken(record: InstanceRecord) -> SubOperation:
    return SubOperation(record, 0)


def failing(record: InstanceRecord, comment: str) -> SubOperation:
    return SubOperation(record, 0x0110, comment, is_answered=False, trouble=TroubleKind.LOST)


class Scripted:
    """A target that answers as `answer` says, and remembers what it was sent."""

    ae_title = "PACS1"

    def __init__(self, answer: Answer = taken, commitment: Any = None) -> None:
        self.answer = answer
        self.sent: list[str] = []
        self._commitment = commitment

    def send(self, records: Sequence[InstanceRecord]) -> Generator[SubOperation, None, None]:
        for record in records:
            self.sent.append(record.sop_instance_uid)
            yield self.answer(record)

    def commitment(self) -> Any:
        return self._commitment


class Known(Targets):
    """Targets of the test by their names."""

    def __init__(self, at_once: int = 1, **targets: Scripted) -> None:
        self.configured = {name: TargetConfig(name=name, ae_title="X", at_once=at_once) for name in targets}
        self._known = targets

    def target(self, name: str) -> Scripted:
        if name not in self._known:
            raise Unreachable(TroubleKind.UNCONFIGURED, "nobody knows it")
        return self._known[name]


class House:
    def __init__(self, keeping: Keeping, deliveries: Deliveries) -> None:
        self.keeping = keeping
        self.deliveries = deliveries

    def put(self, count: int, study: str = "1.2", source: str = "CT1@10.0.0.1") -> list[str]:
        uids = []
        for number in range(1, count + 1):
            incoming = self.keeping.ingest.receive()
            incoming.write(part10(ct(number=number, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1")))
            uids.append(self.keeping.ingest.store(incoming, source=source).sop_instance_uid)
        return uids

    def want(self, target: str = "A", study: str = "1.2") -> Delivery:
        place = self.keeping.index.arrivals(WholeArchive(), None).place
        return self.deliveries.want(Wanted("", target, study, 0, place, Selection(), place))

    def work(self, targets: Targets) -> list[Delivery]:
        """All that is due, to its end."""
        forwarder = Forwarder(self.keeping.index, self.deliveries, targets, HOUR)
        while begun := forwarder.begin():
            for one in begun:
                one.result(PATIENCE)
        forwarder.close()
        return self.deliveries.listed(["waiting", "delivered", "failed"])


@pytest.fixture
def house(keeping: Keeping, deliveries: Deliveries) -> House:
    return House(keeping, deliveries)


def test_everything_is_sent_in_the_order_in_which_it_came(house: House) -> None:
    uids, target = house.put(3), Scripted()
    house.want()
    (done,) = house.work(Known(A=target))
    assert (done.state, done.sent, done.warned, target.sent) == ("delivered", 3, 0, uids)


def test_nothing_goes_back_to_where_it_came_from(house: House) -> None:
    theirs, ours = house.put(1, source="PACS1@10.0.0.9"), house.put(1)
    target = Scripted()
    house.want()
    (done,) = house.work(Known(A=target))
    assert (done.state, target.sent) == ("delivered", ours)
    assert theirs != ours


def test_what_was_taken_is_not_sent_again(house: House, hands: Hands) -> None:
    uids = house.put(3)
    lost = Scripted(lambda one: taken(one) if one.instance_number == 1 else failing(one, "lost"))
    house.want()
    (waiting,) = house.work(Known(A=lost))
    assert (waiting.state, waiting.sent, waiting.attempts) == ("waiting", 1, 1)
    assert waiting.trouble == Trouble(TroubleKind.LOST, "2 of 3 instances could not be sent: 0110H lost")
    hands.now += HOUR / 2
    target = Scripted(lambda one: SubOperation(one, 0xB000 if one.instance_number == 3 else 0))
    (done,) = house.work(Known(A=target))
    assert (done.state, done.sent, done.warned, target.sent) == ("delivered", 3, 1, uids[1:])


@pytest.mark.parametrize(
    ("status", "answered", "state", "kind"),
    [
        (0xA700, True, "waiting", "full"),
        (0xA900, True, "failed", "refused"),
        (0xC000, True, "failed", "refused"),
        (0x0124, True, "failed", "rights"),
        (0x0122, False, "failed", "unsupported"),
        (0x0110, False, "waiting", "refused"),
    ],
)
def test_what_may_pass_is_tried_again_and_what_will_not_is_told(
    house: House, status: int, answered: bool, state: str, kind: str
) -> None:
    house.put(2)
    house.want()
    stubborn = Scripted(
        lambda one: SubOperation(one, status, "so", answered) if one.instance_number == 2 else taken(one)
    )
    (found,) = house.work(Known(A=stubborn))
    assert (found.state, found.sent, found.refused) == (state, 1, 1 if state == "failed" else 0)
    assert found.trouble and found.trouble.kind == kind and f"{status:04X}H so" in found.trouble.sentence


def test_a_target_that_is_down_holds_up_nobody(house: House, hands: Hands) -> None:
    house.put(1)
    house.want("A"), house.want("B"), house.want("C")
    down = Scripted(lambda one: failing(one, "down"))
    found = {one.wanted.target: one for one in house.work(Known(A=down, B=Scripted()))}
    assert {name: one.state for name, one in found.items()} == {"A": "waiting", "B": "delivered", "C": "waiting"}
    # Nobody sends to what the configuration names no more; it must not wait without a word.
    assert found["C"].trouble and found["C"].trouble.kind == TroubleKind.UNCONFIGURED
    hands.now += 2 * HOUR
    states = {one.wanted.target: one.state for one in house.work(Known(A=down))}
    assert states["A"] == "failed" == states["C"]


def test_no_more_at_once_than_a_target_may_have(house: House) -> None:
    for study in ("1.2", "1.3", "1.4", "1.5"):
        house.put(1, study)
        house.want(study=study)
    barrier = threading.Barrier(2, timeout=PATIENCE)
    most, now = [0], [0]
    lock = threading.Lock()

    def answer(record: InstanceRecord) -> SubOperation:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        barrier.wait()
        with lock:
            now[0] -= 1
        return taken(record)

    done = house.work(Known(at_once=2, A=Scripted(answer)))
    assert {one.state for one in done} == {"delivered"} and most == [2]


def test_targets_that_are_slow_leave_threads_for_the_others(house: House) -> None:
    released = threading.Event()

    def wait(record: InstanceRecord) -> SubOperation:
        assert released.wait(PATIENCE)
        return taken(record)

    known: dict[str, Any] = {f"slow{number}": Scripted(wait) for number in range(9)} | {"swift": Scripted()}
    house.put(1)
    for name in known:
        house.want(name)
    forwarder = Forwarder(house.keeping.index, house.deliveries, Known(**known), HOUR)
    try:
        wait_for_any(forwarder.begin(), 30, FIRST_COMPLETED)
        assert [one.wanted.target for one in house.deliveries.listed(["delivered"])] == ["swift"]
    finally:
        released.set()
        forwarder.close()


def test_what_takes_long_is_not_taken_up_twice(house: House, hands: Hands) -> None:
    """An instance may take longer than a delivery is held without a word."""
    uids = house.put(1)
    house.want()
    sending, sent = threading.Event(), threading.Event()

    def answer(record: InstanceRecord) -> SubOperation:
        sending.set()
        assert sent.wait(PATIENCE)
        return taken(record)

    target = Scripted(answer)
    forwarder = Forwarder(house.keeping.index, house.deliveries, Known(at_once=2, A=target), HOUR)
    (begun,) = forwarder.begin()
    assert sending.wait(PATIENCE)
    for _ in range(4):
        hands.now += HELD_SECONDS - 1
        assert forwarder.begin() == []
    sent.set()
    begun.result(PATIENCE)
    forwarder.close()
    (done,) = house.deliveries.listed(["delivered"])
    assert (done.sent, target.sent) == (1, uids)


def test_stopping_leaves_the_rest_to_the_next_one(house: House) -> None:
    uids = house.put(3)
    house.want()
    targets = Known(A=Scripted())
    forwarder = Forwarder(house.keeping.index, house.deliveries, targets, HOUR)
    stopping = threading.Thread(target=forwarder.close)

    def answer(record: InstanceRecord) -> SubOperation:
        stopping.start()
        while not forwarder.is_stopping:
            pass
        return taken(record)

    targets.target("A").answer = answer
    (begun,) = forwarder.begin()
    begun.result(PATIENCE)
    stopping.join(PATIENCE)
    (waiting,) = house.deliveries.listed()
    assert (waiting.sent, waiting.attempts, waiting.trouble) == (1, 0, None)
    rest = Scripted()
    (done,) = house.work(Known(A=rest))
    assert (done.state, rest.sent) == ("delivered", uids[1:])


class Away:
    """Somebody who cannot be asked for commitment."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def request(self, references: Sequence[Reference]) -> str:
        raise self.error


class Notary:
    """Somebody who commits to all but `missing`, at the second look if `slow`."""

    def __init__(self, missing: Sequence[str] = (), *, slow: bool = False) -> None:
        self.missing = missing
        self.slow = slow
        self.asked: list[Sequence[Reference]] = []

    def request(self, references: Sequence[Reference]) -> str:
        self.asked.append(references)
        return "1.2.3"

    def wait(self, uid: str, seconds: float) -> tuple[Verdict, ...] | None:
        assert uid == "1.2.3"
        if self.slow:
            self.slow = False
            return None
        return tuple(Verdict(one, 0x0112 if one.sop_instance_uid in self.missing else 0) for one in self.asked[0])


def test_commitment_is_asked_for_once_and_waited_for(house: House, hands: Hands) -> None:
    uids, notary = house.put(2), Notary(slow=True)
    target = Scripted(commitment=notary)
    house.want()
    (waiting,) = house.work(Known(A=target))
    assert (waiting.state, waiting.sent, waiting.transaction_uid) == ("waiting", 2, "1.2.3")
    assert waiting.trouble and waiting.trouble.kind == "report" and "has not come yet" in waiting.trouble.sentence
    hands.now += HOUR / 2
    (done,) = house.work(Known(A=target))
    assert (done.state, done.committed, len(notary.asked)) == ("delivered", True, 1)
    assert [one.sop_instance_uid for one in notary.asked[0]] == uids == target.sent


def test_what_is_not_committed_to_is_told(house: House) -> None:
    uids = house.put(2)
    house.want()
    (failed,) = house.work(Known(A=Scripted(commitment=Notary(uids[:1]))))
    assert (failed.state, failed.refused, failed.committed) == ("failed", 1, False)
    assert failed.trouble and failed.trouble.kind == "uncommitted"
    assert house.deliveries.owed(["1.2"]) == {"1.2"}


def test_targets_say_what_is_missing(tmp_path: Path) -> None:
    configured = [
        TargetConfig(name="A", ae_title="NOBODY"),
        TargetConfig(name="B", url="http://127.0.0.1:1", token_file="missing"),
    ]
    targets = Targets(None, None, lambda _: None, configured, tmp_path)  # type: ignore[arg-type]
    for name, kind, sentence in (
        ("A", "unconfigured", "ae add"),
        ("B", "rights", "cannot be read"),
        ("C", "unconfigured", "no target any more"),
    ):
        with pytest.raises(Unreachable, match=sentence) as raised:
            targets.target(name)
        assert raised.value.trouble.kind == kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AssociationFailed("name", "so"), "name"),
        (AssociationFailed("tcp", "so"), "unreachable"),
        (AssociationFailed("tls", "so"), "tls"),
        (AssociationFailed("association", "so"), "association"),
        (AssociationLost("so"), "lost"),
        (CommitmentRefused(Status(0x0110)), "uncommitted"),
    ],
    ids=["name", "tcp", "tls", "association", "lost", "refused"],
)
def test_what_commitment_meets_has_a_kind(house: House, error: Exception, kind: str) -> None:
    house.put(1)
    house.want()
    (waiting,) = house.work(Known(A=Scripted(commitment=Away(error))))
    assert (waiting.state, waiting.sent) == ("waiting", 1)
    assert waiting.trouble == Trouble(TroubleKind(kind), str(error))


def test_what_was_deleted_meanwhile_is_not_missed(house: House) -> None:
    house.put(1)
    house.want()
    house.keeping.database.write(lambda connection: connection.execute("DELETE FROM instance"))
    (done,) = house.work(Known(A=Scripted()))
    assert (done.state, done.sent) == ("delivered", 0)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert [one for one in threading.enumerate() if one.name.startswith("forwarding")] == []
