"""The queue of deliveries: durable, each held by one, resumed behind what was taken."""

import sqlite3

import pytest

from dimse.scu.trouble import Trouble, TroubleKind
from gateway.forwarding.deliveries import (
    FIRST_PAUSE,
    FORGOTTEN,
    HELD_SECONDS,
    LONGEST_PAUSE,
    Deliveries,
    IsBeingSent,
    NoLongerHeld,
    NoSuchDelivery,
)
from gateway.forwarding.delivery import Delivery, Wanted
from gateway.forwarding.rules import Selection
from storage.database import Parameters
from storage.scope import SiteStudies, WholeArchive
from tests.gateway.forwarding.conftest import Hands
from tests.support.keeping import Keeping

DAY = 24 * 3600.0
TROUBLE = Trouble(TroubleKind.UNREACHABLE, "Nobody listens.")


def wanted(study: str = "1.2", target: str = "PACS", upto: int = 3) -> Wanted:
    return Wanted("rule", target, study, 0, upto, Selection(), upto)


def taken_up(deliveries: Deliveries, target: str = "PACS") -> Delivery:
    (delivery,) = deliveries.take_up(target, 1)
    return delivery


def test_the_way_of_a_delivery(deliveries: Deliveries, keeping: Keeping, hands: Hands) -> None:
    asked = deliveries.want(wanted())
    assert (asked.state, asked.sent, asked.wanted) == ("waiting", 0, wanted())
    held = taken_up(deliveries)
    assert deliveries.take_up("PACS", 1) == [] == deliveries.take_up("OTHER", 1)
    deliveries.take(held, [(1, False), (2, True)])
    assert deliveries.taken(held) == {1, 2}
    deliveries.take(held, [(3, False)])
    deliveries.deliver(held, committed=True)
    (done,) = deliveries.listed(["delivered"])
    assert (done.sent, done.warned, done.refused, done.committed) == (3, 1, 0, True)
    assert done.finished_at == hands.now and deliveries.listed() == []
    assert ("forwarded", "1.2") in keeping.audited()


def test_what_is_not_heard_of_is_taken_up_by_the_next_one(deliveries: Deliveries, hands: Hands) -> None:
    deliveries.want(wanted())
    first = taken_up(deliveries)
    deliveries.take(first, [(1, False)])
    hands.now += HELD_SECONDS - 1
    assert deliveries.take_up("PACS", 1) == []
    hands.now += 2
    second = taken_up(deliveries)
    assert (second.sent, deliveries.taken(second)) == (1, {1})
    with pytest.raises(NoLongerHeld):
        deliveries.take(first, [(2, False)])
    with pytest.raises(NoLongerHeld):
        deliveries.deliver(first, committed=False)
    with pytest.raises(NoLongerHeld):
        deliveries.postpone(first, TROUBLE, DAY)
    with pytest.raises(NoLongerHeld):
        deliveries.hand_over(first)
    assert deliveries.taken(second) == {1}
    deliveries.hand_over(second)
    assert taken_up(deliveries).id == first.id


def test_pauses_grow_until_it_is_given_up(deliveries: Deliveries, hands: Hands) -> None:
    deliveries.want(wanted())
    pauses, long = [], Trouble(TroubleKind.LOST, "x" * 10_000)
    while (pause := deliveries.postpone(taken_up(deliveries), long, DAY)) is not None:
        pauses.append(pause)
        assert deliveries.take_up("PACS", 1) == []
        hands.now += pause
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert max(pauses) == LONGEST_PAUSE and DAY - LONGEST_PAUSE <= sum(pauses) <= DAY
    (failed,) = deliveries.listed(["failed"])
    assert failed.trouble == Trouble(TroubleKind.LOST, "x" * 500)
    assert deliveries.owed(["1.2", "1.3"]) == {"1.2"}
    assert deliveries.retry(failed.id).state == "waiting"
    assert taken_up(deliveries).attempts == 0


def test_retrying_sends_only_what_is_not_there(deliveries: Deliveries) -> None:
    deliveries.want(wanted())
    held = taken_up(deliveries)
    deliveries.take(held, [(1, False), (2, False)])
    deliveries.fail(held, TROUBLE, refused=1)
    assert deliveries.get(held.id).refused == 1
    again = deliveries.retry(held.id)
    assert (again.refused, again.trouble, again.sent) == (0, None, 2)
    assert deliveries.taken(taken_up(deliveries)) == {1, 2}


def test_the_same_is_wanted_once_and_again_when_somebody_asks(deliveries: Deliveries) -> None:
    deliveries.deal(3, [], [wanted(), wanted(), wanted(upto=2)])
    assert len(deliveries.listed()) == 2
    assert deliveries.want(wanted()).id == deliveries.want(wanted()).id
    held = taken_up(deliveries)
    deliveries.take(held, [(1, False)])
    deliveries.deliver(held, committed=False)
    assert deliveries.owed(["1.2"]) == {"1.2"}
    again = deliveries.want(held.wanted)
    assert (again.id, again.state, deliveries.taken(again)) == (held.id, "waiting", set())


def test_what_waits_is_due_at_once_by_a_retry(deliveries: Deliveries, hands: Hands) -> None:
    number = deliveries.want(wanted()).id
    deliveries.postpone(taken_up(deliveries), TROUBLE, DAY)
    assert deliveries.retry(number).due_at == hands.now
    assert taken_up(deliveries).id == number


