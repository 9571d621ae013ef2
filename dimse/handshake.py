"""Shaking hands over TLS before the association.

The loop's own TLS listener tells nobody of connections before their handshake is done, nor why it failed.
"""

import asyncio
import logging
import socket
import ssl
from typing import Final

from dimse.connection import Connection, Node
from dimse.tls import explained

_log = logging.getLogger("durchblick.dimse")

_LEAST_SECONDS: Final = 0.01


class Handshake:
    """Shakes hands, then lets a `Connection` take over; meanwhile it counts as half open and gives way like one."""

    def __init__(self, node: Node, context: ssl.SSLContext, accepted: socket.socket, host: str) -> None:
        """Begin, within the time that an A-ASSOCIATE-RQ may take to come."""
        self._node = node
        self._host = host
        self._accepted = accepted
        self._has_begun = False
        self.closed: asyncio.Future[None] = node.loop.create_future()
        node.occupancy.enter(self, host)
        self._shaking = node.loop.create_task(self._shake(context))
        # Also when the task is cancelled before its first step.
        self._shaking.add_done_callback(self._over)

    def close(self) -> None:
        """There is nothing to finish."""
        self.cut()

    def cut(self) -> None:
        """Close the connection at once."""
        self._shaking.cancel()

    async def _shake(self, context: ssl.SSLContext) -> None:
        settings, loop = self._node.settings, self._node.loop
        deadline = loop.time() + settings.association_seconds
        try:
            # Only who has said something gets what a handshake needs: with asyncio's own loop that is 300 kB.
            async with asyncio.timeout_at(deadline):
                await self._first_byte()
            self._has_begun = True
            await loop.connect_accepted_socket(
                lambda: Connection(self._node),
                self._accepted,
                ssl=context,
                ssl_handshake_timeout=max(deadline - loop.time(), _LEAST_SECONDS),
                ssl_shutdown_timeout=settings.linger_seconds,
            )
        except ssl.SSLError as error:
            _log.warning("tls_handshake_failed host=%s why=%r", self._host, explained(error, self._host))
        except OSError as error:
            # Silent, or gone: port scanners and health checks do that all day.
            _log.debug("tls_handshake_ended host=%s error=%s", self._host, type(error).__name__)

    async def _first_byte(self) -> None:
        loop, has_come = self._node.loop, asyncio.Event()
        loop.add_reader(self._accepted, has_come.set)
        try:
            await has_come.wait()
        finally:
            loop.remove_reader(self._accepted)

    def _over(self, _: "asyncio.Task[None]") -> None:
        self._node.occupancy.leave(self)
        if not self._has_begun:
            self._accepted.close()
        self.closed.set_result(None)
