"""The web role: portal, desk and DICOMweb."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from gateway.app import application
from gateway.house import House
from gateway.http_protocol import GuardedProtocol
from gateway.listening import Acceptor
from gateway.processes import Parent
from gateway.public_address import BehindProxies
from gateway.seats import Place, Row

_LOG: Final = logging.getLogger("durchblick.gateway")

GRACE_SECONDS: Final = 8
LARGEST_MESSAGE: Final = 16 * 1024
"""Bytes of what a client sends over a WebSocket; nothing that it sends means anything."""


class _Connections(set[Any]):
    """Those that are open, HTTP and WebSocket; how many is written into the row of this process."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row
        self._tell()

    def add(self, element: Any) -> None:
        super().add(element)
        self._tell()

    def discard(self, element: Any) -> None:
        super().discard(element)
        self._tell()

    def remove(self, element: Any) -> None:
        super().remove(element)
        self._tell()

    def _tell(self) -> None:
        self._row[0] = len(self)


class _Server(uvicorn.Server):
    """uvicorn on the sockets of a place, of which other processes accept too."""

    def __init__(self, config: uvicorn.Config, place: Place, ready: Callable[[], None]) -> None:
        """`ready` is called when it accepts."""
        super().__init__(config)
        self._place = place
        self._ready = ready
        self._acceptor: Acceptor | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the event loop: all roles end in the same way."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        await super().startup([])
        self.server_state.connections = _Connections(self._place.row)
        self._acceptor = Acceptor("http", self._take, self._place)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and let what runs come to its end."""
        if self._acceptor is not None:
            self._acceptor.close()
        await super().shutdown([])

    async def _take(self, accepted: socket.socket) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: GuardedProtocol(config=self.config, server_state=self.server_state, app_state={}), accepted
        )


async def run(house: House, place: Place, parent: Parent, stop: asyncio.Event) -> None:
    """Serve HTTP until `stop`, perhaps as one of several. Raises CannotStart."""
    if place.seat.number == 1:
        await asyncio.to_thread(house.storage.worklist.restarted)
    http = house.config.http

    def ready() -> None:
        _LOG.info("role_ready role=web port=%d number=%d of=%d", http.port, place.seat.number, place.seat.of)
        parent.tell_ready()

    server = _Server(
        uvicorn.Config(
            BehindProxies(application(house, place), http.trusted_proxies),
            http=GuardedProtocol,
            ws="websockets-sansio",
            ws_max_size=LARGEST_MESSAGE,
            ws_max_queue=1,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        place,
        ready,
    )
    serving = asyncio.create_task(server.serve())
    await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
