"""Cross-origin requests (the CORS protocol of the Fetch standard): which pages of other origins may read answers."""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANY: Final = "*"

# The same for every resource: who asks before signing in learns nothing from them.
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
REQUEST_FIELDS: Final = (
    *("Accept", "Accept-Charset", "Authorization", "Cache-Control", "Content-Type", "If-Match", "If-Modified-Since"),
    *("If-None-Match", "If-Range", "If-Unmodified-Since", "Pragma", "Prefer", "Range", "X-Requested-With"),
)
EXPOSED_FIELDS: Final = (
    *("Accept-Ranges", "Allow", "Content-Disposition", "Content-Encoding", "Content-Location", "Content-Range"),
    *("ETag", "Link", "Location", "Retry-After", "Vary", "Warning", "WWW-Authenticate"),
)
_PREFLIGHT_SECONDS: Final = 600


class CrossOrigin:
    """ASGI middleware that lets pages of `origins` read the answers of `app`.

    `origins` are serialised origins ("https://viewer.example"), or `*` for all. Credentials that browsers add by
    themselves, such as cookies, are never allowed: a page of another origin has to bring a bearer token. Preflights of
    other origins go on to `app` like any OPTIONS.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._origins:
            await self._app(scope, receive, send)
            return
        request = Headers(scope=scope)
        allowed = self._allowed(request.get("origin", ""))
        if allowed and scope["method"] == "OPTIONS" and "access-control-request-method" in request:
            await _answer_preflight(send, self._fields(allowed))
            return

        async def with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), allowed)
            await send(message)

        await self._app(scope, receive, with_fields)

    def _allowed(self, origin: str) -> str:
        """What Access-Control-Allow-Origin says to `origin`; empty when it is none of ours."""
        if ANY in self._origins:
            return ANY if origin else ""
        return origin if origin in self._origins else ""

    def _add(self, headers: MutableHeaders, allowed: str) -> None:
        for name, value in self._fields(allowed).items():
            if name == "vary":
                headers.add_vary_header(value)
            else:
                headers[name] = value
        if allowed:
            headers["access-control-expose-headers"] = ", ".join(EXPOSED_FIELDS)

    def _fields(self, allowed: str) -> dict[str, str]:
        """Answers depend on the origin whenever some origins are told from others (RFC 9110 12.5.5)."""
        vary = {} if ANY in self._origins else {"vary": "Origin"}
        return ({"access-control-allow-origin": allowed} if allowed else {}) | vary


async def _answer_preflight(send: Send, fields: dict[str, str]) -> None:
    headers = fields | {
        "access-control-allow-methods": ", ".join(METHODS),
        "access-control-allow-headers": ", ".join(REQUEST_FIELDS),
        "access-control-max-age": str(_PREFLIGHT_SECONDS),
    }
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})
