"""Metrics in the Prometheus text format, for holders of a token that may read the whole archive.

Only counts and durations: no path, no UID, no address.
"""

import time
from collections.abc import Iterator
from itertools import product
from typing import Final

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.health import free_bytes
from gateway.house import House
from gateway.seats import Place
from storage.errors import NotAuthorised
from storage.scope import WholeArchive

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


AREAS: Final = ("dicomweb", "portal", "static")
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "other")
_STATUSES: Final = range(100, 600)
# After the first number of a row, which is not ours: microseconds by area, then requests by area, method and status.
_SECONDS: Final = 1
_REQUESTS: Final = _SECONDS + len(AREAS)


class Meter:
    """Counts the requests by area, method and status, and the seconds they took: of one process, of which it sums up
    all that have the role. What a process counted that died stays, and its successor goes on from there."""

    def __init__(self, dicomweb_path: str, place: Place) -> None:
        self._dicomweb_path = dicomweb_path
        self._row = place.row
        self._rows = place.rows.all

    def area(self, path: str) -> str:
        """The part of the house a path belongs to."""
        if path.startswith(self._dicomweb_path + "/"):
            return "dicomweb"
        return "static" if path.startswith("/static/") else "portal"

    def add(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        area = AREAS.index(self.area(path))
        known = METHODS.index(method if method in METHODS else "other")
        self._row[_REQUESTS + (area * len(METHODS) + known) * len(_STATUSES) + _STATUSES.index(status)] += 1
        self._row[_SECONDS + area] += int(seconds * 1e6)

    def requests(self) -> Iterator[tuple[str, str, int, int]]:
        """Area, method, status, and how many requests there were of each kind that came."""
        kinds = product(AREAS, METHODS, _STATUSES)
        for (area, method, status), counts in zip(kinds, zip(*self._counts(), strict=True), strict=True):
            if any(counts):
                yield area, method, status, sum(counts)

    def seconds(self) -> Iterator[tuple[str, float]]:
        """Area, and what all its requests took."""
        for place, area in enumerate(AREAS):
            yield area, sum(row[_SECONDS + place] for row in self._rows) / 1e6

    def _counts(self) -> Iterator[list[int]]:
        length = len(AREAS) * len(METHODS) * len(_STATUSES)
        return (row[_REQUESTS : _REQUESTS + length].tolist() for row in self._rows)


class Metered:
    """ASGI middleware that tells `meter` of each HTTP request."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._meter.add(scope["path"], scope["method"], status, time.perf_counter() - began)


def routes(house: House, meter: Meter) -> list[BaseRoute]:
    """`/metrics`: 401 without a token, 403 for one that sees less than the whole archive."""

    def permitted(request: Request) -> str:
        if not isinstance(house.gatekeeper.scope_of(request, "read"), WholeArchive):
            raise NotAuthorised("Metrics are for tokens that may read the whole archive.")
        return exposition(house, meter)

    async def metrics(request: Request) -> PlainTextResponse:
        return PlainTextResponse(await anyio.to_thread.run_sync(permitted, request), media_type=MEDIA_TYPE)

    return [Route("/metrics", metrics)]


def exposition(house: House, meter: Meter) -> str:
    """All metrics as text."""
    lines = ["# TYPE durchblick_http_requests_total counter"]
    for area, method, status, count in meter.requests():
        lines.append(f'durchblick_http_requests_total{{area="{area}",method="{method}",status="{status}"}} {count}')
    lines.append("# TYPE durchblick_http_request_seconds_total counter")
    for area, seconds in meter.seconds():
        lines.append(f'durchblick_http_request_seconds_total{{area="{area}"}} {seconds:.6f}')
    lines.append("# TYPE durchblick_kept gauge")
    counts = house.storage.index.counts(WholeArchive())
    for level, count in (("study", counts.studies), ("series", counts.series), ("instance", counts.instances)):
        lines.append(f'durchblick_kept{{level="{level}"}} {count}')
    lines += ["# TYPE durchblick_sessions gauge", f"durchblick_sessions {house.sessions.count()}"]
    lines += ["# TYPE durchblick_disk_free_bytes gauge", f"durchblick_disk_free_bytes {free_bytes(house)}"]
    return "\n".join(lines) + "\n"
