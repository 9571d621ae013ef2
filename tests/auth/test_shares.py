"""The desk's side of shares."""

from datetime import UTC, datetime

import pytest

from auth.errors import Denied, NoSuchShare, ShareEnded, UnusablePepper
from auth.shares import Shares
from storage.scope import ListedStudies, WholeArchive
from tests.auth.conftest import BIRTH_DATE, HOME, PATIENT, STUDIES, CountingVerifiers, Household


def opens(house: Household, code: str, network: str = HOME) -> bool:
    try:
        house.identification.by_code(code, BIRTH_DATE, network)
    except Denied:
        return False
    return True


def test_a_share_lasts_to_the_end_of_its_last_day(house: Household) -> None:
    share = house.share(days=90).share
    assert share.created == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert share.expires == datetime(2026, 5, 30, 23, 59, 59, tzinfo=UTC)
    assert share.state == "live"
    assert share.scope == STUDIES


def test_a_share_by_patient_keeps_its_rule(house: Household) -> None:
    issued = house.shares.create(PATIENT, BIRTH_DATE, 1, label="Raum 3")
    kept = house.shares.get(issued.share.id)
    assert (kept.scope, kept.label) == (PATIENT, "Raum 3")


@pytest.mark.parametrize("birth_date", ["", "31.01.1950", "19500132"])
def test_a_birth_date_is_needed(house: Household, birth_date: str) -> None:
    with pytest.raises(ValueError, match="YYYYMMDD"):
        house.shares.create(STUDIES, birth_date, 90)


@pytest.mark.parametrize("days", [-1, 3651])
def test_days_have_limits(house: Household, days: int) -> None:
    with pytest.raises(ValueError, match="days"):
        house.shares.create(STUDIES, BIRTH_DATE, days)
    share_id = house.share().share.id
    with pytest.raises(ValueError, match="days"):
        house.shares.extend(share_id, days)


def test_nothing_is_kept_of_a_share_that_was_refused(house: Household) -> None:
    with pytest.raises(ValueError):
        house.shares.create(WholeArchive(), BIRTH_DATE, 90)
    with pytest.raises(ValueError):
        house.shares.create(ListedStudies(frozenset()), BIRTH_DATE, 90)
    assert house.shares.list() == []


def test_the_list_is_newest_first(house: Household) -> None:
    first = house.share().share
    house.clock.move(1)
    second = house.share().share
    assert house.shares.list() == [second, first]


def test_what_does_not_exist_is_refused_everywhere(house: Household) -> None:
    for ask in (house.shares.get, house.shares.reissue, house.shares.revoke, lambda x: house.shares.extend(x, 1)):
        with pytest.raises(NoSuchShare):
            ask("nobody")


def test_a_share_lives_to_its_last_second_and_not_longer(house: Household) -> None:
    issued = house.share(days=0)
    house.clock.now = issued.share.expires
    assert opens(house, issued.code)
    house.clock.move(1)
    assert not opens(house, issued.code)
    assert house.shares.get(issued.share.id).state == "expired"


@pytest.mark.parametrize("look", ["list", "get", "by code", "other's code", "session"])
def test_a_clock_that_goes_back_does_not_revive(house: Household, look: str) -> None:
    issued, other = house.share(days=1), house.share(days=30)
    cookie = house.sign_in(issued)
    house.clock.move(days=3)
    match look:
        case "list":
            house.shares.list()
        case "get":
            house.shares.get(issued.share.id)
        case "by code":
            assert not opens(house, issued.code)
        case "other's code":
            assert opens(house, other.code)
        case _:
            assert house.share_of(cookie) is None
    house.clock.move(days=-3)
    assert house.shares.get(issued.share.id).state == "expired"
    assert house.share_of(cookie) is None
    assert not opens(house, issued.code, "198.51.100.1")
    assert opens(house, other.code, "198.51.100.2")


def test_an_extension_works_at_once_and_with_the_same_code(house: Household) -> None:
    issued = house.share(days=1)
    house.clock.move(days=3)
    assert not opens(house, issued.code)
    extended = house.shares.extend(issued.share.id, 5)
    assert (extended.state, extended.expires.date().isoformat()) == ("live", "2026-03-09")
    assert opens(house, issued.code)


def test_an_extension_never_shortens(house: Household) -> None:
    issued = house.share(days=90)
    assert house.shares.extend(issued.share.id, 1).expires == issued.share.expires


def test_reissuing_kills_code_token_and_sessions_at_once(house: Household) -> None:
    old = house.share()
    cookie = house.sign_in(old)
    new = house.shares.reissue(old.share.id)
    assert (new.share.id, new.share.issue, new.share.state) == (old.share.id, 2, "live")
    assert house.share_of(cookie) is None
    assert not opens(house, old.code)
    with pytest.raises(Denied):
        house.identification.by_token(old.token, BIRTH_DATE, HOME)
    assert opens(house, new.code)
    assert house.identification.by_token(new.token, BIRTH_DATE, HOME).id == old.share.id


def test_an_expired_share_is_extended_before_it_is_reissued(house: Household) -> None:
    issued = house.share(days=1)
    house.clock.move(days=3)
    with pytest.raises(ShareEnded, match="extend"):
        house.shares.reissue(issued.share.id)
    house.shares.extend(issued.share.id, 1)
    assert opens(house, house.shares.reissue(issued.share.id).code)


def test_revoking_ends_everything_for_good(house: Household) -> None:
    issued = house.share()
    cookie = house.sign_in(issued)
    assert house.shares.revoke(issued.share.id).state == "revoked"
    (row,) = house.database.read("SELECT selector, verifier, token FROM share")
    assert tuple(row) == (None, None, None)
    assert house.share_of(cookie) is None
    assert house.sessions.count(issued.share.id) == 0
    assert not opens(house, issued.code)
    with pytest.raises(ShareEnded):
        house.shares.extend(issued.share.id, 1)
    with pytest.raises(ShareEnded):
        house.shares.reissue(issued.share.id)
    assert house.shares.revoke(issued.share.id).state == "revoked"


def test_the_link_holds_the_token_in_its_fragment(house: Household) -> None:
    issued = house.share()
    assert issued.link("https://bilder.example/") == f"https://bilder.example/z#{issued.token}"


def test_codes_with_the_same_selector_are_not_handed_out_twice(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auth import shares
    from auth.codes import complete

    drawn = iter([complete("ABCDE0000000000"), complete("ABCDE1111111111"), complete("FGHJK0000000000")])
    monkeypatch.setattr(shares, "new_code", lambda: next(drawn))
    first, second = house.share(), house.share()
    assert (first.code, second.code) == (complete("ABCDE0000000000"), complete("FGHJK0000000000"))
    assert opens(house, first.code) and opens(house, second.code)


def test_another_pepper_opens_nothing_and_is_noticed(house: Household) -> None:
    issued = house.share()
    house.shares.revoke(house.share().share.id)
    strange = Shares(house.database, bytes(32), house.clock, CountingVerifiers())
    assert house.shares.from_another_pepper() == []
    assert strange.from_another_pepper() == [issued.share.id]
    with pytest.raises(UnusablePepper):
        strange.reissue(issued.share.id)
    assert opens(house, issued.code)
