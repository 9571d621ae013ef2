"""Several processes that listen on the same ports: which one of them this is, and how strangers are kept out.

The kernel spreads connections over the sockets that listen on one port with SO_REUSEPORT. It lets in whatever process
of the same user asks for it: another gateway too, with other data. So the ports are reserved first, without that
option, for as long as there are processes of ours that may have to listen again.
"""

import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from dimse.processor import allowed

MOST: Final = 4
"""Processes where the operator does not say how many: what they write to is one database on one disk."""

Address = tuple[Any, ...]
AddressInfo = tuple[int, int, int, str, Address]
"""What `socket.getaddrinfo` returns: family, type, protocol, canonical name, address."""

# Elsewhere the option exists, but does not spread connections.
_CAN_SHARE: Final = sys.platform == "linux" and hasattr(socket, "SO_REUSEPORT")


@dataclass(frozen=True, slots=True)
class Seat:
    """Which one this process is, from 1, of how many; on its own by default."""

    number: int = 1
    of: int = 1

    @property
    def is_shared(self) -> bool:
        """Whether others listen on the same ports."""
        return self.of > 1


ALONE: Final = Seat()


def seats(wanted: int) -> tuple[Seat, ...]:
    """One for each process that is to listen: as many as `wanted`, or (0) as there are processors, at most `MOST`."""
    of = (wanted or min(MOST, max(1, len(allowed())))) if _CAN_SHARE else 1
    return tuple(Seat(number, of) for number in range(1, of + 1))


def on_each(found: Iterable[AddressInfo], made: Callable[[int, Address], socket.socket]) -> list[socket.socket]:
    """A socket, made of family and address, for each that `getaddrinfo` found; on an OSError none is left."""
    sockets: list[socket.socket] = []
    try:
        # Names may stand twice in the list of hosts.
        for family, *_, address in dict.fromkeys(found):
            sockets.append(made(family, address))
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def listening_socket(family: int, address: Address, backlog: int, *, shared: bool) -> socket.socket:
    """A socket that listens on this address, beside others if `shared`. Raises OSError."""
    # The event loops switch Nagle off only where the protocol is named.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(backlog)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def reserve(host: str, port: int) -> list[socket.socket]:
    """Keep a port (not 0), on every address of `host`, for `shared` sockets of ours until these are closed.

    Nobody can connect to them. Raises OSError when anybody else listens there.
    """
    return on_each(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE), _reserve)


def _reserve(family: int, address: Address) -> socket.socket:
    # To listen, for a moment, is the only way to learn that nobody else does: to be bound is not exclusive as long as
    # addresses may be used again, which they must after a restart. From then on only sockets of ours may join.
    held = listening_socket(family, address, 1, shared=False)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # It remains bound.
    held.shutdown(socket.SHUT_RDWR)
    return held
