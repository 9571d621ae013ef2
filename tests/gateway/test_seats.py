"""Several processes of one role: how many, what each has of the whole, and what they share."""

import os

import pytest

from gateway import seats as of_gateway
from gateway.seats import ABSENT, ALONE, Place, Rows, Seat, seats, told


def test_one_for_each_processor_unless_the_operator_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_gateway, "_CAN_SHARE", True)
    monkeypatch.setattr(of_gateway, "allowed", lambda: frozenset({4, 5}))
    assert seats(0) == (Seat(1, 2), Seat(2, 2))
    assert seats(1) == (ALONE,)
    assert len(seats(7)) == 7
    monkeypatch.setattr(of_gateway, "allowed", lambda: frozenset(range(64)))
    assert len(seats(0)) == 4
    monkeypatch.setattr(of_gateway, "allowed", frozenset[int])
    assert seats(0) == (ALONE,)


def test_where_memory_cannot_be_shared_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_gateway, "_CAN_SHARE", False)
    assert seats(0) == seats(4) == (ALONE,)


@pytest.mark.parametrize(("whole", "of", "parts"), [(2, 1, [2]), (2, 2, [1, 1]), (5, 3, [2, 2, 1]), (2, 4, [1] * 4)])
def test_a_whole_is_shared_out_and_nobody_goes_without(whole: int, of: int, parts: list[int]) -> None:
    assert [Seat(number, of).part(whole) for number in range(1, of + 1)] == parts


def test_who_is_alone_shares_nothing() -> None:
    place = Place()
    assert place.descriptors == ()
    assert place.arguments == ["--seat", "1", "1"]
    place.row[1] += 1
    assert place.rows.all[0][1] == 1


@pytest.mark.skipif(len(seats(2)) == 1, reason="the platform cannot share memory")
def test_what_one_process_counts_the_others_see_and_its_end_does_not_undo() -> None:
    first = Place(Seat(1, 2), Rows(2))
    descriptor = first.rows.descriptor
    assert descriptor is not None
    second = told((2, 2), os.dup(descriptor), [])
    assert [row[0] for row in first.rows.all] == [ABSENT, ABSENT]
    second.row[0], second.row[9] = 3, 7
    assert [(row[0], row[9]) for row in first.rows.all] == [(ABSENT, 0), (3, 7)]
    first.rows.left(2)
    assert (second.row[0], second.row[9]) == (ABSENT, 7)
