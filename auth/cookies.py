"""The session's cookie (RFC 6265bis) and the proof that a form was sent from our own pages."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class SessionCookie:
    """`__Host-s` where the public address is https, which binds it to this host; `s` on plain http.

    The desk has another `name`, so that one browser can be patient and staff.
    """

    def __init__(self, public_url: str = "", name: str = "s") -> None:
        self._secure = urlsplit(public_url).scheme == "https"
        self.name: Final = f"__Host-{name}" if self._secure else name

    def read(self, connection: HTTPConnection) -> str:
        """The cookie's value, empty when there is none."""
        return connection.cookies.get(self.name, "")

    def set(self, response: Response, value: str) -> None:
        """Hand the value to the browser until it closes; the server ends sessions by itself."""
        response.set_cookie(self.name, value, path="/", secure=self._secure, httponly=True, samesite="strict")

    def clear(self, response: Response) -> None:
        """Take the cookie back."""
        response.delete_cookie(self.name, path="/", secure=self._secure, httponly=True, samesite="strict")


def is_same_origin(connection: HTTPConnection, public_url: str = "") -> bool:
    """Whether a request may change something: it is a GET, HEAD or OPTIONS, or comes from our own pages.

    Browsers say so by Sec-Fetch-Site (Fetch Metadata; "none" is the user's own doing); where they do not, Origin must
    be the public address or the address asked. A request with neither comes from no browser, and so bears no cookie
    that another page could have made it send.
    """
    if connection.scope.get("method") in _SAFE_METHODS:
        return True
    fetch_site = connection.headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site in {"same-origin", "none"}
    if "origin" not in connection.headers:
        return True
    origin = _origin(connection.headers["origin"])
    return origin is not None and origin in {_origin(public_url), _origin(str(connection.base_url))}


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port (RFC 6454); None for what has no origin, such as "null"."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
