"""The TLS handshake of a connection to the TLS port: what comes before the association."""

import asyncio
import logging
import ssl
from typing import Any, Final, cast

from dimse.connection import Connection, Node
from dimse.negotiation import plain_address
from dimse.tls import explained

_log = logging.getLogger("durchblick.dimse")

_EARLY_BYTES: Final = 4_096


class Handshake(asyncio.Protocol):
    """Shakes hands, then lets a `Connection` take over; meanwhile it counts as half open and gives way like one.

    The loop's own TLS listener tells nobody of connections before their handshake is done, nor why it failed.
    """

    def __init__(self, node: Node, context: ssl.SSLContext) -> None:
        self._node = node
        self._context = context
        self.closed: asyncio.Future[None] = node.loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, within the time that an A-ASSOCIATE-RQ may take to come."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.pause_reading()
        name: tuple[Any, ...] = transport.get_extra_info("peername") or ("",)
        self._address = plain_address(name[0]) if name[0] else ""
        self._node.occupancy.enter(self, self._address)
        self._shaking = self._node.loop.create_task(self._shake())
        self._shaking.add_done_callback(self._over)

    def close(self) -> None:
        """There is nothing to finish."""
        self.cut()

    def cut(self) -> None:
        """Close the transport at once, and with it the handshake."""
        self._transport.abort()
        self._shaking.cancel()

    async def _shake(self) -> None:
        early, settings = _Early(), self._node.settings
        try:
            transport = await self._node.loop.start_tls(
                self._transport,
                early,
                self._context,
                server_side=True,
                ssl_handshake_timeout=settings.association_seconds,
                ssl_shutdown_timeout=settings.linger_seconds,
            )
        except OSError as error:
            self._tell(error)
            self._transport.abort()
            return
        self._node.occupancy.leave(self)
        if transport is not None:
            self._hand_over(transport, early)

    def _over(self, shaking: "asyncio.Task[None]") -> None:
        """Also when the task was cancelled before its first step."""
        self._node.occupancy.leave(self)
        self.closed.set_result(None)

    def _hand_over(self, transport: asyncio.Transport, early: "_Early") -> None:
        connection = Connection(self._node)
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if early.received:
            space = connection.get_buffer(len(early.received))
            space[: len(early.received)] = early.received
            connection.buffer_updated(len(early.received))

    def _tell(self, error: OSError) -> None:
        if isinstance(error, ConnectionError) and not isinstance(error, ssl.SSLError):
            # Silent, or gone: port scanners and health checks do that all day.
            _log.debug("tls_handshake_ended host=%s error=%s", self._address, type(error).__name__)
            return
        _log.warning("tls_handshake_failed host=%s why=%r", self._address, explained(error, self._address))


class _Early(asyncio.BufferedProtocol):
    """Keeps what comes between the end of the handshake and the step of the loop in which the connection takes over.

    That is one fill of its buffer at most: the loop wakes us before it reads again.
    """

    def __init__(self) -> None:
        self._buffer = bytearray(_EARLY_BYTES)
        self._filled = 0

    @property
    def received(self) -> bytes:
        """What has come."""
        return bytes(self._buffer[: self._filled])

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop puts what it receives."""
        return memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Count it."""
        self._filled += nbytes
