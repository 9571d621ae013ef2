"""What `auth` leaves in the audit: who did what to which share or token, and never a secret."""

from datetime import timedelta

import pytest

from auth.errors import Denied, NoSuchToken
from auth.records import Issued
from tests.auth.conftest import BIRTH_DATE, HOME, WRONG_BIRTH_DATE, Household


def fail(house: Household, issued: Issued, birth_date: str = WRONG_BIRTH_DATE, network: str = HOME) -> None:
    with pytest.raises(Denied):
        house.identification.by_code(issued.code, birth_date, network)


def test_the_life_of_a_share(house: Household) -> None:
    issued = house.share(days=90)
    cookie = house.sign_in(issued)
    session = house.sessions.session_of(cookie)
    assert session is not None
    house.sessions.end(cookie)
    house.shares.extend(issued.share.id, 100)
    house.shares.reissue(issued.share.id)
    house.shares.revoke(issued.share.id)
    house.shares.revoke(issued.share.id)
    assert house.audited(issued.share.id) == [
        "share created days=90",
        f"session begun session={session.handle}",
        "session ended",
        "share extended days=100",
        "share reissued issue=2",
        "share revoked",
    ]


def test_a_patient_guesser_is_counted_until_the_share_freezes(house: Household) -> None:
    issued = house.share()
    for number in range(1, 17):
        house.clock.move(3601)
        fail(house, issued, network=f"192.0.2.{number}")
    wrong = [f"birth date wrong failures={number}" for number in range(1, 16)]
    assert house.audited(issued.share.id)[1:] == [*wrong, "share frozen", "share refused state=frozen"]


def test_a_quick_guesser_locks_the_share_once_and_then_fills_nothing(house: Household) -> None:
    issued = house.share()
    for number in range(1, 31):
        fail(house, issued, network=f"192.0.2.{number}")
    wrong = [f"birth date wrong failures={number}" for number in range(1, 6)]
    assert house.audited(issued.share.id)[1:] == [*wrong, "share locked seconds=30"]


def test_the_right_code_of_a_share_that_is_not_live(house: Household) -> None:
    issued = house.share(days=0)
    house.clock.now = issued.share.expires + timedelta(seconds=1)
    fail(house, issued, BIRTH_DATE)
    assert house.audited(issued.share.id)[1:] == ["share refused state=expired"]


def test_guesses_that_meet_no_share_are_noted_once_for_each_network_until_it_has_to_wait(house: Household) -> None:
    house.share()
    revoked = house.share()
    house.shares.revoke(revoked.share.id)
    for _ in range(2):
        fail(house, revoked, BIRTH_DATE)
    fail(house, revoked, BIRTH_DATE, network="192.0.2.2")
    assert house.audited(revoked.share.id)[1:] == ["share revoked"]
    assert house.audited("portal") == ["sign-in failed", "sign-in failed"]
    networks = {row["actor"] for row in house.database.read("SELECT actor FROM audit WHERE subject = 'portal'")}
    assert len(networks) == 2
    assert not [actor for actor in networks if "192" in actor]
    for number in range(20):
        fail(house, revoked, f"19{number + 10}0101")
    assert house.audited("portal")[2:] == ["network blocked seconds=30"]


def test_no_number_of_networks_fills_the_audit(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auth.identity._MOST_NETWORKS", 3)
    revoked = house.share()
    house.shares.revoke(revoked.share.id)
    for number in range(10):
        fail(house, revoked, network=f"192.0.2.{number}")
    assert house.audited("portal") == ["sign-in failed"] * 3


def test_tokens_by_their_name(house: Household) -> None:
    house.tokens.create("archive", ["read", "write"])
    house.tokens.create("archive", ["read"], frozenset({"1.2.3", "1.2.4"}))
    house.tokens.revoke("archive")
    with pytest.raises(NoSuchToken):
        house.tokens.revoke("archive")
    assert house.audited("archive") == [
        "token created allow=read,write",
        "token created allow=read studies=2",
        "token revoked tokens=2",
    ]
