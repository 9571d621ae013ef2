"""Nothing secret in the database, in logs, in what is printed by mistake."""

import hashlib
import logging
from pathlib import Path

import pytest

from auth.codes import bare
from auth.errors import Denied
from auth.records import Issued
from tests.auth.conftest import BIRTH_DATE, HOME, PATIENT, PEPPER, WRONG_BIRTH_DATE, Household


def lived_in(house: Household) -> tuple[list[Issued], list[str]]:
    """Shares and other secrets of a household where everything has happened once."""
    issued = house.share()
    cookie = house.sign_in(issued)
    house.identification.by_token(issued.token, BIRTH_DATE, HOME)
    revoked = house.share()
    for attempt in (issued.code, revoked.code):
        with pytest.raises(Denied):
            house.identification.by_code(attempt, WRONG_BIRTH_DATE, HOME)
    house.shares.revoke(revoked.share.id)
    with pytest.raises(Denied):
        house.identification.by_code(revoked.code, BIRTH_DATE, HOME)
    replaced = house.shares.reissue(issued.share.id)
    bearer = house.tokens.create("client", ["read"])
    return [issued, revoked, replaced], [cookie, bearer, bearer.removeprefix("dbk_"), PEPPER.hex()]


def every_secret(house: Household) -> list[str]:
    shares, others = lived_in(house)
    for issued in shares:
        others += [issued.code, bare(issued.code), bare(issued.code)[5:], issued.token]
    return [*others, BIRTH_DATE, WRONG_BIRTH_DATE]


def test_the_database_holds_no_secret(house: Household, tmp_path: Path) -> None:
    secrets = every_secret(house)
    files = list(tmp_path.glob("durchblick.sqlite*"))
    kept = b"".join(path.read_bytes() for path in files).lower()
    assert b"share_session" in kept
    for secret in secrets:
        assert secret.lower().encode() not in kept
        assert hashlib.sha256(secret.encode()).digest() not in kept
    assert PEPPER not in kept and HOME.encode() not in kept


def test_plain_digests_stand_only_for_what_cannot_be_guessed(house: Household, tmp_path: Path) -> None:
    """SHA-256 without a key is kept of cookies and bearer tokens (160 bits and more), never of the rest."""
    shares, (cookie, bearer, *_) = lived_in(house)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("durchblick.sqlite*"))
    for issued in shares:
        for secret in (issued.code, bare(issued.code), bare(issued.code)[:5], bare(issued.code)[5:], issued.token):
            assert hashlib.sha256(secret.encode()).hexdigest().encode() not in kept
    assert hashlib.sha256(BIRTH_DATE.encode()).hexdigest().encode() not in kept
    for random in (cookie, bearer):
        assert hashlib.sha256(random.encode()).hexdigest().encode() in kept


def test_equal_birth_dates_do_not_look_equal(house: Household) -> None:
    house.share()
    house.share()
    rows = house.database.read("SELECT birth_date FROM share")
    assert len({row["birth_date"] for row in rows}) == 2


def test_a_patient_rule_is_the_only_place_of_a_birth_date(house: Household) -> None:
    house.shares.create(PATIENT, BIRTH_DATE, 90)
    (row,) = house.database.read("SELECT * FROM share")
    assert [name for name, value in dict(row).items() if BIRTH_DATE in str(value)] == ["rule"]


def test_logs_hold_no_secret(house: Household, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = every_secret(house)
    assert "share created" in caplog.text and "identification denied" in caplog.text
    for secret in [*secrets, HOME]:
        assert secret not in caplog.text


def test_nothing_printed_by_mistake_shows_a_secret(house: Household) -> None:
    issued = house.shares.create(PATIENT, BIRTH_DATE, 90, label="Muster^Erika")
    cookie = house.sign_in(issued)
    bearer = house.tokens.create("client", ["read"])
    printed = repr(
        [
            issued,
            house.shares.list(),
            house.sessions.session_of(cookie),
            house.tokens.access_of(bearer),
            house.tokens.list(),
            Denied(30),
            house.identification,
            house.shares,
        ]
    )
    for secret in (issued.code, issued.token, cookie, bearer, BIRTH_DATE, "TEST-1", "Muster"):
        assert secret not in printed
