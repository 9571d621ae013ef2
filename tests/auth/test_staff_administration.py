"""What administrators may do with accounts, and that one of them is always left."""

from collections.abc import Callable
from dataclasses import replace

import pyotp
import pytest

from auth.errors import NoSuchStaff, OwnAccount, SignInRefused
from auth.staff import Member
from auth.staff_administration import Administration
from storage.errors import NotAuthorised
from tests.auth.conftest import HOME, Household

OWN = "ein eigener Satz"


@pytest.fixture
def chief(house: Household) -> Member:
    """An administrator of all sites, beside others."""
    house.staff.add("chief", "admin", None, "sieben graue Katzen")
    for name, role, site in (("first", "desk", ""), ("north", "desk", "north"), ("polar", "admin", "north")):
        house.staff.add(name, role, site, "sieben graue Katzen")  # type: ignore[arg-type]
    return house.staff.get("chief")


def test_a_set_up_code_leads_to_a_password_and_no_further(house: Household, chief: Member) -> None:
    made = house.administration.add(chief, "new", "desk", "north")
    assert made.code and made.code not in repr(made) and made.member.set_up_until == made.until
    assert house.staff_sign_in.by_password("new", made.code, "", HOME).stage == "enrol"
    with pytest.raises(ValueError, match="comes first"):
        house.staff.seed("new")
    with pytest.raises(ValueError, match="takes the place"):
        house.staff.choose_password("new", made.code)
    with pytest.raises(ValueError, match="12 to 200"):
        house.staff.choose_password("new", "kurz")
    assert house.staff.choose_password("new", OWN).set_up_until is None
    with pytest.raises(SignInRefused):
        house.staff_sign_in.by_password("new", made.code, "", HOME)
    assert house.staff_sign_in.by_password("new", OWN, "", HOME).stage == "enrol"
    assert house.audited("new") == ["account added role=desk site=north sign_in=local", "password set by its holder"]


def test_a_set_up_code_lapses(house: Household, chief: Member) -> None:
    made = house.administration.add(chief, "new", "desk", "")
    house.clock.move(days=3, seconds=1)
    with pytest.raises(SignInRefused) as caught:
        house.staff_sign_in.by_password("new", made.code or "", "", HOME)
    assert str(caught.value) == "This does not open the desk."
    house.clock.move(days=-1)
    assert house.staff_sign_in.by_password("new", made.code or "", "", HOME).stage == "enrol"


def test_a_seed_counts_only_with_a_password_of_ones_own(house: Household, chief: Member) -> None:
    """Whatever a seed was left by: as long as a set-up code counts, nothing proves it."""
    seed = house.staff.seed("first")
    (kept,) = house.database.read("SELECT seed FROM staff WHERE name = 'first'")
    house.administration.set_up_anew(chief, "first")
    sql = "UPDATE staff SET seed = ? WHERE name = 'first'"
    house.database.write(lambda connection: connection.execute(sql, (kept["seed"],)).rowcount)
    assert not house.staff_sign_in.confirm("first", pyotp.TOTP(seed).at(house.clock()))
    house.staff.choose_password("first", OWN)
    assert house.staff_sign_in.confirm("first", pyotp.TOTP(seed).at(house.clock()))


def test_setting_up_anew_forgets_everything(house: Household, chief: Member) -> None:
    seed = house.staff.seed("north")
    assert house.staff_sign_in.confirm("north", pyotp.TOTP(seed).at(house.clock()))
    cookie = house.staff_sessions.begin("north", "full")
    made = house.administration.set_up_anew(chief, "north")
    assert not made.member.secured and house.staff_sessions.session_of(cookie) is None
    with pytest.raises(SignInRefused):
        house.staff_sign_in.by_password("north", "sieben graue Katzen", "", HOME)
    house.staff.choose_password("north", OWN)
    assert house.staff.seed("north") != seed


