"""A real listener in a thread of its own, and a store in memory for it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from operator import setitem
from types import SimpleNamespace
from typing import Any, Final, cast

import uvloop

from dimse.connection import Connection
from dimse.handshake import Handshake
from dimse.server import Server, serve
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings
from gateway.listening import Acceptor, reserve
from gateway.seats import Place
from storage.data_set.part10 import FileMeta
from storage.storage import Storage
from tests.support.clock import StandingLoop
from tests.support.patience import NO_DEADLINE, PATIENCE

EVENT_LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


_LOOPS: Final = {**EVENT_LOOPS, "standing": StandingLoop}
_PATIENT: Final = dict.fromkeys(
    ("association_seconds", "idle_seconds", "transfer_seconds", "answer_seconds", "close_seconds"), NO_DEADLINE
)


@dataclass
class MemoryIncoming:
    """What arrives for one instance."""

    meta: FileMeta
    store: "MemoryStore"
    data: bytearray = field(default_factory=bytearray)

    def write_all(self, pieces: list[memoryview]) -> None:
        if self.store.write_error is not None:
            raise self.store.write_error
        self.data += b"".join(pieces)

    def abandon(self) -> None:
        self.store.abandoned.append(self)
        self.store.something_abandoned.set()
        if self.store.abandon_error is not None:
            raise self.store.abandon_error


@dataclass
class MemoryStore:
    """Stands where the ingest of the store stands. An error that is set is raised; `gate` holds back every store."""

    receive_error: Exception | None = None
    write_error: Exception | None = None
    store_error: Exception | None = None
    abandon_error: Exception | None = None
    kept: list[MemoryIncoming] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    abandoned: list[MemoryIncoming] = field(default_factory=list)
    something_received: threading.Event = field(default_factory=threading.Event)
    something_abandoned: threading.Event = field(default_factory=threading.Event)
    storing: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def receive(self, meta: FileMeta) -> MemoryIncoming:
        self.something_received.set()
        if self.receive_error is not None:
            raise self.receive_error
        return MemoryIncoming(meta, self)

    def store(self, incoming: MemoryIncoming, *, source: str) -> None:
        self.storing.release()
        assert self.gate.wait(PATIENCE)
        if self.store_error is not None:
            raise self.store_error
        self.kept.append(incoming)
        self.sources.append(source)


class Node:
    """A running node with who accepts for it; `run` executes a coroutine in its loop."""

    def __init__(
        self, server: Server, accepting: Sequence[Acceptor], loop: asyncio.AbstractEventLoop, port: int
    ) -> None:
        self.server = server
        self.loop = loop
        self.port = port
        self._accepting = accepting

    async def close(self) -> None:
        for acceptor in self._accepting:
            acceptor.close()
        await self.server.close()

    @property
    def connection(self) -> Connection:
        """The one that is open."""
        (connection,) = self.server.connections
        assert isinstance(connection, Connection)
        return connection

    def passes(self, seconds: float) -> None:
        """Let time pass in a "standing" loop, and what is due by then happen."""
        assert isinstance(self.loop, StandingLoop)
        self.run(self.loop.passes(seconds))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Meanwhile its loop does nothing, and all that comes lies there when it looks again."""
        standing, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            standing.set()
            assert go_on.wait(PATIENCE)

        self.loop.call_soon_threadsafe(hold)
        assert standing.wait(PATIENCE)
        try:
            yield
        finally:
            go_on.set()

    def wait_until_gone(self) -> None:
        """The next step of the loop that comes behind the end of all connections."""

        async def closed(connections: Sequence[Connection | Handshake]) -> None:
            for connection in connections:
                await connection.closed

        while connections := self.server.connections:
            self.run(closed(connections))

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)


def services_over(store: object) -> Services:
    """All services, of which only C-STORE has a store to work with."""
    return Services(cast(Storage, SimpleNamespace(ingest=store)))


def sockets_for(settings: DimseSettings) -> dict[str, list[socket.socket]]:
    """For the plain port, any free one, and the TLS port if there is one."""
    tls = settings.tls.port
    return {"dimse": reserve("127.0.0.1", 0, "dimse")} | ({"tls": reserve("127.0.0.1", tls, "tls")} if tls else {})


async def begin(services: Services, settings: DimseSettings, place: Place, **further: Any) -> Node:
    """Serve in the running loop what comes to the sockets of `place`."""
    loop = asyncio.get_running_loop()
    count = partial(setitem, place.row, 0)
    server = serve(services, settings, number=place.seat.number, count=count, **further)
    takes = {"dimse": server.take, "tls": server.take_secured}
    accepting = [Acceptor(key, takes[key], place) for key in place.sockets]
    return Node(server, accepting, loop, place.sockets["dimse"][0].getsockname()[1])


@contextmanager
def running(
    store: object, event_loop: str = "uvloop", services: Services | None = None, **settings: Any
) -> Iterator[Node]:
    """Listen on a free port of the loopback interface; anybody may send, and take any time, unless `settings` say
    otherwise. In the event loop "standing", time passes only by `Node.passes`.

    Besides settings, `find` may be there, which knows peers by AE title, `slots`, and the `place` that this one of
    several nodes has, with their sockets.
    """
    further = {name: settings.pop(name) for name in ("find", "slots") if name in settings}
    place = settings.pop("place", None)
    chosen = DimseSettings(**({"accept_unknown_peers": True} | _PATIENT | settings))
    place = place or Place(sockets=sockets_for(chosen))
    services = services or services_over(store)
    loop = _LOOPS[event_loop]()
    thread = threading.Thread(target=loop.run_forever, name="dimse")
    thread.start()
    try:
        began = begin(services, chosen, place, **further)
        node = asyncio.run_coroutine_threadsafe(began, loop).result(PATIENCE)
        try:
            yield node
        finally:
            node.run(node.close())
            node.run(loop.shutdown_default_executor())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
