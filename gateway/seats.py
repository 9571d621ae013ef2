"""Several processes of one role: which one of them this is, and what they have in common.

The process that supervises makes both, and its children inherit them: the sockets, so that no other program can listen
beside them, and nothing is lost that is waiting in their queues when a child dies; and a little memory.
"""

import mmap
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dimse.processor import allowed

MOST: Final = 4
"""Processes of a role where the operator does not say how many: what they work with is one database on one disk."""

ROW: Final = 16_384
"""Numbers in the row of a process. What is never written takes no memory."""

ABSENT: Final = 2**62
"""In the first place of the row of a process that is not there."""

_CAN_SHARE: Final = hasattr(os, "memfd_create")
_NUMBER_BYTES: Final = 8

Row = memoryview
"""Numbers of 64 bits: how many connections this process has, then what it counts. Only its own process writes it."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Which one this process is, from 1, of how many; on its own by default."""

    number: int = 1
    of: int = 1

    @property
    def is_shared(self) -> bool:
        """Whether others do the same work."""
        return self.of > 1

    def part(self, whole: int) -> int:
        """The part of this process in what all together may have of something: at least one."""
        return max(1, whole // self.of + (self.number <= whole % self.of))


ALONE: Final = Seat()


def seats(wanted: int) -> tuple[Seat, ...]:
    """One for each process that there is to be: as many as `wanted`, or (0) as there are processors, at most `MOST`."""
    of = (wanted or min(MOST, max(1, len(allowed())))) if _CAN_SHARE else 1
    return tuple(Seat(number, of) for number in range(1, of + 1))


class Rows:
    """A row of numbers for each process of a role, in memory that all of them see."""

    def __init__(self, of: int, descriptor: int | None = None) -> None:
        """For so many processes: those that another process has made, or new ones, of which nobody is there yet."""
        self._descriptor = descriptor
        size = of * ROW * _NUMBER_BYTES
        if descriptor is None and of > 1:
            self._descriptor = os.memfd_create("durchblick")
            os.ftruncate(self._descriptor, size)
        self._memory = mmap.mmap(-1 if self._descriptor is None else self._descriptor, size)
        numbers = memoryview(self._memory).cast("Q")
        self.all: Final[Sequence[Row]] = [numbers[ROW * place : ROW * (place + 1)] for place in range(of)]
        if descriptor is None:
            for seat in range(1, of + 1):
                self.left(seat)

    @property
    def descriptor(self) -> int | None:
        """The file descriptor by which another process comes to them; None where there is only one."""
        return self._descriptor

    def left(self, seat: int) -> None:
        """The process with this number is not there (any more); what it counted stays."""
        self.all[seat - 1][0] = ABSENT


@dataclass(frozen=True, slots=True)
class Place:
    """What one process of a role works with: its seat, the rows of all, and sockets by their configuration section."""

    seat: Seat = ALONE
    rows: Rows = field(default_factory=lambda: Rows(1))
    sockets: Mapping[str, Sequence[socket.socket]] = field(default_factory=dict)

    @property
    def row(self) -> Row:
        """Its own."""
        return self.rows.all[self.seat.number - 1]

    def at(self, seat: Seat) -> "Place":
        """The same for another of these processes."""
        return Place(seat, self.rows, self.sockets)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The file descriptors that a child has to inherit."""
        rows = () if self.rows.descriptor is None else (self.rows.descriptor,)
        return (*rows, *(one.fileno() for each in self.sockets.values() for one in each))

    @property
    def arguments(self) -> list[str]:
        """How `durchblick serve` is told; see `told`."""
        words = ["--seat", str(self.seat.number), str(self.seat.of)]
        if self.rows.descriptor is not None:
            words += ["--rows", str(self.rows.descriptor)]
        for key, sockets in self.sockets.items():
            for one in sockets:
                words += ["--socket", key, str(one.fileno())]
        return words


def told(seat: tuple[int, int], rows: int | None, sockets: Sequence[tuple[str, int]]) -> Place:
    """The place that these arguments name."""
    made: dict[str, list[socket.socket]] = {}
    for key, descriptor in sockets:
        made.setdefault(key, []).append(socket.socket(fileno=descriptor))
    return Place(Seat(*seat), Rows(seat[1], rows), made)
