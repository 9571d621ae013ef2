"""Accounts of staff, and how they come in."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore

import pyotp
import pytest

from auth.digests import Verifiers
from auth.errors import NoSuchStaff, SignInRefused
from auth.staff import Staff
from auth.staff_sign_in import SignInSettings, StaffSignIn
from tests.auth.conftest import HOME, PEPPER, Household
from tests.support.patience import PATIENCE

NAME, PASSWORD = "a.probe", "sieben graue Katzen"
ELSEWHERE = "198.51.100.7"


@pytest.fixture
def seed(house: Household) -> str:
    """An account with one-time codes, whose seed this is."""
    house.staff.add(NAME, "desk", "", PASSWORD)
    seed = house.staff.seed(NAME)
    assert house.staff_sign_in.confirm(NAME, _code(house, seed))
    house.clock.move(60)
    return seed


def _code(house: Household, seed: str) -> str:
    return pyotp.TOTP(seed).at(house.clock())


def _refused(house: Household, name: str, password: str, code: str, network: str = HOME) -> int:
    with pytest.raises(SignInRefused) as caught:
        house.staff_sign_in.by_password(name, password, code, network)
    return caught.value.retry_after


def test_password_and_code_open_the_desk(house: Household, seed: str) -> None:
    admitted = house.staff_sign_in.by_password(NAME, PASSWORD, _code(house, seed), HOME)
    assert (admitted.name, admitted.stage) == (NAME, "full")


def test_a_name_is_read_in_any_case_and_a_code_with_spaces(house: Household, seed: str) -> None:
    code = _code(house, seed)
    assert house.staff_sign_in.by_password(" A.Probe ", PASSWORD, f"{code[:3]} {code[3:]}", HOME).name == NAME


def test_the_first_sign_in_enrols_and_does_no_more(house: Household) -> None:
    house.staff.add(NAME, "desk", "", PASSWORD)
    assert house.staff_sign_in.by_password(NAME, PASSWORD, "", HOME).stage == "enrol"
    assert not house.staff.get(NAME).secured
    seed = house.staff.seed(NAME)
    assert house.staff.seed(NAME) == seed
    assert not house.staff_sign_in.confirm(NAME, "000000")
    assert house.staff_sign_in.confirm(NAME, _code(house, seed))
    assert house.staff.get(NAME).secured
    with pytest.raises(ValueError, match="in use"):
        house.staff.seed(NAME)
    assert not house.staff_sign_in.confirm(NAME, _code(house, seed))


def test_seeds_are_not_in_the_database(house: Household, seed: str) -> None:
    assert seed.encode() not in b"".join(path.read_bytes() for path in house.folder.iterdir())


def test_a_code_counts_once(house: Household, seed: str) -> None:
    code = _code(house, seed)
    house.staff_sign_in.by_password(NAME, PASSWORD, code, HOME)
    assert _refused(house, NAME, PASSWORD, code) == 0
    house.clock.move(30)
    house.staff_sign_in.by_password(NAME, PASSWORD, _code(house, seed), HOME)


@pytest.mark.parametrize("seconds", [-30, 30])
def test_clocks_may_differ_by_a_step(house: Household, seed: str, seconds: int) -> None:
    house.clock.move(120)
    code = pyotp.TOTP(seed).at(int(house.clock().timestamp()) + seconds)
    assert house.staff_sign_in.by_password(NAME, PASSWORD, code, HOME).stage == "full"


def test_codes_from_further_off_are_refused(house: Household, seed: str) -> None:
    house.clock.move(120)
    assert _refused(house, NAME, PASSWORD, pyotp.TOTP(seed).at(int(house.clock().timestamp()) + 60)) == 0


def test_all_failures_are_alike_and_cost_one_hash(house: Household, seed: str) -> None:
    house.staff.add("gone", "desk", "", PASSWORD)
    house.staff.disable("gone")
    house.staff.add("by.openid", "desk", "", None)
    code = _code(house, seed)
    attempts = [
        (NAME, "wrong password!", code),
        (NAME, PASSWORD, "000000"),
        (NAME, PASSWORD, ""),
        ("nobody", PASSWORD, code),
        ("gone", PASSWORD, code),
        ("by.openid", "", ""),
    ]
    seen = set()
    for name, password, typed in attempts:
        before = house.verifiers.calls
        with pytest.raises(SignInRefused) as caught:
            house.staff_sign_in.by_password(name, password, typed, HOME)
        seen.add((str(caught.value), caught.value.retry_after, house.verifiers.calls - before))
    assert seen == {("This does not open the desk.", 0, 1)}


def test_strangers_lock_their_network_and_no_account(house: Household, seed: str) -> None:
    waits = [_refused(house, NAME, "wrong password!", "") for _ in range(12)]
    assert waits[:9] == [0] * 9 and min(waits[9:]) == 30
    calls = house.verifiers.calls
    assert _refused(house, NAME, PASSWORD, _code(house, seed)) == 30
    assert house.verifiers.calls == calls
    assert house.staff_sign_in.by_password(NAME, PASSWORD, _code(house, seed), ELSEWHERE).stage == "full"


def test_guessing_codes_locks_the_account(house: Household, seed: str) -> None:
    waits = [_refused(house, NAME, PASSWORD, "000000", f"192.0.2.{number}") for number in range(7)]
    assert waits == [0, 0, 0, 0, 30, 30, 30]
    assert house.audited(NAME)[-1] == "account locked seconds=30"
    assert _refused(house, NAME, PASSWORD, _code(house, seed), ELSEWHERE) == 30
    house.clock.move(31)
    assert house.staff_sign_in.by_password(NAME, PASSWORD, _code(house, seed), ELSEWHERE).stage == "full"


def test_a_new_password_ends_sessions_and_may_forget_the_second_factor(house: Household, seed: str) -> None:
    cookie = house.staff_sessions.begin(NAME, "full")
    house.staff.set_password(NAME, "acht graue Katzen", forget_second_factor=True)
    assert house.staff_sessions.session_of(cookie) is None
    assert _refused(house, NAME, PASSWORD, _code(house, seed)) == 0
    assert house.staff_sign_in.by_password(NAME, "acht graue Katzen", "", HOME).stage == "enrol"
    assert house.staff.seed(NAME) != seed


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", PASSWORD),
        ("Ä", PASSWORD),
        ("two words", PASSWORD),
        ("x" * 65, PASSWORD),
        ("a.b", "short"),
        ("a.b", "x" * 201),
    ],
    ids=["no name", "umlaut", "space", "long name", "short password", "long password"],
)
def test_unusable_names_and_passwords_are_refused(house: Household, name: str, password: str) -> None:
    with pytest.raises(ValueError):
        house.staff.add(name, "desk", None, password)
    assert house.staff.list() == []


def test_names_are_taken_once_and_roles_are_known(house: Household, seed: str) -> None:
    with pytest.raises(ValueError, match="already"):
        house.staff.add(NAME, "admin", None, PASSWORD)
    with pytest.raises(ValueError, match="role"):
        house.staff.add("b.probe", "chief", None, PASSWORD)  # type: ignore[arg-type]
    with pytest.raises(NoSuchStaff):
        house.staff.disable("nobody")


def test_who_signs_in_elsewhere_has_no_password_here(house: Household) -> None:
    house.staff.add("by.openid", "desk", "", None)
    with pytest.raises(ValueError, match="no password here"):
        house.staff.set_password("by.openid", PASSWORD)


def test_roles_and_sites(house: Household) -> None:
    staff: Staff = house.staff
    desk, referral = staff.add("d", "desk", "north", PASSWORD), staff.add("r", "referral", None, PASSWORD)
    assert (desk.may_share, referral.may_share) == (True, False)
    assert [desk.may_see(site) for site in ("north", "", "south")] == [True, False, False]
    assert all(referral.may_see(site) for site in ("north", "", "south"))


def test_sessions_end_when_idle_at_the_end_of_a_shift_and_with_the_account(house: Household, seed: str) -> None:
    idle = house.staff_sessions.begin(NAME, "full")
    house.clock.move(20 * 60)
    assert house.staff_sessions.session_of(idle) is None
    busy = house.staff_sessions.begin(NAME, "full")
    for _ in range(59):
        house.clock.move(10 * 60)
        assert house.staff_sessions.session_of(busy)
    house.clock.move(10 * 60)
    assert house.staff_sessions.session_of(busy) is None
    last = house.staff_sessions.begin(NAME, "full")
    house.staff.disable(NAME)
    assert house.staff_sessions.session_of(last) is None
    with pytest.raises(SignInRefused):
        house.staff_sessions.begin(NAME, "full")


def test_an_enrolment_is_short_and_a_search_is_remembered(house: Household, seed: str) -> None:
    enrolling, working = house.staff_sessions.begin(NAME, "enrol"), house.staff_sessions.begin(NAME, "full")
    house.staff_sessions.remember_search(working, "Muster")
    house.clock.move(15 * 60)
    assert house.staff_sessions.session_of(enrolling) is None
    session = house.staff_sessions.session_of(working)
    assert session and session.search == "Muster" and "Muster" not in repr(session)
    house.staff_sessions.end(working)
    assert house.staff_sessions.session_of(working) is None


def test_a_clock_that_goes_back_ends_sessions(house: Household, seed: str) -> None:
    cookie = house.staff_sessions.begin(NAME, "full")
    house.clock.move(days=-1)
    assert house.staff_sessions.session_of(cookie) is None


class WaitingVerifiers(Verifiers):
    """Takes as long as a test wants."""

    def __init__(self) -> None:
        super().__init__(memory_kib=8, passes=1)
        self.begun, self.free = Semaphore(0), Event()

    def fits(self, verifier: str | None, rest: str) -> bool:
        self.begun.release()
        assert self.free.wait(PATIENCE)
        return super().fits(verifier, rest)


def test_two_hash_at_a_time_and_who_finds_no_room_is_told_to_wait(house: Household) -> None:
    """The gate of the patients' door: those who try passwords take no more of the machine than it lets in."""
    verifiers = WaitingVerifiers()
    settings = SignInSettings(hashes_at_a_time=2, hashes_waiting=0)
    sign_in = StaffSignIn(house.database, PEPPER, house.clock, settings, verifiers)

    def attempt(network: str) -> int:
        with pytest.raises(SignInRefused) as caught:
            sign_in.by_password("nobody", PASSWORD, "", network)
        return caught.value.retry_after

    with ThreadPoolExecutor(2) as pool:
        inside = [pool.submit(attempt, f"192.0.2.{number}") for number in range(2)]
        assert all(verifiers.begun.acquire(timeout=PATIENCE) for _ in inside)
        assert attempt(ELSEWHERE) == 1
        assert not verifiers.begun.acquire(blocking=False)
        verifiers.free.set()
        assert [one.result() for one in inside] == [0, 0]
    assert attempt(ELSEWHERE) == 0


@pytest.mark.parametrize("password", ["kurz", "abcabcabcabcabc", "Frau Probe von nebenan", "x" * 201])
def test_passwords_that_anybody_would_try_are_none(house: Household, seed: str, password: str) -> None:
    for choose in (house.staff.choose_password, house.staff.set_password):
        with pytest.raises(ValueError, match="A password"):
            choose(NAME, password)


def test_another_password_takes_the_place_of_the_last_one(house: Household, seed: str) -> None:
    cookie = house.staff_sessions.begin(NAME, "full")
    with pytest.raises(SignInRefused):
        house.staff_sign_in.prove(NAME, "ein eigener Satz", HOME)
    house.staff_sign_in.prove(NAME, PASSWORD, HOME)
    with pytest.raises(ValueError, match="Another"):
        house.staff.choose_password(NAME, PASSWORD)
    house.staff.choose_password(NAME, "ein eigener Satz")
    assert house.staff_sessions.session_of(cookie) is None
    assert house.staff_sign_in.by_password(NAME, "ein eigener Satz", _code(house, seed), HOME).stage == "full"
