"""Every failure to sign in takes the same time and is answered the same: 2,000 calls tell nothing."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import pytest

from auth.codes import new_code, new_token
from auth.errors import Denied
from auth.records import Issued
from tests.auth.conftest import BIRTH_DATE, WRONG_BIRTH_DATE, Household, StandingClock, household

CALLS = 2000
MOST_APART = 0.001
"""Seconds between the fastest tenths; less than a way through a network varies. Argon2id itself takes some 40 ms."""


@pytest.fixture
def many(tmp_path: Path) -> Household:
    return household(tmp_path, StandingClock(), attempts_per_second=1_000_000)


def _forgive(connection: sqlite3.Connection) -> None:
    """Nobody is throttled: it is the first failure that is timed, not the wait."""
    connection.execute("DELETE FROM throttle")
    connection.execute("UPDATE share SET failures = 0")


def _failures(house: Household) -> dict[str, Callable[[], tuple[str, str]]]:
    """Ways to fail by code, each as what gives code and birth date."""

    def ended(end: Callable[[Issued], object]) -> Issued:
        issued = house.share()
        end(issued)
        return issued

    live, revoked = house.share(), ended(lambda one: house.shares.revoke(one.share.id))
    reissued = ended(lambda one: house.shares.reissue(one.share.id))
    frozen, expired = house.share(), house.share()
    for column, issued in (("frozen", frozen), ("lapsed", expired)):
        sql = f"UPDATE share SET {column} = 1 WHERE id = '{issued.share.id}'"
        house.database.write(lambda connection, sql=sql: connection.execute(sql).rowcount)  # type: ignore[misc]
    return {
        "no share": lambda: (new_code(), BIRTH_DATE),
        "wrong birth date": lambda: (live.code, WRONG_BIRTH_DATE),
        "revoked": lambda: (revoked.code, BIRTH_DATE),
        "old code": lambda: (reissued.code, BIRTH_DATE),
        "frozen": lambda: (frozen.code, BIRTH_DATE),
        "expired": lambda: (expired.code, BIRTH_DATE),
    }


def fastest_tenth(seconds: list[float]) -> float:
    """What a tenth of them stays below. What else the machine does only ever adds to a time, and seldom to so many."""
    return quantiles(seconds, n=10)[0]


def test_all_failures_take_the_same_time_and_the_same_work(many: Household) -> None:
    ways = _failures(many)
    times: dict[str, list[float]] = {name: [] for name in ways}
    answers: set[tuple[str, str]] = set()
    many.verifiers.calls = 0
    for number in range(CALLS):
        name = list(ways)[number % len(ways)]
        code, birth_date = ways[name]()
        many.database.write(_forgive)
        begun = perf_counter()
        with pytest.raises(Denied) as denied:
            many.identification.by_code(code, birth_date, f"192.0.{number % 250}.{number // 250}")
        times[name].append(perf_counter() - begun)
        answers.add((str(denied.value), str(denied.value.retry_after)))
    assert len(answers) == 1
    assert many.verifiers.calls == CALLS
    fastest = {name: fastest_tenth(taken) for name, taken in times.items()}
    assert max(fastest.values()) - min(fastest.values()) < MOST_APART, fastest
    many.database.close()


def test_by_qr_code_too(many: Household) -> None:
    issued = many.share()
    times: dict[str, list[float]] = {"no share": [], "wrong birth date": []}
    for number in range(400):
        many.database.write(_forgive)
        name = list(times)[number % 2]
        token = issued.token if name == "wrong birth date" else new_token()
        begun = perf_counter()
        with pytest.raises(Denied):
            many.identification.by_token(token, WRONG_BIRTH_DATE, f"192.0.2.{number % 250}")
        times[name].append(perf_counter() - begun)
    first, second = (fastest_tenth(taken) for taken in times.values())
    assert abs(first - second) < MOST_APART
    many.database.close()
