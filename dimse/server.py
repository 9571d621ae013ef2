"""The listeners, plain and TLS: accept connections until they are closed."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dimse.connection import Connection, Node
from dimse.handshake import Handshake, TlsListener, listen_tls
from dimse.negotiation import Admission
from dimse.occupancy import Occupancy
from dimse.processor import allowed, spread_over, stay_on_one
from dimse.seats import ALONE, Seat
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings, Peer
from dimse.slots import Slots
from dimse.tls import server_context

_BACKLOG = 1024


class CannotListen(OSError):
    """A port is taken or not ours to use."""

    def __init__(self, port: int, error: OSError) -> None:
        super().__init__(error.errno, error.strerror)
        self.port = port


class Server:
    """A listening DICOM node. Made by `serve`."""

    def __init__(
        self,
        listeners: Iterable[asyncio.Server | TlsListener],
        node: Node,
        pools: Iterable[ThreadPoolExecutor],
        port: int,
    ) -> None:
        self._listeners = tuple(listeners)
        self._node = node
        self._pools = tuple(pools)
        self.port = port

    @property
    def connections(self) -> tuple[Connection | Handshake, ...]:
        """All that are open, with an association or without."""
        return self._node.occupancy.connections

    async def close(self) -> None:
        """Stop listening, abort associations after the answer to what runs, and cut what is left at the deadline."""
        for listener in self._listeners:
            listener.close()
        connections = self.connections
        for connection in connections:
            connection.close()
        seconds = self._node.settings.close_seconds
        if connections:
            _, late = await asyncio.wait([connection.closed for connection in connections], timeout=seconds)
            for connection in connections:
                if connection.closed in late:
                    connection.cut()
        # A store may outlive its connection; its data must be in the index before the caller closes the storage.
        loop = self._node.loop
        ending = [loop.run_in_executor(None, partial(pool.shutdown, cancel_futures=True)) for pool in self._pools]
        ending.append(loop.run_in_executor(None, self._node.services.close))
        await asyncio.wait(ending, timeout=seconds)


async def serve(
    services: Services,
    settings: DimseSettings,
    find: Callable[[str], Peer | None] | None = None,
    seat: Seat = ALONE,
    slots: Slots | None = None,
) -> Server:
    """Listen on `settings.host` and `settings.port` (0: any free port), and on the TLS port if there is one.

    `find` knows peers by AE title and may block; without it, those of the settings are known. Where the `seat` is one
    of several, others may listen on the same ports, which must be reserved, and `slots` count the associations of a
    peer over all of them. Raises `CannotListen`, and `TlsUnusable` when there is to be a TLS port.
    """
    loop = asyncio.get_running_loop()
    context = server_context(settings.tls) if settings.tls.port else None
    processors = allowed()
    stay_on_one(seat.number)
    conversations, admissions = (
        ThreadPoolExecutor(threads, name, initializer=spread_over, initargs=(processors,))
        for threads, name in (
            (settings.conversation_threads, "conversation"),
            (settings.admission_threads, "admission"),
        )
    )
    admission = Admission(settings, find)
    node = Node(settings, admission, Occupancy(settings, slots), services, conversations, admissions, loop)
    listeners: list[asyncio.Server | TlsListener] = []
    try:
        plain = await loop.create_server(
            lambda: Connection(node),
            settings.host,
            settings.port,
            backlog=_BACKLOG,
            reuse_port=seat.is_shared,
        )
        listeners.append(plain)
        if context is not None:
            listeners.append(await listen_tls(node, context, shared=seat.is_shared))
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise CannotListen(settings.tls.port if listeners else settings.port, error) from error
    port: int = plain.sockets[0].getsockname()[1]
    return Server(listeners, node, (conversations, admissions), port)
