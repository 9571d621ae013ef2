"""The DICOM node: serves the connections that it is handed, plain or to be secured, until it is closed."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ssl import SSLContext

from dimse.connection import Connection, Node
from dimse.handshake import Handshake
from dimse.negotiation import Admission, plain_address
from dimse.occupancy import Occupancy
from dimse.processor import allowed, spread_over, stay_on_one
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings, Peer
from dimse.slots import Slots
from dimse.tls import server_context


class Server:
    """A DICOM node. Made by `serve`; whoever accepts connections hands them over."""

    def __init__(self, node: Node, context: SSLContext | None, pools: Iterable[ThreadPoolExecutor]) -> None:
        self._node = node
        self._context = context
        self._pools = tuple(pools)

    @property
    def connections(self) -> tuple[Connection | Handshake, ...]:
        """All that are open, with an association or without."""
        return self._node.occupancy.connections

    async def take(self, accepted: socket.socket) -> None:
        """Serve this connection, as it is. Raises OSError when it has gone already."""
        await self._node.loop.connect_accepted_socket(lambda: Connection(self._node), accepted)

    async def take_secured(self, accepted: socket.socket) -> None:
        """Serve this connection after a TLS handshake, for which there are settings. Raises OSError as above."""
        assert self._context is not None
        name = accepted.getpeername()
        Handshake(self._node, self._context, accepted, plain_address(name[0]))

    async def close(self) -> None:
        """Abort associations after the answer to what runs, and cut what is left at the deadline.

        Nobody may hand over connections any more.
        """
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


def serve(
    services: Services,
    settings: DimseSettings,
    find: Callable[[str], Peer | None] | None = None,
    slots: Slots | None = None,
    *,
    number: int = 1,
    count: Callable[[int], None] = lambda connections: None,
) -> Server:
    """A node in the running event loop.

    `find` knows peers by AE title and may block; without it, those of the settings are known. Where it is one of
    several processes, this is its `number`, from 1, and `slots` count the associations of a peer over all of them.
    `count` is told how many connections there are whenever that changes. Raises `TlsUnusable` when the settings have a
    TLS port and it could not be served.
    """
    loop = asyncio.get_running_loop()
    context = server_context(settings.tls) if settings.tls.port else None
    processors = allowed()
    stay_on_one(number)
    conversations, admissions = (
        ThreadPoolExecutor(threads, name, initializer=spread_over, initargs=(processors,))
        for threads, name in (
            (settings.conversation_threads, "conversation"),
            (settings.admission_threads, "admission"),
        )
    )
    admission = Admission(settings, find)
    occupancy: Occupancy[Connection | Handshake] = Occupancy(settings, slots, count)
    node = Node(settings, admission, occupancy, services, conversations, admissions, loop)
    return Server(node, context, (conversations, admissions))
