"""One association that we asked for: requests go out, responses come back, and the peer may ask in between."""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from queue import SimpleQueue
from typing import Final, Self

from dimse import command as commands
from dimse import pdu_protocol as pdus
from dimse.command import Command
from dimse.exchange import AssociationLost
from dimse.messages import Message, MessageAssembler
from dimse.pdu_protocol import Pdu, ProtocolViolation
from dimse.scu.arriving import ArrivingResponse, PerformingExchange, unexpected
from dimse.scu.establishing import Proposal, establish
from dimse.scu.wire import (
    DATA_VALUE_OVERHEAD,
    RELEASE_REQUEST,
    AssociationFailed,
    Patience,
    Wire,
)
from dimse.services.operation import Context, Operation, Response
from dimse.settings import Peer

__all__ = [
    "AbortedByPeer",
    "AssociationFailed",
    "AssociationLost",
    "Patience",
    "Proposal",
    "ReceivedResponse",
    "Requestor",
]

Perform = Callable[[Context, Command], Operation]

_PENDING: Final = (0xFF00, 0xFF01)
_LARGEST_DATA_SET: Final = 16 * 2**30
_PIECE: Final = 1 << 18
_ABORTERS: Final = {pdus.SERVICE_USER: "by its user", pdus.SERVICE_PROVIDER: "by its service provider"}


@dataclass(frozen=True, slots=True)
class ReceivedResponse:
    """One response: its command set, and its data set as it is encoded in the context's transfer syntax."""

    command: Command
    identifier: bytes = b""

    @property
    def status(self) -> int:
        """The Status (0000,0900)."""
        return self.command.number(commands.STATUS)

    @property
    def is_pending(self) -> bool:
        """Whether more responses follow (PS3.7 annex C)."""
        return self.status in _PENDING


class AbortedByPeer(AssociationLost):
    """The peer sent an A-ABORT: it may not have liked what it was given."""


