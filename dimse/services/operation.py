"""What every DIMSE service is to the association: an operation that takes a data set and ends with a status."""

from dataclasses import dataclass
from typing import Protocol

from dimse.command import Command
from dimse.status import Status


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context."""

    id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Request:
    """A complete command set, the context it came on, and who sent it (`address` is the peer's IP address)."""

    context: Context
    command: Command
    calling_ae_title: str
    address: str


class Operation(Protocol):
    """One operation, from its command to its status. `write` and `abandon` run in the event loop and do not wait."""

    @property
    def waits(self) -> bool:
        """Whether `finish` may block and so must run in a thread."""

    def write(self, fragment: memoryview) -> None:
        """Take the next piece of the data set; `fragment` is only valid during the call. Never raises."""

    def finish(self) -> Status:
        """The data set (if any) is complete: do what was asked. Never raises."""

    def abandon(self) -> None:
        """The rest will not come: leave nothing behind."""


class Answered:
    """An operation whose status is known from its command alone; a data set that follows is dropped."""

    waits = False

    def __init__(self, status: Status) -> None:
        self._status = status

    def write(self, fragment: memoryview) -> None:
        """Drop the fragment."""

    def finish(self) -> Status:
        """The status."""
        return self._status

    def abandon(self) -> None:
        """Nothing was begun."""
