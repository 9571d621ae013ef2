"""What is owed to peers, through time and restarts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.commitment.holding import Holding
from storage.commitment.references import Reference, Verdict
from storage.commitment.requests import Requests
from storage.commitment.transactions import HELD_SECONDS, LAST_ATTEMPT, LONGEST_PAUSE, NoLongerHeld, Transactions
from storage.database import Database
from storage.schema import MIGRATIONS

ONE, OTHER = (Reference("1.2", "1.2.3"),), (Reference("1.2", "1.2.3"), Reference("1.2", "1.2.4"))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "database.sqlite")
    database.migrate(MIGRATIONS)
    yield database
    database.close()


@pytest.fixture
def transactions(database: Database, clock: Clock) -> Transactions:
    return Transactions(database, clock)


def outcomes(database: Database) -> list[str]:
    return [row["outcome"] for row in database.read("SELECT outcome FROM commitment_transaction ORDER BY id")]


def test_a_request_survives_and_is_taken_up_when_nobody_holds_it_any_more(
    transactions: Transactions, clock: Clock, tmp_path: Path
) -> None:
    opened = transactions.open("MODALITY", "1.2.9", OTHER)
    assert transactions.peers_due() == []
    clock.now += HELD_SECONDS
    other_process = Database(tmp_path / "database.sqlite")
    others = Transactions(other_process, clock)
    assert others.peers_due() == ["MODALITY"]
    assert others.take_up("ELSEWHERE", 5, verified=False) == []
    (taken,) = others.take_up("MODALITY", 5, verified=False)
    assert (taken.transaction_uid, taken.references, taken.verdicts) == ("1.2.9", OTHER, None)
    for late in (transactions.hold, transactions.reported, transactions.hand_over, transactions.postpone):
        with pytest.raises(NoLongerHeld):
            late(opened)
    with pytest.raises(NoLongerHeld):
        transactions.verified(opened, [])
    assert transactions.peers_due() == []
    other_process.close()


def test_verdicts_are_kept_and_accounted_for(transactions: Transactions, database: Database) -> None:
    opened = transactions.open("MODALITY", "1.2.9", OTHER)
    verdicts = (Verdict(OTHER[0]), Verdict(OTHER[1], 0x0112))
    transactions.verified(opened, verdicts)
    transactions.hand_over(opened)
    assert transactions.take_up("MODALITY", 5, verified=False) == []
    (taken,) = transactions.take_up("MODALITY", 5, verified=True)
    assert taken.verdicts == verdicts
    transactions.reported(taken)
    assert transactions.peers_due() == [] and outcomes(database) == ["reported"]
    (audited,) = database.read("SELECT event, subject, detail FROM audit")
    assert tuple(audited) == ("storage commitment", "1.2.9", "peer=MODALITY committed=1 failed=1")


def test_holding_on_keeps_others_away(transactions: Transactions, clock: Clock) -> None:
    opened = transactions.open("MODALITY", "1.2.9", ONE)
    for _ in range(5):
        clock.now += HELD_SECONDS - 1
        assert transactions.peers_due() == []
        transactions.hold(opened)


def test_long_work_says_now_and_then_that_it_goes_on(
    transactions: Transactions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.commitment.holding.time.monotonic", clock)
    hold = Holding(transactions, transactions.open("MODALITY", "1.2.9", ONE))
    for _ in range(40):
        clock.now += 1
        hold()
        assert transactions.peers_due() == []
    clock.now += HELD_SECONDS
    transactions.take_up("MODALITY", 1, verified=False)
    with pytest.raises(NoLongerHeld):
        hold()


def test_pauses_grow_until_the_peer_is_given_up(transactions: Transactions, clock: Clock, database: Database) -> None:
    begun, pauses = clock.now, []
    transaction = transactions.open("MODALITY", "1.2.9", ONE)
    transactions.verified(transaction, [Verdict(ONE[0])])
    while (pause := transactions.postpone(transaction)) is not None:
        pauses.append(pause)
        clock.now += pause - 1
        assert transactions.peers_due() == []
        clock.now += 1
        (transaction,) = transactions.take_up("MODALITY", 5, verified=True)
    assert pauses[:4] == [10, 20, 40, 80] and max(pauses) == pauses[-1] == LONGEST_PAUSE
    assert LAST_ATTEMPT - LONGEST_PAUSE <= clock.now - begun <= LAST_ATTEMPT
    assert transactions.peers_due() == [] and outcomes(database) == ["given up"]


def test_the_same_request_again_is_answered_once_more(
    transactions: Transactions, clock: Clock, database: Database
) -> None:
    first = transactions.open("MODALITY", "1.2.9", OTHER)
    again = transactions.open("MODALITY", "1.2.9", OTHER[::-1])
    assert again.verdicts is None
    with pytest.raises(NoLongerHeld):
        transactions.reported(first)
    transactions.reported(again)
    transactions.open("MODALITY", "1.2.9", OTHER)
    assert outcomes(database) == ["asked anew", "reported", ""]


def test_other_instances_under_a_known_transaction_uid_fail(transactions: Transactions) -> None:
    first = transactions.open("MODALITY", "1.2.9", ONE)
    conflicting = transactions.open("OTHER", "1.2.9", OTHER)
    assert conflicting.verdicts == tuple(Verdict(one, 0x0131) for one in OTHER)
    transactions.reported(first)
    assert transactions.open("MODALITY", "1.2.9", OTHER).verdicts == conflicting.verdicts
    assert transactions.open("MODALITY", "1.2.9", ONE).verdicts is None


def test_what_is_finished_is_forgotten_after_a_month(
    transactions: Transactions, clock: Clock, database: Database
) -> None:
    transactions.reported(transactions.open("MODALITY", "1.2.9", ONE))
    transactions.open("MODALITY", "1.2.10", ONE)
    clock.now += 29 * 86_400
    transactions.forget()
    assert outcomes(database) == ["reported", ""]
    clock.now += 2 * 86_400
    transactions.forget()
    assert outcomes(database) == [""]


def test_only_who_was_asked_can_answer(database: Database, clock: Clock) -> None:
    requests = Requests(database, clock)
    requests.asked("PACS", "1.2.9")
    verdicts = (Verdict(ONE[0]),)
    assert not requests.answered("OTHER", "1.2.9", verdicts)
    assert not requests.answered("PACS", "1.2.10", verdicts)
    assert requests.verdicts("1.2.9") is None and requests.verdicts("1.2.10") is None
    assert requests.answered("PACS", "1.2.9", verdicts)
    assert requests.answered("PACS", "1.2.9", verdicts)
    assert requests.verdicts("1.2.9") == verdicts
    clock.now += 100
    requests.forget(99)
    assert requests.verdicts("1.2.9") is None
