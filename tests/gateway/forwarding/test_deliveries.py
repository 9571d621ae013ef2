"""The queue of deliveries: durable, each held by one, resumed behind what was taken."""

import pytest

from gateway.forwarding.deliveries import (
    FIRST_PAUSE,
    FORGOTTEN,
    HELD_SECONDS,
    LONGEST_PAUSE,
    Deliveries,
    Delivery,
    NoLongerHeld,
    NoSuchDelivery,
    Wanted,
)
from gateway.forwarding.rules import Selection
from tests.gateway.forwarding.conftest import Hands
from tests.support.keeping import Keeping

DAY = 24 * 3600.0


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
        deliveries.postpone(first, "late", DAY)
    with pytest.raises(NoLongerHeld):
        deliveries.hand_over(first)
    assert deliveries.taken(second) == {1}
    deliveries.hand_over(second)
    assert taken_up(deliveries).id == first.id


def test_pauses_grow_until_it_is_given_up(deliveries: Deliveries, hands: Hands) -> None:
    deliveries.want(wanted())
    pauses = []
    while (pause := deliveries.postpone(taken_up(deliveries), "x" * 10_000, DAY)) is not None:
        pauses.append(pause)
        assert deliveries.take_up("PACS", 1) == []
        hands.now += pause
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert max(pauses) == LONGEST_PAUSE and DAY - LONGEST_PAUSE <= sum(pauses) <= DAY
    (failed,) = deliveries.listed(["failed"])
    assert len(failed.trouble) == 500
    assert deliveries.owed(["1.2", "1.3"]) == {"1.2"}
    assert deliveries.retry(failed.id).state == "waiting"
    assert taken_up(deliveries).attempts == 0


def test_retrying_sends_only_what_is_not_there(deliveries: Deliveries) -> None:
    deliveries.want(wanted())
    held = taken_up(deliveries)
    deliveries.take(held, [(1, False), (2, False)])
    deliveries.fail(held, "no", refused=1)
    assert deliveries.get(held.id).refused == 1
    again = deliveries.retry(held.id)
    assert (again.refused, again.trouble, again.sent) == (0, "", 2)
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


def test_a_retry_makes_what_waits_due_but_not_what_is_being_sent(deliveries: Deliveries, hands: Hands) -> None:
    number = deliveries.want(wanted()).id
    held = taken_up(deliveries)
    with pytest.raises(NoSuchDelivery):
        deliveries.retry(number)
    deliveries.postpone(held, "busy", DAY)
    assert deliveries.retry(number).due_at == hands.now
    assert taken_up(deliveries).id == number


def test_what_is_dropped_is_gone_also_for_whoever_sends_it(deliveries: Deliveries, keeping: Keeping) -> None:
    number = deliveries.want(wanted()).id
    held = taken_up(deliveries)
    deliveries.drop(number)
    with pytest.raises(NoLongerHeld):
        deliveries.take(held, [(1, False)])
    assert keeping.database.read("SELECT * FROM delivery_taken") == []
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
