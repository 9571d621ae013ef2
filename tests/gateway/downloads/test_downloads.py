"""Rows of downloads: ordered once, held by one worker, taken up again when that one is not heard of."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.downloads.downloads import HELD_SECONDS, KEPT_SECONDS, MOST_ATTEMPTS, Downloads, NoLongerHeld, Wish
from gateway.house import House
from storage.errors import NoSuchInstance
from tests.gateway.portal_house import Portal


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def downloads(house: House, clock: Clock) -> Downloads:
    return Downloads(house.storage.database, clock)


@pytest.fixture
def wish(portal: Portal) -> Wish:
    return Wish(portal.issued.share.id)


def test_the_same_order_is_the_same_download_until_something_is_new(downloads: Downloads, wish: Wish) -> None:
    first = downloads.order(wish, "content", 3)
    assert (first.state, first.percent, first.is_new) == ("waiting", 0, True)
    assert downloads.order(wish, "content", 3) == first
    second = downloads.order(wish, "another content", 4)
    assert second.id != first.id
    assert downloads.of_share(wish.share_id) == [second]


def test_another_language_is_another_download(downloads: Downloads, wish: Wish) -> None:
    first = downloads.order(wish, "content", 3)
    assert downloads.order(Wish(wish.share_id, language="en"), "content", 3).id != first.id


def test_one_worker_at_a_time_is_at_a_download(downloads: Downloads, wish: Wish, clock: Clock) -> None:
    downloads.order(wish, "content", 3)
    task = downloads.take_up()
    assert task is not None
    assert downloads.take_up() is None
    clock.move(HELD_SECONDS - 1)
    downloads.progress(task, 2)
    clock.move(HELD_SECONDS - 1)
    assert downloads.take_up() is None, "it was heard of meanwhile"
    assert downloads.of_share(wish.share_id)[0].percent == 66


def test_what_is_not_heard_of_is_taken_up_by_the_next(downloads: Downloads, wish: Wish, clock: Clock) -> None:
    downloads.order(wish, "content", 3)
    first = downloads.take_up()
    assert first is not None
    clock.move(HELD_SECONDS)
    second = downloads.take_up()
    assert second is not None
    with pytest.raises(NoLongerHeld):
        downloads.progress(first, 1)
    downloads.ready(second, 100, "content")
    assert downloads.find(wish.share_id, second.download.id).size == 100
    assert downloads.take_up() is None


def test_what_kills_its_workers_is_given_up(downloads: Downloads, wish: Wish, clock: Clock) -> None:
    downloads.order(wish, "content", 3)
    for _ in range(MOST_ATTEMPTS):
        assert downloads.take_up() is not None
        clock.move(HELD_SECONDS)
    assert downloads.take_up() is None
    assert downloads.of_share(wish.share_id)[0].state == "failed"
    assert downloads.order(wish, "content", 3).state == "waiting", "it may be tried again"


def test_stopping_is_no_attempt(downloads: Downloads, wish: Wish) -> None:
    downloads.order(wish, "content", 3)
    for _ in range(MOST_ATTEMPTS + 2):
        task = downloads.take_up()
        assert task is not None
        downloads.hand_back(task, attempted=False)


def test_a_pause_is_kept(downloads: Downloads, wish: Wish, clock: Clock) -> None:
    downloads.order(wish, "content", 3)
    task = downloads.take_up()
    assert task is not None
    downloads.hand_back(task, 30)
    assert downloads.take_up() is None
    clock.move(30)
    assert downloads.take_up() is not None


def test_a_download_belongs_to_its_share(downloads: Downloads, wish: Wish, portal: Portal) -> None:
    downloads.order(wish, "content", 3)
    task = downloads.take_up()
    assert task is not None
    downloads.ready(task, 1, "content")
    other = portal.share_of(portal.foreign)
    with pytest.raises(NoSuchInstance):
        downloads.find(other.share.id, task.download.id)
    assert downloads.of_share(other.share.id) == []


def test_it_is_new_until_it_is_fetched_and_kept_for_a_week(downloads: Downloads, wish: Wish, clock: Clock) -> None:
    downloads.order(wish, "content", 3)
    task = downloads.take_up()
    assert task is not None
    assert not downloads.new_of_share(wish.share_id)
    downloads.ready(task, 1, "content")
    assert downloads.new_of_share(wish.share_id)
    download = downloads.find(wish.share_id, task.download.id)
    downloads.fetched(download, ["1.2.3"])
    assert not downloads.new_of_share(wish.share_id)
    clock.move(KEPT_SECONDS)
    assert not downloads.too_old(download)
    clock.move(1)
    assert downloads.too_old(download)
