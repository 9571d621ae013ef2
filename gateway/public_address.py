"""Under which address the caller of a request knows us: as trusted proxies say (RFC 7239), or the configuration.

`http.public_url` always counts for scheme and host. A path prefix, which that key cannot name, is what a proxy takes
off the path before it passes a request on to us.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.config import Config

_TOLD: Final = "durchblick.public_address"
_HOST: Final = re.compile(r"(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?P<port>:[0-9]{1,5})?")
_TELLING: Final = frozenset(
    {b"forwarded"} | {b"x-forwarded-" + part for part in (b"proto", b"host", b"port", b"prefix")}
)
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_.~-]{1,64}){1,8}")
_PAIR: Final = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))\s*(?:;|$)')
_LONGEST: Final = 1_000
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """`origin` (scheme and host) and path prefix, "" where nobody has told."""

    origin: str = ""
    prefix: str = ""


class BehindProxies:
    """Notes the address that a trusted proxy tells, and lets client and scheme be what it says they are."""

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        """`trusted` are addresses or networks of proxies; what anybody else says is not believed."""
        self._inner = ProxyHeadersMiddleware(app, list(trusted))  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on."""
        client = scope.get("client")
        is_told = scope["type"] in ("http", "websocket") and any(name in _TELLING for name, _ in scope["headers"])
        if is_told and client and client[0] in self._inner.trusted_hosts:
            scope[_TOLD] = told(Headers(scope=scope), scope.get("scheme", "http"))
        await self._inner(scope, receive, send)  # type: ignore[arg-type]


def base_urls(config: Config) -> Callable[[HTTPConnection], str]:
    """The function that gives the public URL of the DICOMweb service for a request, without a slash at its end."""
    path = config.http.dicomweb_path

    def base_url(connection: HTTPConnection) -> str:
        address: PublicAddress = connection.scope.get(_TOLD) or PublicAddress()
        return f"{config.http.public_url or address.origin or config.public_root}{address.prefix}{path}"

    return base_url


def told(headers: Headers, scheme: str) -> PublicAddress:
    """What the nearest proxy says: its own element of Forwarded, else of X-Forwarded-Proto, -Host, -Port, -Prefix.

    Elements before its own may be anybody's. What is no scheme, host or path is passed over.
    """
    parts = _forwarded(headers) or _x_forwarded(headers)
    if parts.get("proto", "http").lower() not in _DEFAULT_PORTS:
        parts = {**parts, "proto": ""}
    origin = ""
    if parts.get("proto") or parts.get("host"):
        origin = _origin(parts.get("proto", "").lower() or scheme, parts.get("host") or headers.get("host", ""), parts)
    prefix = _last(headers, "x-forwarded-prefix").rstrip("/")
    is_path = _PREFIX.fullmatch(prefix) and not {".", ".."} & set(prefix.split("/"))
    return PublicAddress(origin, prefix if is_path else "")


def _origin(scheme: str, host: str, parts: Mapping[str, str]) -> str:
    found = _HOST.fullmatch(host)
    if not found:
        return ""
    port = parts.get("port", "")
    is_needed = not found["port"] and port.isascii() and port.isdigit() and len(port) <= 5
    return f"{scheme}://{host}:{port}" if is_needed and port != _DEFAULT_PORTS[scheme] else f"{scheme}://{host}"


def _forwarded(headers: Headers) -> dict[str, str]:
    """The last element of Forwarded (RFC 7239 4); a quoted value may hold commas."""
    text = ",".join(headers.getlist("forwarded"))[-_LONGEST:]
    element = re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', text)[-1]
    return {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(element)}


def _x_forwarded(headers: Headers) -> dict[str, str]:
    return {name: _last(headers, f"x-forwarded-{name}") for name in ("proto", "host", "port")}


def _last(headers: Headers, name: str) -> str:
    return ",".join(headers.getlist(name)).rpartition(",")[2].strip()