def test_an_account_of_the_provider_has_no_code(house: Household, chief: Member) -> None:
    made = house.administration.add(chief, "by.openid", "desk", "", openid=True)
    assert (made.code, made.until, made.member.secured) == (None, None, True)
    with pytest.raises(ValueError, match="no password here"):
        house.administration.set_up_anew(chief, "by.openid")


def test_locked_is_out_at_once_and_unlocked_is_as_before(house: Household, chief: Member) -> None:
    cookie = house.staff_sessions.begin("first", "full")
    assert house.administration.lock(chief, "first").disabled
    assert house.staff_sessions.session_of(cookie) is None
    assert not house.administration.unlock(chief, "first").disabled
    assert house.staff_sign_in.by_password("first", "sieben graue Katzen", "", HOME).name == "first"
    assert house.audited("first")[2:] == ["account disabled", "account enabled"]


def test_removed_is_gone_with_its_sessions(house: Household, chief: Member) -> None:
    cookie = house.staff_sessions.begin("first", "full")
    house.administration.remove(chief, "first")
    assert house.staff_sessions.session_of(cookie) is None
    with pytest.raises(NoSuchStaff):
        house.staff.get("first")
    assert house.audited("first")[-1] == "account removed"


def test_another_role_and_site_count_at_once(house: Household, chief: Member) -> None:
    cookie = house.staff_sessions.begin("first", "full")
    house.administration.change(chief, "first", "referral", "north")
    session = house.staff_sessions.session_of(cookie)
    assert session and (session.member.role, session.member.site) == ("referral", "north")
    assert house.audited("first")[-1] == "account changed role=referral site=north"


_DOINGS: dict[str, Callable[[Administration, Member, str], object]] = {
    "change": lambda rooms, by, name: rooms.change(by, name, "desk", "north"),
    "lock": lambda rooms, by, name: rooms.lock(by, name),
    "unlock": lambda rooms, by, name: rooms.unlock(by, name),
    "set up anew": lambda rooms, by, name: rooms.set_up_anew(by, name),
    "remove": lambda rooms, by, name: rooms.remove(by, name),
}


@pytest.mark.parametrize("doing", _DOINGS)
def test_nobody_acts_where_he_may_not(house: Household, chief: Member, doing: str) -> None:
    before = [tuple(row) for row in house.database.read("SELECT * FROM staff ORDER BY name")]
    do, polar = _DOINGS[doing], house.staff.get("polar")
    with pytest.raises(OwnAccount):
        do(house.administration, chief, "chief")
    for name in ("first", "chief", "nobody"):
        with pytest.raises(NoSuchStaff):
            do(house.administration, polar, name)
    for name in ("first", "north"):
        with pytest.raises(NotAuthorised):
            do(house.administration, house.staff.get(name), "first")
    assert [tuple(row) for row in house.database.read("SELECT * FROM staff ORDER BY name")] == before


def test_an_administrator_of_a_site_stays_within_it(house: Household, chief: Member) -> None:
    polar = house.staff.get("polar")
    assert [one.name for one in house.administration.list(polar)] == ["north", "polar"]
    assert house.administration.list(house.staff.get("north")) == []
    for site in (None, ""):
        with pytest.raises(NotAuthorised):
            house.administration.add(polar, "new", "desk", site)
        with pytest.raises(NotAuthorised):
            house.administration.change(polar, "north", "admin", site)
    assert house.administration.add(polar, "new", "admin", "north").member.site == "north"


def test_of_two_who_remove_each_other_one_stays(house: Household, chief: Member) -> None:
    """The second one's session was looked at before the first one acted."""
    house.staff.add("deputy", "admin", None, "sieben graue Katzen")
    deputy = house.staff.get("deputy")
    house.administration.lock(chief, "deputy")
    with pytest.raises(NotAuthorised):
        house.administration.remove(deputy, "chief")
    with pytest.raises(NotAuthorised):
        house.administration.add(replace(deputy, role="admin"), "new", "admin", None)
    assert house.staff.get("chief").role == "admin"
