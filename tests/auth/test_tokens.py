"""Bearer tokens for DICOMweb clients."""

import re
from datetime import timedelta

import pytest

from auth.errors import NoSuchToken
from storage.errors import MalformedIdentifier
from storage.scope import ListedStudies, WholeArchive
from tests.auth.conftest import Household


def test_a_token_is_recognisable_and_allows_what_it_was_made_for(house: Household) -> None:
    bearer = house.tokens.create("archive", ["read", "write"])
    assert re.fullmatch(r"dbk_[0-9a-f]{40}", bearer)
    access = house.tokens.access_of(bearer)
    assert access is not None
    assert (access.scope, access.rights, access.name) == (WholeArchive(), frozenset({"read", "write"}), "archive")


def test_a_token_for_studies_sees_those_only(house: Household) -> None:
    bearer = house.tokens.create("viewer", ["read"], frozenset({"1.2.3"}))
    access = house.tokens.access_of(bearer)
    assert access is not None and access.scope == ListedStudies(frozenset({"1.2.3"}))


@pytest.mark.parametrize("bearer", ["", "dbk_", "dbk_" + "0" * 40, "é"])
def test_what_was_never_handed_out_is_nobody(house: Household, bearer: str) -> None:
    house.tokens.create("archive", ["read"])
    assert house.tokens.access_of(bearer) is None


def test_revoking_a_name_ends_every_token_that_has_it_at_once(house: Household) -> None:
    old = house.tokens.create("archive", ["read"])
    second = house.tokens.create("archive", ["write"])
    assert house.tokens.access_of(old) is not None and house.tokens.access_of(second) is not None
    house.tokens.revoke("archive")
    assert house.tokens.access_of(old) is None and house.tokens.access_of(second) is None
    with pytest.raises(NoSuchToken):
        house.tokens.revoke("archive")
    new = house.tokens.create("archive", ["delete"])
    assert house.tokens.access_of(old) is None
    assert house.tokens.access_of(new) is not None


def test_a_token_can_expire(house: Household) -> None:
    expires = house.clock.now + timedelta(hours=1)
    bearer = house.tokens.create("viewer", ["read"], expires=expires)
    house.clock.now = expires
    assert house.tokens.access_of(bearer) is not None
    house.clock.move(1)
    assert house.tokens.access_of(bearer) is None
    (summary,) = house.tokens.list()
    assert (summary.expires, summary.live) == (expires, False)


def test_the_list_shows_what_was_made_and_no_secret(house: Household) -> None:
    bearers = [house.tokens.create("archive", ["read", "delete"]), house.tokens.create("viewer", ["read"])]
    house.tokens.revoke("viewer")
    summaries = house.tokens.list()
    assert [(token.name, sorted(token.access.rights), token.live) for token in summaries] == [
        ("archive", ["delete", "read"], True),
        ("viewer", ["read"], False),
    ]
    assert not any(bearer in repr(summaries) for bearer in bearers)


@pytest.mark.parametrize(
    ("name", "rights", "studies"),
    [
        ("", ["read"], None),
        (" ", ["read"], None),
        ("a\nb", ["read"], None),
        ("archive", [], None),
        ("archive", ["read", "admin"], None),
        ("archive", ["read"], frozenset()),
    ],
)
def test_what_makes_no_sense_is_refused(
    house: Household, name: str, rights: list[str], studies: frozenset[str] | None
) -> None:
    with pytest.raises(ValueError):
        house.tokens.create(name, rights, studies)
    assert house.tokens.list() == []


def test_a_study_that_is_no_uid_is_refused(house: Household) -> None:
    with pytest.raises(MalformedIdentifier):
        house.tokens.create("archive", ["read"], frozenset({"1.2.x"}))
