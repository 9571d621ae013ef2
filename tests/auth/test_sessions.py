"""Sessions: how they begin, how long they last, what ends them."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest

from auth.errors import ShareEnded
from tests.auth.conftest import Household

T = TypeVar("T")


def test_a_session_leads_to_its_share(house: Household) -> None:
    issued = house.share()
    cookie = house.sign_in(issued)
    assert house.share_of(cookie) == replace(issued.share, opened=house.clock.now)


def test_every_session_has_another_cookie_of_256_bits(house: Household) -> None:
    issued = house.share()
    cookies = {house.sign_in(issued) for _ in range(5)}
    assert len(cookies) == 5
    assert {len(cookie) for cookie in cookies} == {43}


@pytest.mark.parametrize("cookie", ["", "x", "\0", "é" * 1000])
def test_an_unknown_cookie_leads_nowhere(house: Household, cookie: str) -> None:
    house.sign_in(house.share())
    assert house.share_of(cookie) is None


def test_twenty_idle_minutes_end_it(house: Household) -> None:
    cookie = house.sign_in(house.share())
    house.clock.move(20 * 60 - 1)
    assert house.share_of(cookie) is not None
    house.clock.move(20 * 60)
    assert house.share_of(cookie) is None
    house.clock.move(-60 * 10)
    assert house.share_of(cookie) is None


def test_eight_hours_end_it_however_busy(house: Household) -> None:
    cookie = house.sign_in(house.share())
    for _ in range(8 * 6 - 1):
        house.clock.move(600)
        assert house.share_of(cookie) is not None
    house.clock.move(600)
    assert house.share_of(cookie) is None


def test_it_says_until_when(house: Household) -> None:
    cookie = house.sign_in(house.share())
    begun = house.clock.now
    house.clock.move(120)
    session = house.sessions.session_of(cookie)
    assert session is not None
    assert session.idle_until == begun + timedelta(minutes=22)
    assert session.absolute_until == begun + timedelta(hours=8)


def test_the_idle_end_never_lies_beyond_the_absolute_one(house: Household) -> None:
    cookie = house.sign_in(house.share())
    for _ in range(47):
        house.clock.move(600)
        assert house.share_of(cookie) is not None
    session = house.sessions.session_of(cookie)
    assert session is not None and session.idle_until == session.absolute_until


def test_requests_write_at_most_once_a_minute(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = house.sign_in(house.share())
    writes = 0
    honest = house.database.write

    def counted(work: Callable[[sqlite3.Connection], T]) -> T:
        nonlocal writes
        writes += 1
        return honest(work)

    monkeypatch.setattr(house.database, "write", counted)
    for _ in range(120):
        house.clock.move(1)
        assert house.share_of(cookie) is not None
    assert writes == 2


def test_the_sixth_session_ends_the_oldest(house: Household) -> None:
    issued, other = house.share(), house.share()
    kept = house.sign_in(other)
    cookies = []
    for _ in range(6):
        house.clock.move(1)
        cookies.append(house.sign_in(issued))
    assert [house.share_of(cookie) is not None for cookie in cookies] == [False] + [True] * 5
    assert house.share_of(kept) is not None


def test_a_share_never_has_more_sessions_than_five(house: Household) -> None:
    issued = house.share()
    with ThreadPoolExecutor(8) as pool:
        cookies = list(pool.map(lambda _: house.sessions.begin(issued.share), range(40)))
    assert sum(house.share_of(cookie) is not None for cookie in cookies) == 5
    assert house.sessions.count(issued.share.id) == 5


def test_signing_out_ends_one_and_ending_the_others_spares_one(house: Household) -> None:
    issued, other = house.share(), house.share()
    first, second, third = (house.sign_in(issued) for _ in range(3))
    foreign = house.sign_in(other)
    house.sessions.end(first)
    house.sessions.end(first)
    assert house.share_of(first) is None
    assert house.sessions.count(issued.share.id) == 2
    assert house.sessions.end_others(issued.share.id, second) == 1
    assert house.sessions.end_others(issued.share.id, second) == 0
    assert house.share_of(second) is not None
    assert house.share_of(third) is None
    assert house.share_of(foreign) is not None
    ended = ["session ended", "other sessions ended sessions=1"]
    assert house.audited(issued.share.id)[-2:] == ended, "each once"


def test_the_end_of_the_share_ends_it_at_once(house: Household) -> None:
    issued = house.share(days=0)
    house.clock.now = issued.share.expires - timedelta(seconds=10)
    cookie = house.sign_in(issued)
    house.clock.move(10)
    assert house.share_of(cookie) is not None
    house.clock.move(1)
    assert house.share_of(cookie) is None
    house.shares.extend(issued.share.id, 5)
    assert house.share_of(cookie) is None


def test_an_extension_is_seen_by_a_running_session(house: Household) -> None:
    issued = house.share(days=1)
    cookie = house.sign_in(issued)
    extended = house.shares.extend(issued.share.id, 5)
    assert house.share_of(cookie) == extended


def test_none_begins_for_a_share_that_ended_meanwhile(house: Household) -> None:
    revoked, reissued, expired = house.share(), house.share(), house.share(days=1)
    house.shares.revoke(revoked.share.id)
    house.shares.reissue(reissued.share.id)
    house.clock.move(days=3)
    for issued in (revoked, reissued, expired):
        with pytest.raises(ShareEnded):
            house.sessions.begin(issued.share)
        assert house.sessions.count(issued.share.id) == 0


def test_a_clock_that_goes_back_ends_sessions(house: Household) -> None:
    cookie = house.sign_in(house.share())
    house.clock.move(-60)
    assert house.share_of(cookie) is not None
    house.clock.move(-1)
    assert house.share_of(cookie) is None


def test_what_is_over_is_not_counted_and_goes_when_pruned(house: Household) -> None:
    idle, busy, expired = house.share(), house.share(), house.share(days=0)
    house.clock.now = expired.share.expires - timedelta(minutes=25)
    house.sign_in(idle)
    house.clock.move(minutes := 10 * 60)
    kept = house.sign_in(busy)
    house.sign_in(expired)
    assert (house.sessions.count(), house.sessions.prune()) == (3, 0)
    house.clock.move(minutes)
    assert (house.sessions.count(), house.sessions.count(idle.share.id)) == (2, 0)
    assert house.share_of(kept) is not None
    house.clock.move(minutes)
    assert house.sessions.prune() == 2
    assert house.share_of(kept) is not None
    (row,) = house.database.read("SELECT share_id FROM share_session")
    assert row["share_id"] == busy.share.id
    (row,) = house.database.read("SELECT lapsed FROM share WHERE id = ?", (expired.share.id,))
    assert row["lapsed"] == 1, "no clock that goes back revives it"


def test_sessions_of_a_clock_that_went_back_and_too_long_ones_are_pruned(house: Household) -> None:
    house.sign_in(house.share())
    house.clock.move(-61)
    assert house.sessions.prune() == 1
    cookie = house.sign_in(house.share())
    for _ in range(48):
        assert house.share_of(cookie) is not None
        assert house.sessions.prune() == 0
        house.clock.move(600)
    assert house.sessions.prune() == 1


def test_pruning_nothing_writes_nothing(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    house.sign_in(house.share())
    monkeypatch.setattr(house.database, "write", lambda work: pytest.fail("there was nothing to write"))
    assert house.sessions.prune() == 0
