"""The association as an operation in a thread sees it: responses and requests of its own, one after the other.

The event loop owns the connection. What threads have to say is queued, bounded, and written by the loop in that order;
what the peer answers comes back through futures.
"""

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from itertools import chain
from typing import TYPE_CHECKING, Final

from dimse import command as commands
from dimse import pdu_protocol as pdus
from dimse.command import Command
from dimse.services.operation import Context, Done, Response
from dimse.status import failed

if TYPE_CHECKING:
    from dimse.messages import Message

_MOST_QUEUED: Final = 1 << 20
_LARGEST_PIECE: Final = 1 << 18


class AssociationLost(Exception):
    """The peer is gone, or it did not read or answer in time; nobody is there to be told anything."""


class Dialogue:
    """What threads send on one association, and the answers to requests of ours."""

    def __init__(
        self, loop: AbstractEventLoop, write: Callable[[bytes], None], threads: Executor, seconds: float
    ) -> None:
        """`write` is called in `loop`. Waiting for the peer, to read or to answer, ends after `seconds`."""
        self.threads = threads
        self.contexts: Mapping[int, Context] = {}
        self.longest_pdu = 0
        self._loop = loop
        self._write = write
        self._seconds = seconds
        self._changed = threading.Condition()
        self._queue: list[bytes] = []
        self._queued = 0
        self._is_paused = False
        self._is_lost = False
        self._awaited: dict[int, Future[Command]] = {}
        self._last_message_id = 0
        self._sending = threading.Lock()

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be said any more."""
        return self._is_lost

    def ends_within(self, seconds: float) -> bool:
        """In a thread: wait until nothing can be said any more; False when that is still possible then."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_lost, seconds)

    def pause(self) -> None:
        """In the loop: the peer does not read."""
        with self._changed:
            self._is_paused = True

    def resume(self) -> None:
        """In the loop: it reads again."""
        with self._changed:
            self._is_paused = False
            self._changed.notify_all()

    def lost(self) -> None:
        """In the loop: the association has ended, whoever waits learns it."""
        with self._changed:
            self._is_lost = True
            awaited, self._awaited = self._awaited, {}
            self._changed.notify_all()
        for future in awaited.values():
            future.set_exception(AssociationLost("the association has ended"))

    def answered(self, response: Command) -> bool:
        """In the loop: hand a response to who waits for it; False when nobody does."""
        with self._changed:
            future = self._awaited.pop(response.number(commands.MESSAGE_ID_RESPONDED_TO), None)
        if future is not None:
            future.set_result(response)
        return future is not None

    def send(self, message: Iterable[bytes]) -> None:
        """In a thread: send the PDUs of one whole message. Waits for room; raises `AssociationLost`."""
        with self._sending:
            for part in message:
                self._enqueue(part)

    def request(self, context: Context, elements: Sequence[tuple[int, bytes]], data: Iterable[bytes]) -> Command:
        """In a thread: see `Exchange.request`."""
        pieces = _small(data)
        first = next(pieces, b"")
        future: Future[Command] = Future()
        message_id = self._await(future)
        request = [
            *elements,
            (commands.MESSAGE_ID, commands.uint2(message_id)),
            (commands.DATA_SET_TYPE, commands.uint2(commands.A_DATA_SET if first else commands.NO_DATA_SET)),
        ]
        command = commands.encode(sorted(request))
        self.send(
            chain(
                (pdus.encode_values(context.id, command, self.longest_pdu, is_command=True),),
                pdus.encode_data_set(context.id, chain((first,), pieces), self.longest_pdu),
            )
        )
        try:
            return future.result(self._seconds)
        except TimeoutError:
            with self._changed:
                self._awaited.pop(message_id, None)
            raise AssociationLost("the peer did not answer a request in time") from None

    def _await(self, future: Future[Command]) -> int:
        with self._changed:
            if self._is_lost:
                raise AssociationLost("the association has ended")
            self._last_message_id = self._last_message_id % 0xFFFF + 1
            self._awaited[self._last_message_id] = future
            return self._last_message_id

    def _enqueue(self, part: bytes) -> None:
        with self._changed:
            if not self._changed.wait_for(self._has_room, self._seconds):
                raise AssociationLost("the peer does not read")
            if self._is_lost:
                raise AssociationLost("the association has ended")
            self._queue.append(part)
            self._queued += len(part)
            if len(self._queue) == 1:
                self._loop.call_soon_threadsafe(self._flush)

    def _has_room(self) -> bool:
        return self._is_lost or (self._queued < _MOST_QUEUED and not self._is_paused)

    def _flush(self) -> None:
        with self._changed:
            queue, self._queue, self._queued = self._queue, [], 0
            self._changed.notify_all()
        if not self._is_lost:
            self._write(b"".join(queue))


class Exchange:
    """One operation's view of its association. Safe to use from any thread, also after the response was sent."""

    def __init__(self, dialogue: Dialogue, message: "Message") -> None:
        self._dialogue = dialogue
        self._message = message

    @property
    def contexts(self) -> Mapping[int, Context]:
        """All presentation contexts that were accepted, by their ids."""
        return self._dialogue.contexts

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer wants no more of this operation, or cannot get it any more."""
        return self._message.is_cancelled or self._dialogue.is_lost

    def ends_within(self, seconds: float) -> bool:
        """Wait for the end of the association; False when it goes on after so many seconds."""
        return self._dialogue.ends_within(seconds)

    def converse(self, finish: Callable[["Exchange"], Response], done: Done) -> None:
        """Run `finish` in a thread, and tell `done` what comes out of it. `finish` may raise `AssociationLost`."""
        self._dialogue.threads.submit(self._finish, finish, done)

    def _finish(self, finish: Callable[["Exchange"], Response], done: Done) -> None:
        response: Response | None
        try:
            response = finish(self)
        except AssociationLost:
            response = None
        except Exception as error:
            response = Response(failed(error))
        done(response)

    def respond(self, response: Response) -> None:
        """Send a response that is not the last one. Waits while the peer does not read; raises `AssociationLost`."""
        self._dialogue.send((self._message.encode(response, self._dialogue.longest_pdu),))

    def request(self, context: Context, elements: Sequence[tuple[int, bytes]], data: Iterable[bytes] = ()) -> Command:
        """Ask something of the peer and return the command set of its response.

        `elements` are those of the command without group length, Message ID and Command Data Set Type; `data` are
        pieces of the encoded data set, of any size; none at all, and no data set is sent. Raises `AssociationLost`.
        """
        return self._dialogue.request(context, elements, data)


def _small(data: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces that hold something, in such parts that none fills the queue."""
    for piece in data:
        for at in range(0, len(piece), _LARGEST_PIECE):
            yield piece[at : at + _LARGEST_PIECE]
