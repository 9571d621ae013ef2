"""Who may do what: requests by cookie, by bearer token, by nobody."""

import pytest
from starlette.requests import HTTPConnection

from auth.cookies import SessionCookie
from auth.middleware import Gatekeeper
from auth.tokens import RIGHTS, Right
from storage.errors import NotAuthenticated, NotAuthorised
from storage.scope import ListedStudies, WholeArchive
from tests.auth.conftest import STUDIES, Household


def request(cookie: str = "", authorization: str | None = None, name: str = "s") -> HTTPConnection:
    headers = []
    if cookie:
        headers.append((b"cookie", f"{name}={cookie}".encode()))
    if authorization is not None:
        headers.append((b"authorization", authorization.encode("latin-1")))
    return HTTPConnection({"type": "http", "method": "GET", "path": "/", "headers": headers})


@pytest.fixture
def gatekeeper(house: Household) -> Gatekeeper:
    return Gatekeeper(house.sessions, house.tokens, house.viewer_passes, SessionCookie())


def test_a_session_reads_its_share_and_nothing_more(house: Household, gatekeeper: Gatekeeper) -> None:
    cookie = house.sign_in(house.share())
    assert gatekeeper.scope_of(request(cookie), "read") == STUDIES
    for right in ("write", "delete"):
        with pytest.raises(NotAuthorised):
            gatekeeper.scope_of(request(cookie), right)


@pytest.mark.parametrize("allowed", RIGHTS)
@pytest.mark.parametrize("asked", RIGHTS)
def test_a_token_does_what_it_allows(house: Household, gatekeeper: Gatekeeper, allowed: Right, asked: Right) -> None:
    bearer = house.tokens.create("client", [allowed], frozenset({"1.9"}))
    connection = request(authorization=f"Bearer {bearer}")
    if allowed == asked:
        assert gatekeeper.scope_of(connection, asked) == ListedStudies(frozenset({"1.9"}))
    else:
        with pytest.raises(NotAuthorised):
            gatekeeper.scope_of(connection, asked)


@pytest.mark.parametrize("written", ["Bearer {}", "bearer {}", "BEARER   {}", " Bearer {} "])
def test_the_scheme_is_written_as_one_likes(house: Household, gatekeeper: Gatekeeper, written: str) -> None:
    bearer = house.tokens.create("client", ["read"])
    assert gatekeeper.scope_of(request(authorization=written.format(bearer)), "read") == WholeArchive()


def test_every_kind_of_nobody_hears_the_same(house: Household, gatekeeper: Gatekeeper) -> None:
    issued = house.share()
    ended = house.sign_in(issued)
    house.shares.revoke(issued.share.id)
    revoked = house.tokens.create("client", ["read"])
    house.tokens.revoke("client")
    heard = set()
    for connection in (
        request(),
        request("unknown"),
        request(ended),
        request(authorization=f"Bearer {revoked}"),
        request(authorization="Bearer \xe9"),
        request(authorization="Bearer"),
        request(authorization="Basic QWxhZGRpbg=="),
        request(authorization=""),
    ):
        for right in RIGHTS:
            with pytest.raises(NotAuthenticated) as raised:
                gatekeeper.scope_of(connection, right)
            heard.add(str(raised.value))
    assert len(heard) == 1


def test_a_bearer_token_decides_over_a_cookie(house: Household, gatekeeper: Gatekeeper) -> None:
    cookie = house.sign_in(house.share())
    bearer = house.tokens.create("client", ["read"])
    assert gatekeeper.scope_of(request(cookie, f"Bearer {bearer}"), "read") == WholeArchive()
    with pytest.raises(NotAuthenticated):
        gatekeeper.scope_of(request(cookie, "Bearer dbk_0"), "read")
    assert gatekeeper.scope_of(request(cookie, "Basic QWxhZGRpbg=="), "read") == STUDIES


def test_behind_https_only_the_cookie_bound_to_the_host_counts(house: Household) -> None:
    cookie = house.sign_in(house.share())
    gatekeeper = Gatekeeper(house.sessions, house.tokens, house.viewer_passes, SessionCookie("https://bilder.example"))
    assert gatekeeper.scope_of(request(cookie, name="__Host-s"), "read") == STUDIES
    with pytest.raises(NotAuthenticated):
        gatekeeper.scope_of(request(cookie, name="s"), "read")


def test_the_portal_gets_the_session(house: Household, gatekeeper: Gatekeeper) -> None:
    issued = house.share()
    session = gatekeeper.session_of(request(house.sign_in(issued)))
    assert session is not None and session.share.id == issued.share.id
    assert gatekeeper.session_of(request()) is None
