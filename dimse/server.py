"""The listener: accepts connections until it is closed."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dimse.connection import Connection, Node
from dimse.negotiation import Admission
from dimse.occupancy import Occupancy
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings


class Server:
    """A listening DICOM node. Made by `serve`."""

    def __init__(self, listener: asyncio.Server, node: Node, pools: tuple[ThreadPoolExecutor, ...]) -> None:
        self._listener = listener
        self._node = node
        self._pools = pools
        self.port: int = listener.sockets[0].getsockname()[1]

    @property
    def connections(self) -> tuple[Connection, ...]:
        """All that are open, with an association or without."""
        return self._node.occupancy.connections

    async def close(self) -> None:
        """Stop listening, abort associations after the answer to what runs, and cut what is left at the deadline."""
        self._listener.close()
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
        await asyncio.wait(ending, timeout=seconds)


async def serve(services: Services, settings: DimseSettings) -> Server:
    """Listen on `settings.host` and `settings.port` (0: any free port). OSError when that is not possible."""
    loop = asyncio.get_running_loop()
    admission = await loop.run_in_executor(None, Admission, settings)
    threads = ThreadPoolExecutor(settings.store_threads, thread_name_prefix="store")
    conversations = ThreadPoolExecutor(settings.conversation_threads, thread_name_prefix="conversation")
    node = Node(settings, admission, Occupancy(settings), services, threads, conversations, loop)
    listener = await loop.create_server(lambda: Connection(node), settings.host, settings.port, backlog=1024)
    return Server(listener, node, (threads, conversations))
