"""Sockets that listen, and how the processes that share them accept from them: evenly.

To leave that to chance means with few connections that one process has all the work: of four that come to two
processes, three or four in most cases. So whoever has more connections than another leaves those that wait
to it for a moment, and takes them only if it does not come.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from gateway.processes import CannotStart
from gateway.seats import Place, Row

_LOG: Final = logging.getLogger("durchblick.gateway")

BACKLOG: Final = 1024
PATIENCE: Final = 0.005
"""Seconds for which a waiting connection is left to a process that has fewer."""

_PAUSE_SECONDS: Final = 0.5
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

Address = tuple[Any, ...]
Take = Callable[[socket.socket], Awaitable[None]]


def reserve(host: str, port: int, key: str) -> list[socket.socket]:
    """Sockets on every address of `host` for an `Acceptor`, which begins to listen; until then nobody can connect.

    Port 0 is any that is free then.
    Raises CannotStart naming the configuration section `key` when one of them cannot be had.
    """
    made: list[socket.socket] = []
    missing = OSError(errno.EADDRNOTAVAIL, "")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # Names may stand twice in the list of hosts.
        for family, address in dict.fromkeys((family, address) for family, *_, address in found):
            try:
                made.append(_reserved(family, address))
            except OSError as error:
                # "localhost" has an address of IPv6 also where the machine has none.
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
        if not made:
            raise missing
    except OSError as error:
        close(made)
        raise CannotStart(taken(host, port, key, error)) from error
    return made


def _reserved(family: int, address: Address) -> socket.socket:
    # The event loops switch Nagle off only where the protocol is named.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        # To listen, for a moment, is the only way to learn that nobody else does: to be bound is not exclusive as long
        # as addresses may be used again, which they must after a restart.
        made.listen(BACKLOG)
        with suppress(OSError):
            made.shutdown(socket.SHUT_RDWR)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def taken(host: str, port: int, key: str, error: OSError) -> str:
    """The sentence for an address that cannot be listened on, naming the configuration section `key`."""
    return (
        f"{host} port {port} cannot be used ({error.strerror or os.strerror(error.errno or 0)}). "
        f"Stop the program that holds it, or choose another {key}.port in the configuration."
    )


def close(sockets: Iterable[socket.socket]) -> None:
    """Listen no more, in this process."""
    for one in sockets:
        one.close()


class Acceptor:
    """Accepts connections for one process of a role, until it is closed. Made in a running event loop.

    It goes by the first number in the row of each process, which is to say how many connections that one has.
    """

    def __init__(self, key: str, take: Take, place: Place) -> None:
        """Listen on the sockets of `key`; `take` gets each connection, and has counted it when it returns.

        Raises CannotStart when somebody else has begun to listen there.
        """
        self._loop = asyncio.get_running_loop()
        self._listening = listening = place.sockets[key]
        for one in listening:
            try:
                one.listen(BACKLOG)
            except OSError as error:
                host, port, *_ = one.getsockname()
                raise CannotStart(taken(host, port, key, error)) from error
        self._take = take
        self._mine = place.row
        self._others: Sequence[Row] = [row for row in place.rows.all if row is not place.row]
        self._accepting = [self._loop.create_task(self._accept(one)) for one in listening]

    def close(self) -> None:
        """Accept no more."""
        for task in self._accepting:
            task.cancel()
        close(self._listening)

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            await self._somebody_waits(listening)
            if self._has_more():
                await asyncio.sleep(PATIENCE)
            try:
                accepted, _ = listening.accept()
            except BlockingIOError:
                # Another process was there first.
                continue
            except OSError as error:
                # Without file handles nothing can be accepted until others are closed; any other error is the peer's.
                if error.errno in _EXHAUSTED:
                    _LOG.error("accept_failed error=%s errno=%s", type(error).__name__, error.errno)
                    await asyncio.sleep(_PAUSE_SECONDS)
                continue
            await self._hand_over(accepted)

    async def _hand_over(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        try:
            await self._take(accepted)
        except OSError as error:
            # It has gone again.
            _LOG.debug("connection_lost_at_once error=%s", type(error).__name__)
            accepted.close()

    async def _somebody_waits(self, listening: socket.socket) -> None:
        waiting = self._loop.create_future()
        self._loop.add_reader(listening, _done, waiting)
        try:
            await waiting
        finally:
            self._loop.remove_reader(listening)

    def _has_more(self) -> bool:
        mine = self._mine[0]
        return any(row[0] < mine for row in self._others)


def _done(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
