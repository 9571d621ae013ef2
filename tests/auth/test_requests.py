"""What patients ask the desk for."""

import pytest

from auth.errors import NoSuchRequest, NoSuchShare
from tests.auth.conftest import BIRTH_DATE, STUDIES, Household


def test_a_request_is_open_once_until_it_is_settled(house: Household) -> None:
    share = house.share().share
    house.requests.ask(share.id, "extend")
    house.requests.ask(share.id, "extend")
    house.requests.ask(share.id, "code lost")
    first, second = house.requests.open(None)
    assert [(one.share_id, one.kind) for one in (first, second)] == [(share.id, "extend"), (share.id, "code lost")]
    assert house.requests.of(share.id) == {"extend", "code lost"}
    house.requests.settle(first.id, "a.probe")
    house.requests.settle(first.id, "b.probe")
    assert house.requests.of(share.id) == {"code lost"}
    house.requests.ask(share.id, "extend")
    assert len(house.requests.open("")) == 2
    settled = [line for line in house.audited(share.id) if line.startswith("request settled")]
    assert settled == ["request settled kind=extend by=a.probe"]


def test_doing_what_is_asked_settles_it(house: Household) -> None:
    share = house.share().share
    house.requests.settle_kind(share.id, "extend", "a.probe")
    house.requests.ask(share.id, "extend")
    house.requests.settle_kind(share.id, "extend", "a.probe")
    assert house.requests.open(None) == []


def test_each_site_sees_its_own(house: Household) -> None:
    here = house.share().share
    there = house.shares.create(STUDIES, BIRTH_DATE, 90, site="north").share
    for share in (here, there):
        house.requests.ask(share.id, "extend")
    assert [one.share_id for one in house.requests.open("north")] == [there.id]
    assert [one.share_id for one in house.requests.open("")] == [here.id]
    assert len(house.requests.open(None)) == 2


def test_what_is_revoked_asks_no_more(house: Household) -> None:
    share = house.share().share
    house.requests.ask(share.id, "extend")
    house.shares.revoke(share.id)
    assert house.requests.open(None) == []


def test_unknown_shares_kinds_and_requests_are_refused(house: Household) -> None:
    with pytest.raises(NoSuchShare):
        house.requests.ask("nobody", "extend")
    with pytest.raises(ValueError):
        house.requests.ask(house.share().share.id, "more")  # type: ignore[arg-type]
    with pytest.raises(NoSuchRequest):
        house.requests.settle(1, "a.probe")
