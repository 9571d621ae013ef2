"""How many connections and associations there are, in all, from one host and of one AE, and what gives way."""

from collections import Counter
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from dimse.negotiation import Rejection, congested, too_many
from dimse.settings import DimseSettings, Peer
from dimse.slots import Slots


class _Connection(Protocol):
    def cut(self) -> None: ...


C = TypeVar("C", bound=_Connection)


class Occupancy(Generic[C]):
    """Silent sockets cannot lock out honest peers: only associations count towards the limits of associations, and a
    connection without association gives way, the oldest first, when there are too many of its kind: of its host, then
    of all. All this is counted in this process; the limit of an AE holds over all that share the `slots`. `count` is
    told how many there are, each time that changes."""

    def __init__(
        self,
        settings: DimseSettings,
        slots: Slots | None = None,
        count: Callable[[int], None] = lambda connections: None,
    ) -> None:
        self._settings = settings
        self._slots = slots
        self._count = count
        self._taken: dict[C, int] = {}
        # A dictionary keeps the order in which they came.
        self._half_open: dict[C, str] = {}
        self._established: dict[C, tuple[str, str]] = {}
        self._half_open_per_host: Counter[str] = Counter()
        self._per_host: Counter[str] = Counter()
        self._per_peer: Counter[str] = Counter()
        self._tell()

    @property
    def connections(self) -> tuple[C, ...]:
        """All that are open."""
        return (*self._half_open, *self._established)

    def enter(self, connection: C, host: str) -> None:
        """A connection was made, which has no association yet."""
        if self._half_open_per_host[host] >= self._settings.half_open_per_host:
            self._give_way(next(other for other, of in self._half_open.items() if of == host))
        elif len(self._half_open) >= self._settings.half_open:
            self._give_way(next(iter(self._half_open)))
        self._half_open[connection] = host
        self._half_open_per_host[host] += 1
        self._tell()

    def establish(self, connection: C, host: str, peer: Peer) -> Rejection | None:
        """A connection wants to become an association; None if it now is one."""
        if len(self._established) >= self._settings.associations:
            return too_many("too many associations", "release associations, or raise dimse.associations")
        if self._per_host[host] >= self._settings.associations_per_host:
            return too_many("too many associations of this host", "let it use fewer, or raise associations_per_host")
        try:
            # The last, because it takes what it finds.
            if peer.associations and not self._finds_room(connection, peer):
                mend = "let it use fewer, or raise associations of this peer"
                return too_many("too many associations of this AE title", mend)
        except OSError as error:
            return congested("the associations of this AE title cannot be counted", str(error.strerror))
        self._forget_half_open(connection)
        self._established[connection] = (host, peer.ae_title)
        self._per_host[host] += 1
        self._per_peer[peer.ae_title] += 1
        return None

    def leave(self, connection: C) -> None:
        """A connection is gone."""
        self._forget_half_open(connection)
        slot = self._taken.pop(connection, None)
        if slot is not None and self._slots is not None:
            self._slots.free(slot)
        host, ae_title = self._established.pop(connection, (None, None))
        if host is not None and ae_title is not None:
            _take_one(self._per_host, host)
            _take_one(self._per_peer, ae_title)
        self._tell()

    def _tell(self) -> None:
        self._count(len(self._half_open) + len(self._established))

    def _finds_room(self, connection: C, peer: Peer) -> bool:
        if self._slots is None:
            return self._per_peer[peer.ae_title] < peer.associations
        slot = self._slots.take(peer.ae_title, peer.associations)
        if slot is not None:
            self._taken[connection] = slot
        return slot is not None

    def _give_way(self, connection: C) -> None:
        self._forget_half_open(connection)
        connection.cut()

    def _forget_half_open(self, connection: C) -> None:
        host = self._half_open.pop(connection, None)
        if host is not None:
            _take_one(self._half_open_per_host, host)


def _take_one(counter: Counter[str], key: str) -> None:
    """Remove what reaches zero: a node lives long, and hosts come and go."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
