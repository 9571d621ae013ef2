"""What arrives on an association that we asked for: responses, and operations that the peer asks for in return."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from dimse.command import Command
from dimse.exchange import AssociationLost, Exchange
from dimse.services.operation import LARGEST_IDENTIFIER, Answered, Context, Done, Operation, Response
from dimse.status import UNRECOGNIZED_OPERATION, Status, failed

_NOT_OFFERED: Final = Status(UNRECOGNIZED_OPERATION, "Nothing is offered on this association.")


class ArrivingResponse:
    """Collects the data set of a response, up to `LARGEST_IDENTIFIER` bytes."""

    converses = False

    def __init__(self) -> None:
        self._data = bytearray()
        self._size = 0

    @property
    def is_too_large(self) -> bool:
        """Whether there was more than is kept."""
        return self._size > LARGEST_IDENTIFIER

    @property
    def identifier(self) -> bytes:
        """The data set."""
        return bytes(self._data)

    def write(self, fragments: list[memoryview]) -> None:
        """Keep the fragments, as long as there are not too many."""
        for fragment in fragments:
            self._size += len(fragment)
            if not self.is_too_large:
                self._data += fragment

    def perform(self, exchange: Exchange, done: Done) -> None:
        """Nobody wants an answer to a response."""
        done(None)

    def abandon(self) -> None:
        """Forget the data."""
        self._data.clear()


class PerformingExchange(Exchange):
    """The association as an operation sees it that we perform for the acceptor: it answers, and asks nothing."""

    def __init__(self, contexts: Mapping[int, Context]) -> None:
        self._contexts = contexts

    @property
    def contexts(self) -> Mapping[int, Context]:
        """All presentation contexts that were accepted, by their ids."""
        return self._contexts

    @property
    def is_cancelled(self) -> bool:
        """Never: what an acceptor may ask of its requestor cannot be cancelled."""
        return False

    def ends_within(self, seconds: float) -> bool:
        """Not while the peer waits for a response of ours."""
        return False

    def converse(self, finish: Callable[[Exchange], Response], done: Done) -> None:
        """Run `finish` at once: we have nothing else to do."""
        try:
            done(finish(self))
        except AssociationLost:
            done(None)
        except Exception as error:
            done(Response(failed(error)))

    def respond(self, response: Response) -> None:
        """Not possible: what an acceptor may ask has one response."""
        raise AssociationLost("no pending responses are possible here")

    def request(self, context: Context, elements: Sequence[tuple[int, bytes]], data: Iterable[bytes] = ()) -> Command:
        """Not possible: our own operation is still going on."""
        raise AssociationLost("no requests are possible while another one is going on")


def unexpected(context: Context, command: Command) -> Operation:
    """What answers a peer that asks where nothing is offered."""
    return Answered(_NOT_OFFERED)
