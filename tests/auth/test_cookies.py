"""The cookie's attributes, and which requests may change something."""

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from auth.cookies import SessionCookie, is_same_origin


def attributes(header: str) -> tuple[str, set[str]]:
    pair, *rest = header.split("; ")
    return pair, {attribute.lower() for attribute in rest}


def test_behind_https_the_cookie_is_bound_to_the_host() -> None:
    response = Response()
    SessionCookie("https://bilder.example").set(response, "value")
    pair, rest = attributes(response.headers["set-cookie"])
    assert pair == "__Host-s=value"
    assert rest == {"path=/", "secure", "httponly", "samesite=strict"}


@pytest.mark.parametrize("public_url", ["", "http://127.0.0.1:8080"])
def test_on_plain_http_it_has_another_name(public_url: str) -> None:
    response = Response()
    SessionCookie(public_url).set(response, "value")
    pair, rest = attributes(response.headers["set-cookie"])
    assert pair == "s=value"
    assert rest == {"path=/", "httponly", "samesite=strict"}


@pytest.mark.parametrize(("public_url", "secure"), [("https://bilder.example", True), ("", False)])
def test_taking_it_back_names_the_same_cookie(public_url: str, secure: bool) -> None:
    response = Response()
    cookie = SessionCookie(public_url)
    cookie.clear(response)
    pair, rest = attributes(response.headers["set-cookie"])
    assert pair == f'{cookie.name}=""'
    assert {"path=/", "max-age=0", "httponly", "samesite=strict"} <= rest
    assert ("secure" in rest) == secure


def request(method: str = "POST", scheme: str = "http", **headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "scheme": scheme, "path": "/login", "query_string": b"", "headers": raw}
    return HTTPConnection(scope)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_asking_is_free(method: str) -> None:
    assert is_same_origin(request(method, sec_fetch_site="cross-site", origin="https://evil.example"))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "WHATEVER"])
@pytest.mark.parametrize(
    ("site", "allowed"),
    [("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False), ("", False)],
)
def test_the_browser_says_where_it_comes_from(method: str, site: str, allowed: bool) -> None:
    assert is_same_origin(request(method, host="bilder.example", sec_fetch_site=site, origin="null")) == allowed


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://bilder.example", True),
        ("http://bilder.example:80", True),
        ("HTTP://BILDER.EXAMPLE", True),
        ("http://bilder.example:8080", False),
        ("https://bilder.example", False),
        ("http://evil.example", False),
        ("http://bilder.example.evil.example", False),
        ("http://bilder.example@evil.example", False),
        ("http://evil.example:99999", False),
        ("http://[bilder.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_older_browsers_say_it_by_origin(origin: str, allowed: bool) -> None:
    assert is_same_origin(request(host="bilder.example", origin=origin)) == allowed


def test_behind_a_proxy_the_public_address_counts() -> None:
    connection = request(host="127.0.0.1:8080", origin="https://bilder.example")
    assert not is_same_origin(connection)
    assert is_same_origin(connection, "https://bilder.example/")
    assert not is_same_origin(connection, "https://other.example")


def test_what_says_neither_is_no_browser() -> None:
    assert is_same_origin(request(host="bilder.example"))
    assert not is_same_origin(request(origin="null"))
