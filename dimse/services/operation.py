"""What every DIMSE service is to the association: an operation that takes a data set and ends with a response."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from dimse.command import Command
from dimse.status import Status

if TYPE_CHECKING:
    from dimse.exchange import Exchange

LARGEST_IDENTIFIER: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context; requests of ours may go out on it where `peer_is_scp` (PS3.7 D.3.3.4).

    `agreed` is the application information of our answer to SOP class extended negotiation (PS3.7 D.3.3.5).
    """

    id: int
    abstract_syntax: str
    transfer_syntax: str
    peer_is_scp: bool = False
    agreed: bytes = b""


@dataclass(frozen=True, slots=True)
class Request:
    """A complete command set, the context it came on, and who sent it (`address` is the peer's IP address)."""

    context: Context
    command: Command
    calling_ae_title: str
    address: str
    called_ae_title: str = ""

    @property
    def actor(self) -> str:
        """Who does it, for the audit."""
        return f"peer {self.calling_ae_title}@{self.address}"


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a request: a status, and where the service has them a data set and more command elements.

    `identifier` is encoded in the transfer syntax of the request's context; empty means that no data set follows.
    `afterwards` is called in a thread of its own once the response is on its way.
    """

    status: Status
    identifier: bytes = b""
    elements: tuple[tuple[int, bytes], ...] = ()
    afterwards: Callable[[], None] | None = None


Done = Callable[["Response | None"], None]
"""What an operation calls once, from any thread, with its last response; None when there is nobody to hear it."""


class Operation(Protocol):
    """One operation, from its command to its response. The event loop calls all methods, so none of them waits."""

    @property
    def converses(self) -> bool:
        """Whether it talks with the peer while it is performed, so that cancel requests and answers are taken."""

    def write(self, fragments: list[memoryview]) -> None:
        """Take the next pieces of the data set; they are only valid during the call. Never raises."""

    def perform(self, exchange: "Exchange", done: "Done") -> None:
        """The data set (if any) is complete: see that what was asked is done, without waiting for it."""

    def abandon(self) -> None:
        """The rest will not come: leave nothing behind."""


class Answered:
    """An operation whose response is known from its command alone; a data set that follows is dropped."""

    converses = False

    def __init__(self, status: Status) -> None:
        self._response = Response(status)

    def write(self, fragments: list[memoryview]) -> None:
        """Drop the fragments."""

    def perform(self, exchange: "Exchange", done: Done) -> None:
        """Give the response."""
        done(self._response)

    def abandon(self) -> None:
        """Nothing was begun."""


class Collected:
    """An operation with a small data set, which it keeps in memory: `answer` gets it when it is complete.

    A data set of more than `largest` bytes is refused with `too_large`.
    """

    converses = True

    def __init__(
        self,
        answer: Callable[[bytes, "Exchange"], Response],
        too_large: Status,
        largest: int = LARGEST_IDENTIFIER,
    ) -> None:
        self._answer = answer
        self._too_large = too_large
        self._largest = largest
        self._data = bytearray()
        self._size = 0

    def write(self, fragments: list[memoryview]) -> None:
        """Keep the fragments, as long as there are not too many."""
        for fragment in fragments:
            self._size += len(fragment)
            if self._size <= self._largest:
                self._data += fragment

    def perform(self, exchange: "Exchange", done: Done) -> None:
        """Let `answer` have the data set, in a thread."""
        exchange.converse(self.finish, done)

    def finish(self, exchange: "Exchange") -> Response:
        """What `answer` makes of the data set."""
        if self._size > self._largest:
            return Response(self._too_large)
        return self._answer(bytes(self._data), exchange)

    def abandon(self) -> None:
        """Forget the data."""
        self._data.clear()