def test_nobody_decides_about_what_is_being_sent(deliveries: Deliveries, keeping: Keeping, hands: Hands) -> None:
    number = deliveries.want(wanted()).id
    held = taken_up(deliveries)
    before = keeping.audited()
    for decide in (deliveries.retry, deliveries.drop):
        with pytest.raises(IsBeingSent):
            decide(number)
    assert keeping.audited() == before
    deliveries.take(held, [(1, False)])
    hands.now += HELD_SECONDS
    # Whoever held it has not been heard of: it is free to be given up, and he will not go on.
    deliveries.drop(number)
    with pytest.raises(NoLongerHeld):
        deliveries.take(held, [(2, False)])
    assert keeping.database.read("SELECT * FROM delivery_taken") == []


def test_what_is_dropped_is_gone(deliveries: Deliveries, keeping: Keeping) -> None:
    number = deliveries.want(wanted()).id
    deliveries.drop(number)
    for act in (deliveries.drop, deliveries.retry, deliveries.get):
        with pytest.raises(NoSuchDelivery):
            act(number)
    assert deliveries.owed(["1.2"]) == frozenset()


def test_what_was_delivered_long_ago_is_forgotten(deliveries: Deliveries, hands: Hands) -> None:
    deliveries.want(wanted("1.2")), deliveries.want(wanted("1.3"))
    deliveries.deliver(taken_up(deliveries), committed=False)
    hands.now += FORGOTTEN + 1
    deliveries.forget()
    assert [one.wanted.study for one in deliveries.listed(["waiting", "delivered"])] == ["1.3"]


def test_dealing_is_all_or_nothing(deliveries: Deliveries) -> None:
    broken = Wanted("rule", "PACS", None, 0, 1, Selection(), 1)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="NOT NULL"):
        deliveries.deal(9, [("1.2", 9)], [wanted(), broken])
    assert (deliveries.mark(), deliveries.places(), deliveries.listed()) == (0, {}, [])
    deliveries.deal(5, [("1.2", 9), ("1.3", 5)], [])
    assert (deliveries.mark(), deliveries.places()) == (5, {"1.2": 9})


def test_every_decision_is_audited(deliveries: Deliveries, keeping: Keeping) -> None:
    for study in ("1.2", "1.3", "1.4"):
        deliveries.want(wanted(study))
        deliveries.fail(taken_up(deliveries), TROUBLE)
    one, two, _ = sorted(delivery.id for delivery in deliveries.listed())
    deliveries.retry(one)
    assert deliveries.retry_failed("PACS", WholeArchive()) == 2
    deliveries.drop(two)
    deliveries.fail(taken_up(deliveries), TROUBLE)
    assert deliveries.drop_failed("PACS", WholeArchive()) == 1
    decided = [event for event in keeping.audited() if event[0] in ("forwarding retried", "forwarding given up")]
    assert decided == [
        ("forwarding retried", "1.2"),
        ("forwarding retried", "1.3"),
        ("forwarding retried", "1.4"),
        ("forwarding given up", "1.3"),
        ("forwarding given up", "1.2"),
    ]


def test_what_failed_for_a_target_comes_in_pages(deliveries: Deliveries) -> None:
    for number in range(5):
        deliveries.want(wanted(f"1.{number}"))
        deliveries.want(wanted(f"1.{number}", "OTHER"))
        deliveries.fail(taken_up(deliveries), TROUBLE)
        deliveries.fail(taken_up(deliveries, "OTHER"), TROUBLE)
    before = None
    for expected in (["1.4", "1.3"], ["1.2", "1.1"], ["1.0"]):
        page = deliveries.failed_of("PACS", 2, WholeArchive(), before)
        assert [one.wanted.study for one in page] == expected
        before = page[-1].id
    assert deliveries.failed_of("PACS", 2, WholeArchive(), before) == []


def test_failures_of_before_kinds_were_kept_have_one_that_says_so(keeping: Keeping) -> None:
    def as_it_was(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE delivery DROP COLUMN trouble_kind")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = '004_trouble_kind'")
        connection.execute("UPDATE delivery SET trouble = 'Nobody listens.', state = 'failed' WHERE study = '1.2'")

    deliveries = Deliveries(keeping.database)
    deliveries.want(wanted("1.2")), deliveries.want(wanted("1.3"))
    keeping.database.write(as_it_was)
    found = {one.wanted.study: one.trouble for one in Deliveries(keeping.database).listed()}
    assert found == {"1.2": Trouble(TroubleKind.OTHER, "Nobody listens."), "1.3": None}


def test_what_failed_is_counted_without_a_look_at_every_study(
    deliveries: Deliveries, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page of the desk counts it for the menu."""
    read, plans = keeping.database.read, []

    def explained(sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        plans.append([row["detail"] for row in read(f"EXPLAIN QUERY PLAN {sql}", parameters)])
        return read(sql, parameters)

    monkeypatch.setattr(keeping.database, "read", explained)
    assert deliveries.failed(SiteStudies("")) == {}
    (plan,) = plans
    assert [step for step in plan if "study" in step and not step.startswith("SEARCH")] == []
    assert any(step.startswith("SEARCH study") for step in plan)
