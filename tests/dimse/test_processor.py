import os
import threading
from collections.abc import Callable
from functools import partial

import pytest

from dimse.exchange import Exchange
from dimse.processor import allowed, spread_over, stay_on_one
from dimse.services.operation import Response
from dimse.status import SUCCESS
from tests.dimse.node import MemoryStore, running
from tests.dimse.peer import Peer
from tests.dimse.test_exchange import conversing, find
from tests.support.patience import PATIENCE

SEVERAL = allowed()
pytestmark = pytest.mark.skipif(len(SEVERAL) < 2, reason="there is only one processor, or it cannot be chosen")


def in_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)


def test_thread_and_those_it_starts_stay_on_one_until_they_may_roam() -> None:
    seen: list[frozenset[int]] = []

    def work() -> None:
        stay_on_one()
        seen.append(allowed())
        in_thread(lambda: seen.append(allowed()))
        spread_over(SEVERAL)
        seen.append(allowed())

    in_thread(work)
    one = frozenset({max(SEVERAL)})
    assert seen == [one, one, SEVERAL]
    assert allowed() == SEVERAL


def test_each_process_has_a_processor_of_its_own_as_long_as_there_are_enough() -> None:
    seen: list[int] = []

    def work(number: int) -> None:
        stay_on_one(number)
        seen.extend(allowed())

    for number in range(1, len(SEVERAL) + 2):
        in_thread(partial(work, number))
    assert seen == [*sorted(SEVERAL, reverse=True), max(SEVERAL)]


def test_storing_stays_with_the_event_loop_and_conversations_do_not() -> None:
    seen: dict[str, set[int]] = {}

    class Watching(MemoryStore):
        def store(self, *arguments: object, **named: object) -> None:
            seen["store"] = os.sched_getaffinity(0)

    def answer(_: bytes, __: Exchange) -> Response:
        seen["conversation"] = os.sched_getaffinity(0)
        return Response(SUCCESS)

    with running(Watching()) as node, Peer(node.port) as peer:
        peer.associate()
        assert peer.store(b"abc").number(0x0900) == 0
    with conversing(answer) as (_, peer, _):
        peer.send(find())
        assert peer.status() == 0
    assert seen == {"store": {max(SEVERAL)}, "conversation": SEVERAL}
