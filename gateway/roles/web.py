"""The web role: portal, desk and DICOMweb."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from gateway.app import application
from gateway.house import House
from gateway.http_protocol import GuardedProtocol
from gateway.processes import Parent, listen
from gateway.public_address import BehindProxies

_LOG: Final = logging.getLogger("durchblick.gateway")

GRACE_SECONDS: Final = 8
LARGEST_MESSAGE: Final = 16 * 1024
"""Bytes of what a client sends over a WebSocket; nothing that it sends means anything."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the event loop: all roles end in the same way."""
        yield


async def run(house: House, parent: Parent, stop: asyncio.Event) -> None:
    """Serve HTTP until `stop`. Raises CannotStart."""
    await asyncio.to_thread(house.storage.worklist.restarted)
    http = house.config.http
    listening = listen(http.host, http.port, "http")
    server = _Server(
        uvicorn.Config(
            BehindProxies(application(house), http.trusted_proxies),
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
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    _LOG.info("role_ready role=web port=%d", http.port)
    parent.tell_ready()
    await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
