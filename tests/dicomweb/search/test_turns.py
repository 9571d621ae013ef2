"""A few searches at once, and nobody waits for slow ones without end."""

import threading

import pytest

from dicomweb.search.turns import Turns
from storage.waiting import without_waiting

LONG = 30.0


def test_no_more_work_at_once_than_there_are_turns() -> None:
    turns, lock, working, most = Turns(at_once=2, patience=LONG), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal working, most
        for _ in range(50):
            with turns.take():
                with lock:
                    working += 1
                    most = max(most, working)
                with lock:
                    working -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert (working, 1 <= most <= 2) == (0, True)


def test_who_has_waited_goes_on() -> None:
    turns = Turns(at_once=1, patience=0.001)
    with turns.take(), turns.take(), turns.take():
        pass
    with turns.take():
        assert not turns._free.acquire(blocking=False)


def test_a_turn_ends_with_what_was_raised() -> None:
    turns = Turns(at_once=1, patience=LONG)
    for _ in range(2):
        with pytest.raises(ValueError, match="once"), turns.take():
            raise ValueError("once")


def test_where_nobody_may_wait_no_turn_is_taken() -> None:
    turns = Turns(at_once=1, patience=LONG)
    with without_waiting(), turns.take():
        assert turns._free.acquire(blocking=False)
