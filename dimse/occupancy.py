"""How many connections and associations there are, in all and from one host, and what gives way."""

from collections import Counter
from typing import Generic, Protocol, TypeVar

from dimse.negotiation import Rejection, too_many
from dimse.settings import DimseSettings


class _Connection(Protocol):
    def cut(self) -> None: ...


C = TypeVar("C", bound=_Connection)


class Occupancy(Generic[C]):
    """Silent sockets cannot lock out honest peers: only associations count towards the limits of associations, and a
    connection without association gives way, the oldest first, when there are too many of its kind."""

    def __init__(self, settings: DimseSettings) -> None:
        self._settings = settings
        self._half_open: dict[C, None] = {}
        self._established: dict[C, str] = {}
        self._per_host: Counter[str] = Counter()

    @property
    def connections(self) -> tuple[C, ...]:
        """All that are open."""
        return (*self._half_open, *self._established)

    def enter(self, connection: C) -> None:
        """A connection was made."""
        if len(self._half_open) >= self._settings.half_open:
            oldest = next(iter(self._half_open))
            del self._half_open[oldest]
            oldest.cut()
        self._half_open[connection] = None

    def establish(self, connection: C, host: str) -> Rejection | None:
        """A connection wants to become an association; None if it now is one."""
        if len(self._established) >= self._settings.associations:
            return too_many("too many associations", "release associations, or raise dimse.associations")
        if self._per_host[host] >= self._settings.associations_per_host:
            return too_many("too many associations of this host", "let it use fewer, or raise associations_per_host")
        self._half_open.pop(connection, None)
        self._established[connection] = host
        self._per_host[host] += 1
        return None

    def leave(self, connection: C) -> None:
        """A connection is gone."""
        self._half_open.pop(connection, None)
        host = self._established.pop(connection, None)
        if host is not None:
            self._per_host[host] -= 1
            if not self._per_host[host]:
                del self._per_host[host]
