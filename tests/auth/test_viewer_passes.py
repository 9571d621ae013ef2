"""Tickets and tokens for viewers outside of the portal: once, for a short time, and never longer than their share."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from auth.errors import Denied, NoSuchTicket, ShareEnded
from auth.records import Issued
from auth.sessions import Session
from auth.viewer_passes import MOST, TICKET_SECONDS
from storage.scope import Within
from tests.auth.conftest import BIRTH_DATE, STUDIES, VIEWER_SECONDS, WRONG_BIRTH_DATE, Household

STUDY = "1.2.3"


def session_of(house: Household, cookie: str) -> Session:
    session = house.sessions.session_of(cookie)
    assert session is not None
    return session


def ticket(house: Household, issued: Issued | None = None) -> str:
    return house.viewer_passes.ticket(session_of(house, house.sign_in(issued or house.share())), "ohif", STUDY)


def is_refused(house: Household, ticket: str) -> bool:
    with pytest.raises(NoSuchTicket):
        house.viewer_passes.exchange(ticket, "ohif")
    return True


def test_a_ticket_becomes_a_token_that_reads_what_the_share_shows(house: Household) -> None:
    issued = house.share()
    opened = house.viewer_passes.exchange(ticket(house, issued), "ohif")
    assert (opened.study, opened.share.id) == (STUDY, issued.share.id)
    assert opened.until == house.clock.now + timedelta(seconds=VIEWER_SECONDS)
    access = house.viewer_passes.access_of(opened.token)
    assert access is not None and (access.scope, access.rights) == (STUDIES, frozenset({"read"}))
    assert opened.token not in repr(opened)


def test_a_ticket_is_no_token_and_a_token_no_ticket(house: Household) -> None:
    made = ticket(house)
    assert house.viewer_passes.access_of(made) is None
    token = house.viewer_passes.exchange(made, "ohif").token
    assert is_refused(house, token)
    assert house.sessions.session_of(token) is None and house.tokens.access_of(token) is None


def test_a_ticket_that_comes_again_ends_its_token_and_is_told_of(house: Household) -> None:
    issued = house.share()
    made = ticket(house, issued)
    token = house.viewer_passes.exchange(made, "ohif").token
    assert is_refused(house, made)
    assert house.viewer_passes.access_of(token) is None
    assert is_refused(house, made)
    told = [f"viewer opened viewer=ohif study={STUDY}", "viewer ticket repeated viewer=ohif"]
    assert house.audited(issued.share.id)[-2:] == told


def test_a_ticket_is_for_one_viewer(house: Household) -> None:
    made = ticket(house)
    with pytest.raises(NoSuchTicket):
        house.viewer_passes.exchange(made, "weasis")
    assert house.viewer_passes.exchange(made, "ohif")


@pytest.mark.parametrize("made", ["", "x", "é", "\0"])
def test_what_was_never_handed_out_opens_nothing(house: Household, made: str) -> None:
    ticket(house)
    assert is_refused(house, made)
    assert house.viewer_passes.access_of(made) is None


def test_both_end_in_time(house: Household) -> None:
    late, timely = ticket(house), ticket(house)
    house.clock.move(TICKET_SECONDS)
    token = house.viewer_passes.exchange(timely, "ohif").token
    house.clock.move(1)
    assert is_refused(house, late)
    house.clock.move(VIEWER_SECONDS - 1)
    assert house.viewer_passes.access_of(token) is not None
    house.clock.move(1)
    assert house.viewer_passes.access_of(token) is None


def test_a_clock_that_goes_back_makes_nothing_last_longer(house: Household) -> None:
    token = house.viewer_passes.exchange(ticket(house), "ohif").token
    house.clock.move(-60)
    assert house.viewer_passes.access_of(token) is None


def _expire(house: Household, issued: Issued, cookie: str) -> None:
    del cookie
    row = (issued.share.id,)
    house.database.write(
        lambda connection: connection.execute("UPDATE share SET expires = created - 1 WHERE id = ?", row).rowcount
    )


def _freeze(house: Household, issued: Issued, cookie: str) -> None:
    del cookie
    for _ in range(15):
        house.clock.move(1)
        house.database.write(lambda connection: connection.execute("DELETE FROM throttle").rowcount)
        with pytest.raises(Denied):
            house.identification.by_code(issued.code, WRONG_BIRTH_DATE, "192.0.2.9")


# What ends the viewers of a session, by the name that it has in daily life.
ENDS: dict[str, Callable[[Household, Issued, str], object]] = {
    "revoked": lambda house, issued, cookie: house.shares.revoke(issued.share.id),
    "a new code": lambda house, issued, cookie: house.shares.reissue(issued.share.id),
    "expired": _expire,
    "frozen": _freeze,
    "signed out": lambda house, issued, cookie: house.sessions.end(cookie),
    "signed out from elsewhere": lambda house, issued, cookie: house.sessions.end_others(issued.share.id, "x"),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_ends_the_session_ends_its_viewers_at_once(house: Household, end: str) -> None:
    issued = house.share()
    cookie = house.sign_in(issued)
    session = session_of(house, cookie)
    token, unused = (house.viewer_passes.ticket(session, "ohif", STUDY) for _ in range(2))
    token = house.viewer_passes.exchange(token, "ohif").token
    ENDS[end](house, issued, cookie)
    assert house.viewer_passes.access_of(token) is None
    assert is_refused(house, unused)


def test_signing_out_elsewhere_leaves_the_own_viewer(house: Household) -> None:
    issued = house.share()
    cookie = house.sign_in(issued)
    own = house.viewer_passes.exchange(house.viewer_passes.ticket(session_of(house, cookie), "ohif", STUDY), "ohif")
    other = house.viewer_passes.exchange(ticket(house, issued), "ohif")
    house.sessions.end_others(issued.share.id, cookie)
    assert house.viewer_passes.access_of(own.token) is not None
    assert house.viewer_passes.access_of(other.token) is None


def test_what_was_handed_on_opens_no_more_than_itself_and_ends_with_its_parent(house: Household) -> None:
    parent = house.share()
    child = house.shares.hand_on(parent.share.id, BIRTH_DATE, 7, study=STUDY)
    token = house.viewer_passes.exchange(ticket(house, child), "ohif").token
    access = house.viewer_passes.access_of(token)
    assert access is not None and isinstance(access.scope, Within)
    house.shares.revoke(parent.share.id)
    assert house.viewer_passes.access_of(token) is None


def test_a_share_that_ended_while_its_page_was_open_makes_no_ticket(house: Household) -> None:
    issued = house.share()
    session = session_of(house, house.sign_in(issued))
    house.shares.reissue(issued.share.id)
    with pytest.raises(ShareEnded):
        house.viewer_passes.ticket(session, "ohif", STUDY)


def test_a_share_has_so_many_and_the_oldest_go(house: Household) -> None:
    session = session_of(house, house.sign_in(house.share()))
    tickets = []
    for _ in range(MOST + 1):
        tickets.append(house.viewer_passes.ticket(session, "ohif", STUDY))
        house.clock.move(1)
    assert is_refused(house, tickets[0])
    assert house.viewer_passes.exchange(tickets[1], "ohif")
    house.clock.move(VIEWER_SECONDS + 1)
    house.viewer_passes.ticket(session, "ohif", STUDY)
    assert house.database.read("SELECT count(*) FROM viewer_pass")[0][0] == 1


def test_neither_is_kept_as_it_is(house: Household) -> None:
    made = ticket(house)
    token = house.viewer_passes.exchange(made, "ohif").token
    rows = house.database.read("SELECT * FROM viewer_pass")
    assert len(rows) == 1 and not {made, token} & {str(value) for value in rows[0]}
