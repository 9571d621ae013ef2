"""Identification: what opens, what does not, and what a guesser can learn and do."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from auth.codes import complete, new_code, new_token
from auth.errors import Denied, MalformedCode
from auth.shares import Issued
from tests.auth.conftest import BIRTH_DATE, HOME, WRONG_BIRTH_DATE, Household, StandingClock, household

STRANGER = "203.0.113.9"


def refusal(house: Household, code: str, birth_date: str, network: str = HOME) -> Denied:
    with pytest.raises(Denied) as raised:
        house.identification.by_code(code, birth_date, network)
    return raised.value


def networks() -> list[str]:
    return [f"198.51.100.{host}" for host in range(1, 255)]


def test_code_and_token_open_with_the_birth_date(house: Household) -> None:
    issued = house.share()
    assert house.identification.by_code(issued.code.lower(), BIRTH_DATE, HOME) == issued.share
    assert house.identification.by_token(issued.token, BIRTH_DATE, HOME) == issued.share


def ended(house: Household, how: str) -> tuple[str, str]:
    """A code and a birth date that open nothing, for this reason."""
    issued = house.share(days=1)
    match how:
        case "unknown code":
            return new_code(), BIRTH_DATE
        case "unknown rest":
            return complete(issued.code.replace("-", "")[:5] + "0123456789"), BIRTH_DATE
        case "wrong birth date":
            return issued.code, WRONG_BIRTH_DATE
        case "no birth date":
            return issued.code, ""
        case "expired":
            house.clock.move(days=3)
        case "revoked":
            house.shares.revoke(issued.share.id)
        case "reissued":
            house.shares.reissue(issued.share.id)
        case "frozen":
            house.database.write(lambda connection: connection.execute("UPDATE share SET frozen = 1").rowcount)
    return issued.code, BIRTH_DATE


REASONS = [
    "unknown code",
    "unknown rest",
    "wrong birth date",
    "no birth date",
    "expired",
    "revoked",
    "reissued",
    "frozen",
]


@pytest.mark.parametrize("how", REASONS)
def test_every_failure_looks_and_costs_the_same(house: Household, how: str) -> None:
    code, birth_date = ended(house, how)
    told = []
    house.verifiers.calls = 0
    for _ in range(19):
        denied = refusal(house, code, birth_date)
        told.append((str(denied), denied.retry_after, denied.http_status))
    assert house.verifiers.calls == 19
    sentence = "The access code and the birth date do not open a share."
    assert told == [(sentence, 0, 401)] * 4 + [(sentence, 30, 401)] * 15


@pytest.mark.parametrize("how", ["unknown", "wrong birth date"])
def test_tokens_cost_no_hash_and_look_the_same(house: Household, how: str) -> None:
    token = house.share().token if how == "wrong birth date" else new_token()
    house.verifiers.calls = 0
    told = []
    for _ in range(6):
        with pytest.raises(Denied) as raised:
            house.identification.by_token(token, WRONG_BIRTH_DATE, HOME)
        told.append(raised.value.retry_after)
    assert told == [0, 0, 0, 0, 30, 30]
    assert house.verifiers.calls == 0


def test_what_cannot_be_a_code_is_no_guess(house: Household) -> None:
    for _ in range(100):
        with pytest.raises(MalformedCode):
            house.identification.by_code("0000-0000-0000-0001", BIRTH_DATE, HOME)
    assert house.verifiers.calls == 0
    assert house.database.read("SELECT * FROM throttle") == []


def test_a_stranger_is_slowed_down_and_forgotten(house: Household) -> None:
    waits = [refusal(house, new_code(), BIRTH_DATE, STRANGER).retry_after for _ in range(20)]
    assert waits == [0] * 19 + [30]
    house.verifiers.calls = 0
    assert refusal(house, new_code(), BIRTH_DATE, STRANGER).retry_after == 30
    assert house.verifiers.calls == 0
    for expected in (60, 120, 240, 480, 960, 1920, 3600, 3600):
        house.clock.move(waits[-1])
        waits.append(refusal(house, new_code(), BIRTH_DATE, STRANGER).retry_after)
        assert waits[-1] == expected
    house.clock.move(3600 + 600)
    assert refusal(house, new_code(), BIRTH_DATE, STRANGER).retry_after == 0


def test_twenty_failures_count_within_ten_minutes_only(house: Household) -> None:
    for _ in range(100):
        assert refusal(house, new_code(), BIRTH_DATE, STRANGER).retry_after == 0
        house.clock.move(32)


def test_a_thousand_wrong_codes_lock_nobody_else_out(house: Household) -> None:
    issued = house.share()
    for _ in range(1000):
        refusal(house, new_code(), BIRTH_DATE, STRANGER)
    assert house.verifiers.calls == 20
    assert house.identification.by_code(issued.code, BIRTH_DATE, HOME).failures == 0
    assert refusal(house, issued.code, BIRTH_DATE, STRANGER).retry_after == 30


def test_a_neighbour_in_the_same_ipv6_network_is_the_same_stranger(house: Household) -> None:
    for host in range(20):
        refusal(house, new_code(), BIRTH_DATE, f"2001:db8::{host:x}")
    assert refusal(house, new_code(), BIRTH_DATE, "2001:db8::ffff").retry_after == 30
    assert refusal(house, new_code(), BIRTH_DATE, "2001:db8:0:1::1").retry_after == 0


def test_many_who_sign_in_from_one_network_are_not_slowed_down(house: Household) -> None:
    issued = house.share()
    for _ in range(100):
        house.identification.by_code(issued.code, BIRTH_DATE, HOME)
    assert house.database.read("SELECT * FROM throttle") == []


def test_the_finder_of_a_sheet_waits_longer_and_longer(house: Household) -> None:
    issued = house.share()
    waits = []
    for network in islice(networks(), 14):
        waits.append(refusal(house, issued.code, WRONG_BIRTH_DATE, network).retry_after)
        house.clock.move(waits[-1])
    assert waits == [0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert house.shares.get(issued.share.id).state == "live"


def test_while_the_finder_waits_nothing_is_compared_and_nothing_counted(house: Household) -> None:
    issued = house.share()
    for _ in range(5):
        refusal(house, issued.code, WRONG_BIRTH_DATE)
    house.clock.move(29)
    assert refusal(house, issued.code, BIRTH_DATE).retry_after == 1
    assert house.shares.get(issued.share.id).failures == 5
    house.clock.move(1)
    assert house.identification.by_code(issued.code, BIRTH_DATE, HOME).failures == 5


def test_code_and_token_share_one_count(house: Household) -> None:
    issued = house.share()
    for _ in range(3):
        refusal(house, issued.code, WRONG_BIRTH_DATE)
    with pytest.raises(Denied):
        house.identification.by_token(issued.token, WRONG_BIRTH_DATE, HOME)
    with pytest.raises(Denied) as raised:
        house.identification.by_token(issued.token, WRONG_BIRTH_DATE, HOME)
    assert raised.value.retry_after == 30


def test_signing_in_forgives_the_waiting_but_not_the_lifetime(house: Household) -> None:
    issued = house.share()
    for failures in (4, 8):
        assert [refusal(house, issued.code, WRONG_BIRTH_DATE).retry_after for _ in range(4)] == [0] * 4
        assert house.identification.by_code(issued.code, BIRTH_DATE, HOME).failures == failures


def test_a_reissued_code_need_not_wait_for_the_old_one(house: Household) -> None:
    issued = house.share()
    for _ in range(6):
        refusal(house, issued.code, WRONG_BIRTH_DATE)
    fresh = house.shares.reissue(issued.share.id)
    assert house.identification.by_code(fresh.code, BIRTH_DATE, HOME).id == issued.share.id


def guess_until_frozen(house: Household, issued: Issued) -> None:
    for network in islice(networks(), 15):
        assert house.shares.get(issued.share.id).state == "live"
        house.clock.move(refusal(house, issued.code, WRONG_BIRTH_DATE, network).retry_after)


def test_fifteen_wrong_birth_dates_freeze_for_good(house: Household) -> None:
    issued = house.share()
    cookie = house.sign_in(issued)
    guess_until_frozen(house, issued)
    assert house.shares.get(issued.share.id).state == "frozen"
    house.clock.move(days=2)
    refusal(house, issued.code, BIRTH_DATE)
    with pytest.raises(Denied):
        house.identification.by_token(issued.token, BIRTH_DATE, HOME)
    assert house.share_of(cookie) is None


def test_freezing_ends_a_session_that_was_in_use(house: Household) -> None:
    issued = house.share()
    cookie = house.sign_in(issued)
    house.database.write(lambda connection: connection.execute("UPDATE share SET failures = 14").rowcount)
    assert house.share_of(cookie) is not None
    refusal(house, issued.code, WRONG_BIRTH_DATE, STRANGER)
    assert house.share_of(cookie) is None
    assert house.sessions.count(issued.share.id) == 0


def test_signing_in_in_between_does_not_forgive_the_finder(house: Household) -> None:
    issued = house.share()
    for network in islice(networks(), 15):
        house.clock.move(refusal(house, issued.code, WRONG_BIRTH_DATE, network).retry_after)
        if house.shares.get(issued.share.id).state == "live":
            house.identification.by_code(issued.code, BIRTH_DATE, HOME)
    assert house.shares.get(issued.share.id).state == "frozen"


def test_the_desk_thaws_by_reissuing(house: Household) -> None:
    issued = house.share()
    guess_until_frozen(house, issued)
    fresh = house.shares.reissue(issued.share.id)
    assert (fresh.share.state, fresh.share.failures) == ("live", 0)
    assert house.identification.by_code(fresh.code, BIRTH_DATE, HOME).id == issued.share.id


def test_racing_guesses_get_not_one_more_than_their_due(house: Household) -> None:
    issued = house.share()

    def guess(host: int) -> int:
        return refusal(house, issued.code, WRONG_BIRTH_DATE, f"198.51.100.{host}").retry_after

    with ThreadPoolExecutor(16) as pool:
        waits = sorted(pool.map(guess, range(64)))
    assert waits[:5] == [0, 0, 0, 0, 30]
    assert house.shares.get(issued.share.id).failures == 5


def test_racing_strangers_of_one_network_get_not_one_more_than_their_due(house: Household) -> None:
    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(lambda _: refusal(house, new_code(), BIRTH_DATE, STRANGER).retry_after, range(64)))
    assert waits.count(0) == 19
    assert house.database.read("SELECT max(failures) FROM throttle")[0][0] == 20


def test_another_process_and_a_restart_remember(tmp_path: Path, clock: StandingClock) -> None:
    first = household(tmp_path, clock)
    second = household(tmp_path, clock)
    for turn in range(20):
        refusal(first if turn % 2 else second, new_code(), BIRTH_DATE, STRANGER)
    first.database.close()
    second.database.close()
    third = household(tmp_path, clock)
    assert refusal(third, new_code(), BIRTH_DATE, STRANGER).retry_after == 30
    third.database.close()


def test_a_flood_from_everywhere_is_told_to_come_back(tmp_path: Path, clock: StandingClock) -> None:
    house = household(tmp_path, clock, attempts_per_second=1)
    waits = [refusal(house, new_code(), BIRTH_DATE, network).retry_after for network in networks()[:20]]
    assert waits[:2] == [0, 0] and set(waits[2:]) == {1}
    house.database.close()


def test_the_table_of_failures_stays_small(house: Household) -> None:
    for network in networks():
        refusal(house, new_code(), BIRTH_DATE, network)
    assert house.database.read("SELECT count(*) FROM throttle")[0][0] == 2 * 254
    house.clock.move(3601)
    refusal(house, new_code(), BIRTH_DATE, HOME)
    assert house.database.read("SELECT count(*) FROM throttle")[0][0] == 2


def test_a_code_reissued_while_it_is_checked_does_not_open(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = house.share()
    fits = house.verifiers.fits

    def slowly(verifier: str | None, rest: str) -> bool:
        answer = fits(verifier, rest)
        house.shares.reissue(issued.share.id)
        return answer

    monkeypatch.setattr(house.verifiers, "fits", slowly)
    refusal(house, issued.code, BIRTH_DATE)


def test_the_birth_date_is_compared_even_where_there_is_none(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    compared = []
    honest = hmac.compare_digest

    def compare(kept: str, told: str) -> bool:
        compared.append((len(kept), len(told)))
        return honest(kept, told)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for code in (new_code(), house.share().code):
        refusal(house, code, WRONG_BIRTH_DATE)
    assert compared == [(64, 64)] * 2


def test_a_failure_that_cannot_be_counted_opens_nothing(house: Household) -> None:
    issued = house.share()
    house.database.write(lambda connection: connection.execute("DROP TABLE throttle").rowcount)
    with pytest.raises(sqlite3.OperationalError):
        house.identification.by_code(issued.code, BIRTH_DATE, HOME)
