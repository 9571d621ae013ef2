"""The gate in front of the costly hash, and the arithmetic of delays."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread

import pytest

from auth.digests import Verifiers
from auth.errors import Denied
from auth.schema import MIGRATIONS
from auth.throttle import WAIT, Gate, Limits, Throttle
from tests.auth.conftest import Household
from tests.support.patience import PATIENCE

LIMITS = Limits(free=3, window=600, first_delay=30, longest_delay=3600)


@pytest.mark.parametrize(
    ("failures", "delay"), [(0, 0), (2, 0), (3, 30), (4, 60), (9, 1920), (10, 3600), (11, 3600), (10**9, 3600)]
)
def test_delays_double_up_to_the_longest(failures: int, delay: int) -> None:
    assert LIMITS.delay(failures) == delay


def test_a_wait_written_by_a_clock_from_the_future_is_void(house: Household) -> None:
    throttle = Throttle(LIMITS)
    now = 1_000_000
    for _ in range(3):
        house.database.write(lambda connection: throttle.fail(connection, "somebody", now))
    (row,) = house.database.read(WAIT, ("somebody",))
    assert throttle.wait(row, now) == 30
    assert throttle.wait(row, now + 30) == 0
    assert throttle.wait(row, now - 86_400) == 0


def test_what_is_forgotten_counts_from_one_again_also_before_it_is_pruned(house: Household) -> None:
    throttle = Throttle(LIMITS)

    def fail(now: int) -> int:
        return house.database.write(lambda connection: throttle.fail(connection, "somebody", now))

    moments = (0, 0, 599, 599 + 30 + 599, 599 + 30 + 599 + 60 + 600, 3000)
    delays = [fail(now) for now in moments]
    assert delays == [0, 0, 30, 60, 0, 0]


def test_the_bucket_fills_again() -> None:
    moment = 0.0
    gate = Gate(rate=2, hashes=1, queue=0, monotonic=lambda: moment)
    for _ in range(4):
        gate.admit()
    with pytest.raises(Denied) as raised:
        gate.admit()
    assert raised.value.retry_after == 1
    moment = 0.5
    gate.admit()
    with pytest.raises(Denied):
        gate.admit()
    moment = 1000.0
    for _ in range(4):
        gate.admit()
    with pytest.raises(Denied):
        gate.admit()


def test_at_most_two_hash_at_a_time() -> None:
    gate = Gate(rate=50, hashes=2, queue=32)
    hasher = Verifiers(memory_kib=1024, passes=1)
    at_once: list[int] = []
    inside: set[int] = set()

    def hash_once(number: int) -> None:
        with gate.hashing():
            inside.add(number)
            hasher.make("")
            at_once.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(hash_once, range(32)))
    assert len(at_once) == 32 and max(at_once) == 2


def test_nobody_waits_where_there_is_no_room_to() -> None:
    gate = Gate(rate=50, hashes=2, queue=0)
    inside, release = Barrier(3), Event()

    def hold() -> None:
        with gate.hashing():
            inside.wait(timeout=PATIENCE)
            release.wait(timeout=PATIENCE)

    holders = [Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
    inside.wait(timeout=PATIENCE)
    with pytest.raises(Denied) as raised, gate.hashing():
        raise AssertionError("a third got in")
    assert raised.value.retry_after == 1
    release.set()
    for holder in holders:
        holder.join(timeout=PATIENCE)
    with gate.hashing():
        pass


def test_a_failure_inside_the_gate_gives_the_place_back() -> None:
    gate = Gate(rate=50, hashes=1, queue=0)
    for _ in range(3):
        with pytest.raises(KeyError), gate.hashing():
            raise KeyError
    with gate.hashing():
        pass


def test_the_tables_can_be_asked_for_twice(house: Household) -> None:
    house.database.migrate(MIGRATIONS)
    assert house.shares.list() == []