class Requestor:
    """An established association. For one thread at a time; as a context manager it releases in the end, or aborts
    when an exception leaves the block. Whatever finds the association gone raises `AssociationLost`.
    """

    def __init__(
        self,
        wire: Wire,
        contexts: Mapping[int, Context],
        longest_pdu: int,
        perform: Perform | None = None,
        patience: Patience | None = None,
        calling_ae_title: str = "",
    ) -> None:
        """Made by `associate`; `longest_pdu` is the peer's, 0 for no limit."""
        self.calling_ae_title = calling_ae_title
        self.contexts = contexts
        self.wire = wire
        self.longest_pdu = longest_pdu
        self._patience = patience or Patience()
        self._perform = perform or unexpected
        self._assembler = MessageAssembler(contexts, _LARGEST_DATA_SET, self._begin)
        self._arrived: list[Message] = []
        self._last_message_id = 0
        self._lost = ""

    @classmethod
    def associate(
        cls,
        peer: Peer,
        proposals: Sequence[Proposal],
        *,
        calling_ae_title: str,
        tls: ssl.SSLContext | None = None,
        perform: Perform | None = None,
        patience: Patience | None = None,
    ) -> Self:
        """Call `peer` and propose these contexts (at most 128). Raises `AssociationFailed`.

        `perform` begins the operations that the peer asks for: the C-STORE of a C-GET, N-EVENT-REPORT.
        """
        patience = patience or Patience()
        wire, accept, contexts = establish(peer, proposals, calling_ae_title, tls, patience)
        # Fragments must be of even length, so they cannot be shorter than two bytes.
        longest_pdu = max(accept.longest_pdu & ~1, DATA_VALUE_OVERHEAD + 2) if accept.longest_pdu else 0
        return cls(wire, contexts, longest_pdu, perform, patience, calling_ae_title)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    @property
    def piece_length(self) -> int:
        """How long the pieces of a data set best are: they fill PDUs to the brim."""
        fragment = self.longest_pdu - DATA_VALUE_OVERHEAD if self.longest_pdu else _PIECE
        return fragment * max(1, _PIECE // fragment)

    @property
    def is_lost(self) -> bool:
        """Whether the association has ended, in order or not."""
        return bool(self._lost)

    def context(self, abstract_syntax: str, *transfer_syntaxes: str) -> Context | None:
        """The accepted context of an abstract syntax: the first of `transfer_syntaxes` that there is one for."""
        found = [context for context in self.contexts.values() if context.abstract_syntax == abstract_syntax]
        if not transfer_syntaxes:
            return next(iter(found), None)
        by_syntax = {context.transfer_syntax: context for context in reversed(found)}
        return next((by_syntax[syntax] for syntax in transfer_syntaxes if syntax in by_syntax), None)

    def request(
        self, context: Context, elements: Sequence[tuple[int, bytes]], data: Iterable[bytes] = ()
    ) -> Iterator[ReceivedResponse]:
        """Ask, at once; then the responses as they come, the final one last.

        `elements` are those of the command without group length, Message ID and Command Data Set Type. `data` are
        pieces of the encoded data set, best of `piece_length`; none at all, and no data set is sent. Whoever closes
        the iterator early cancels the operation (C-CANCEL). Where `data` raise something it is raised here; once a
        part of them is sent, the association is aborted.
        """
        pieces = iter(data)
        first = next(pieces, b"")
        self._last_message_id = self._last_message_id % 0xFFFF + 1
        kind = commands.A_DATA_SET if first else commands.NO_DATA_SET
        request = [
            *elements,
            (commands.MESSAGE_ID, commands.uint2(self._last_message_id)),
            (commands.DATA_SET_TYPE, commands.uint2(kind)),
        ]
        self._send_command(context, request)
        if first:
            self._send_data_set(context, chain((first,), pieces))
        return self._responses(context, self._last_message_id)

    def ask(
        self, context: Context, elements: Sequence[tuple[int, bytes]], data: Iterable[bytes] = ()
    ) -> ReceivedResponse:
        """As `request`, for what has one response: that one."""
        *_, response = self.request(context, elements, data)
        return response

    def cancel(self, context: Context, message_id: int) -> None:
        """C-CANCEL of the operation whose request had this Message ID (PS3.7 9.3.2.3); its final response follows."""
        elements = [
            (commands.COMMAND_FIELD, commands.uint2(commands.C_CANCEL_RQ)),
            (commands.MESSAGE_ID_RESPONDED_TO, commands.uint2(message_id)),
            (commands.DATA_SET_TYPE, commands.uint2(commands.NO_DATA_SET)),
        ]
        self._send_command(context, elements)

    def perform_request(self, seconds: float) -> bool:
        """Wait for one request of the peer and perform it; False when none comes within `seconds`."""
        try:
            message = self._next_message(seconds)
        except TimeoutError:
            return False
        if not message.command.is_request:
            raise self._gone("a response came that belongs to nothing we asked", abort=True)
        self._answer(message)
        return True

    def release(self) -> None:
        """Release in good order, and close; nothing is left afterwards even if the peer does not answer."""
        if self._lost:
            return
        with suppress(OSError, ProtocolViolation):
            self.wire.send(RELEASE_REQUEST)
            deadline = time.monotonic() + self._patience.release
            while (pdu := self.wire.receive(deadline)).kind not in (pdus.RELEASE_RP, pdus.ABORT):
                if pdu.kind == pdus.RELEASE_RQ:
                    self.wire.send(pdus.encode_release_reply())
        self._end("released")

    def interrupt(self) -> None:
        """Break the connection, from any thread: whoever waits for the peer finds the association lost."""
        self.wire.interrupt()

    def abort(self) -> None:
        """Abort, and close. Idempotent."""
        if not self._lost:
            self._gone("aborted by us", abort=True)

    def _responses(self, context: Context, message_id: int) -> Iterator[ReceivedResponse]:
        is_complete = False
        try:
            while not is_complete:
                response = self._response(message_id)
                is_complete = not response.is_pending
                yield response
        finally:
            if not is_complete and not self._lost:
                self._cancelled(context, message_id)

    def _response(self, message_id: int) -> ReceivedResponse:
        while True:
            try:
                message = self._next_message(self._patience.response)
            except TimeoutError:
                raise self._gone("the peer does not answer in time", abort=True) from None
            if message.command.is_request:
                self._answer(message)
                continue
            if message.command.number(commands.MESSAGE_ID_RESPONDED_TO) != message_id:
                raise self._gone("a response came that belongs to nothing we asked", abort=True)
            return self._received(message)

    def _received(self, message: Message) -> ReceivedResponse:
        operation = message.operation
        assert isinstance(operation, ArrivingResponse)
        if operation.is_too_large:
            raise self._gone("a response is larger than a megabyte", abort=True)
        if len(message.command.elements.get(commands.STATUS, b"")) != 2:
            raise self._gone("a response came without a status", abort=True)
        return ReceivedResponse(message.command, operation.identifier)

    def _cancelled(self, context: Context, message_id: int) -> None:
        """Nobody wants the rest: ask for the end and drop what is on its way."""
        with suppress(AssociationLost):
            self.cancel(context, message_id)
            while self._response(message_id).is_pending:
                continue

    def _answer(self, message: Message) -> None:
        """Do what the peer asks; it waits for the response as we wait for its."""
        responses: SimpleQueue[Response | None] = SimpleQueue()
        message.operation.perform(PerformingExchange(self.contexts), responses.put)
        response = responses.get()
        if response is None:
            raise self._gone("what the peer asks cannot be answered", abort=True)
        self._send(message.encode(response, self.longest_pdu))
        if response.afterwards is not None:
            response.afterwards()

    def _begin(self, context: Context, command: Command) -> Operation:
        return self._perform(context, command) if command.is_request else ArrivingResponse()

    def _next_message(self, seconds: float) -> Message:
        """The next complete message; each PDU of it comes within `seconds`, else TimeoutError."""
        while not self._arrived:
            if self._lost:
                raise AssociationLost(self._lost)
            try:
                self._take(self.wire.receive(time.monotonic() + seconds))
            except ProtocolViolation as violation:
                raise self._gone(f"the peer broke the protocol ({violation.detail})", abort=True) from violation
            except TimeoutError:
                raise
            except OSError as error:
                raise self._gone(f"the connection is lost ({error.strerror or error})") from error
        return self._arrived.pop(0)

    def _take(self, pdu: Pdu) -> None:
        if pdu.kind == pdus.P_DATA:
            for value in pdus.data_values(pdu.body):
                message = self._assembler.add(value)
                if message is not None:
                    self._arrived.append(message)
            self._assembler.flush()
        elif pdu.kind == pdus.ABORT:
            by = _ABORTERS.get(pdu.body[2], "nobody knows by whom")
            raise AbortedByPeer(str(self._gone(f"the peer aborted the association ({by})")))
        else:
            self.wire.send(pdus.encode_release_reply())
            raise self._gone("the peer released the association")

    def _send_data_set(self, context: Context, pieces: Iterable[bytes]) -> None:
        try:
            for part in pdus.encode_data_set(context.id, pieces, self.longest_pdu):
                self._send(part)
        except BaseException:
            self.abort()
            raise

    def _send_command(self, context: Context, elements: Sequence[tuple[int, bytes]]) -> None:
        encoded = commands.encode(sorted(elements))
        self._send(pdus.encode_values(context.id, encoded, self.longest_pdu, is_command=True))

    def _send(self, data: bytes) -> None:
        if self._lost:
            raise AssociationLost(self._lost)
        try:
            self.wire.send(data)
        except TimeoutError:
            raise self._gone("the peer does not read what we send") from None
        except OSError as error:
            raise self._gone(f"the connection is lost ({error.strerror or error})") from error

    def _gone(self, why: str, *, abort: bool = False) -> AssociationLost:
        """The association ends here; for raising."""
        if abort and not self._lost:
            with suppress(OSError):
                self.wire.send(pdus.encode_abort(pdus.SERVICE_USER))
        self._end(why)
        return AssociationLost(self._lost)

    def _end(self, why: str) -> None:
        self._lost = self._lost or why
        self._assembler.abandon()
        for message in self._arrived:
            message.operation.abandon()
        self._arrived.clear()
        self.wire.close()
