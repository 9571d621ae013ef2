"""The wire of one association: buffer, deadlines and back-pressure around the state machine."""

import asyncio
import math
import socket
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from dimse import pdu_protocol as pdus
from dimse.association import Association, State
from dimse.association_pdus import AssociationRequest
from dimse.exchange import Dialogue, Exchange
from dimse.messages import Message
from dimse.negotiation import Admission, Rejection, cannot_judge, plain_address
from dimse.occupancy import Occupancy
from dimse.pdu_protocol import Pdu, PduReader, ProtocolViolation
from dimse.services.dispatch import Services
from dimse.services.operation import Response
from dimse.settings import DimseSettings, Peer
from dimse.status import failed

if TYPE_CHECKING:
    from dimse.handshake import Handshake

_PDUS_PER_BUFFER: Final = 2
_DISCARD_BUFFER: Final = 4_096
_QUICK_ACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)


@dataclass(frozen=True, slots=True)
class Node:
    """What all connections of one server share."""

    settings: DimseSettings
    admission: Admission
    occupancy: Occupancy["Connection | Handshake"]
    services: Services
    conversations: Executor
    admissions: Executor
    loop: asyncio.AbstractEventLoop


class Connection(asyncio.BufferedProtocol):
    """Receives, performs and answers, one request after the other, until released, aborted or overdue.

    While a request is performed nothing more is taken from the buffer, and once that is full nothing more is read, so
    a peer that sends without waiting for answers is slowed down by TCP. Only operations that converse with the peer
    let its answers, cancel requests and aborts through, until the next request is complete, which has to wait.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._settings = node.settings
        self._reader = PduReader({pdus.ASSOCIATE_RQ: self._settings.longest_request, pdus.ABORT: 4})
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = math.inf
        self._waiting: Message | None = None
        self._is_closing = False
        self._reading_is_paused = False
        self._writing_is_paused = False
        self._span_has_begun = False
        self._span_bytes = 0
        self.closed: asyncio.Future[None] = node.loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the A-ASSOCIATE-RQ (action AE-5)."""
        self.transport = cast(asyncio.Transport, transport)
        self._socket = transport.get_extra_info("socket")
        name: tuple[Any, ...] = transport.get_extra_info("peername") or ("",)
        address = plain_address(name[0]) if name[0] else ""
        node = self._node
        self._dialogue = Dialogue(node.loop, self.transport.write, node.conversations, self._settings.answer_seconds)
        self._association = Association(
            node.settings,
            node.services,
            address,
            self._dialogue,
            lambda peer: node.occupancy.establish(self, address, peer),
        )
        self._address = address
        node.occupancy.enter(self, address)
        self._arm(self._settings.association_seconds)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop puts what it receives."""
        if self._association.state is State.AWAITING_CLOSE:
            return memoryview(bytearray(_DISCARD_BUFFER))
        return self._reader.space()

    def buffer_updated(self, nbytes: int) -> None:
        """Act on what was received."""
        if self._association.state is State.AWAITING_CLOSE:
            return
        self._reader.received(nbytes)
        self._span_bytes += nbytes
        self._take()
        expects_more = self._span_has_begun or self._association.performing is not None
        if _QUICK_ACK is not None and expects_more and self._association.state is State.ESTABLISHED:
            # The sender's last segment may wait for our acknowledgement (Nagle), which the kernel delays up to 40 ms.
            _set_option(self._socket, _QUICK_ACK)

    def pause_writing(self) -> None:
        """The peer does not read our answers: take no more requests."""
        self._writing_is_paused = True
        self._dialogue.pause()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._writing_is_paused = False
        self._dialogue.resume()
        self._take()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything; a message being performed goes on, what is incomplete is abandoned."""
        if self._timer is not None:
            self._timer.cancel()
        self._association.lost(type(exc).__name__ if exc else "")
        self._drop_waiting()
        # Not later, when the garbage collector comes by: a crowd of short associations would hold many buffers.
        self._reader.release()
        self._node.occupancy.leave(self)
        self.closed.set_result(None)

    def close(self) -> None:
        """Abort the association, after the answer to what is being performed now."""
        self._is_closing = True
        performing = self._association.performing
        if performing is not None:
            performing.is_cancelled = True
        elif self._association.state is State.ESTABLISHED:
            self.transport.write(self._association.abort("the server is closing"))
            self._settle()
        else:
            self.cut()

    def cut(self) -> None:
        """Close the transport at once."""
        self.transport.abort()

    def _take(self) -> None:
        try:
            while (pdu := self._next_pdu()) is not None:
                reply = self._association.receive(pdu)
                if isinstance(reply, Message):
                    self._perform(reply)
                elif isinstance(reply, AssociationRequest):
                    self._node.admissions.submit(self._judge, reply)
                elif reply:
                    self.transport.write(reply)
            self._association.flush()
        except ProtocolViolation as violation:
            self.transport.write(self._association.violated(violation))
        self._settle()

    def _judge(self, request: AssociationRequest) -> None:
        """In a thread: the list of peers may lie in a database, and the address of a host with a name server."""
        verdict: Peer | Rejection
        try:
            verdict = self._node.admission.admit(request, self._address)
        except Exception as error:
            verdict = cannot_judge(failed(error))
        self._node.loop.call_soon_threadsafe(self._judged, request, verdict)

    def _judged(self, request: AssociationRequest, verdict: Peer | Rejection) -> None:
        if self._association.state is not State.DECIDING or self._is_closing:
            return
        self.transport.write(self._association.negotiate(request, verdict))
        if self._association.is_established:
            self._expect_data()
        self._take()

    def _next_pdu(self) -> Pdu | None:
        state = self._association.state
        if self._writing_is_paused or (state is not State.ESTABLISHED and state is not State.AWAITING_REQUEST):
            return None
        performing = self._association.performing
        if performing is not None and not self._may_interrupt(performing):
            return None
        return self._reader.next_pdu()

    def _may_interrupt(self, performing: Message) -> bool:
        """A release comes after the answer; every other PDU concerns the operation, if that is one that listens."""
        converses = performing.operation.converses and self._waiting is None
        return converses and self._reader.next_kind != pdus.RELEASE_RQ

    def _expect_data(self) -> None:
        longest = self._settings.longest_pdu
        expected = {pdus.P_DATA: longest, pdus.RELEASE_RQ: 4, pdus.ABORT: 4}
        self._reader.expect(expected, _PDUS_PER_BUFFER * (longest + pdus.HEADER_LENGTH))

    def _perform(self, message: Message) -> None:
        if self._association.performing is not None:
            self._waiting = message
            return
        self._association.performing = message
        message.operation.perform(Exchange(self._dialogue, message), partial(self._done, message))

    def _done(self, message: Message, response: Response | None) -> None:
        """In any thread: back to the loop, and never at once, so that a peer that asks without end gets its turn."""
        self._node.loop.call_soon_threadsafe(self._performed, message, response)

    def _performed(self, message: Message, response: Response | None) -> None:
        self._association.performing = None
        if self._association.state is not State.ESTABLISHED:
            self._drop_waiting()
            return
        if response is None:
            self._give_up("the peer did not read or answer in time")
            return
        self.transport.write(self._association.answer(message, response))
        if self._is_closing:
            self._drop_waiting()
            self.close()
            return
        if response.afterwards is not None:
            self._node.conversations.submit(response.afterwards)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._perform(waiting)
            self._settle()
        else:
            self._take()

    def _drop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.operation.abandon()
            self._waiting = None

    def _settle(self) -> None:
        """After every step: set the deadline that holds now, and stop or go on reading."""
        state = self._association.state
        if state is State.IDLE:
            self.transport.close()
        elif state is State.AWAITING_CLOSE:
            self._arm(self._settings.linger_seconds)
        elif state is State.ESTABLISHED:
            self._settle_deadline()
        self._settle_reading(state)

    def _settle_deadline(self) -> None:
        if self._association.performing is not None:
            self._span_has_begun = False
            self._disarm()
        elif not self._writing_is_paused and (self._association.is_receiving or self._reader.pending):
            if not self._span_has_begun:
                self._begin_span()
        else:
            self._span_has_begun = False
            self._arm(self._settings.idle_seconds)

    def _settle_reading(self, state: State) -> None:
        must_pause = state in (State.DECIDING, State.ESTABLISHED) and self._reader.is_full
        if must_pause and not self._reading_is_paused:
            self.transport.pause_reading()
        elif not must_pause and self._reading_is_paused:
            self.transport.resume_reading()
        self._reading_is_paused = must_pause

    def _begin_span(self) -> None:
        self._span_has_begun = True
        self._span_bytes = 0
        self._arm(self._settings.transfer_seconds)

    def _arm(self, seconds: float) -> None:
        """Set the deadline. The timer is only moved when it would come too late: deadlines change all the time."""
        loop = self._node.loop
        self._deadline = loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(self._deadline, self._on_timer)

    def _disarm(self) -> None:
        self._deadline = math.inf

    def _on_timer(self) -> None:
        self._timer = None
        if self._node.loop.time() >= self._deadline:
            self._overdue()
        elif self._deadline < math.inf:
            self._timer = self._node.loop.call_at(self._deadline, self._on_timer)

    def _overdue(self) -> None:
        if self._association.state is not State.ESTABLISHED or self._writing_is_paused:
            self.cut()
        elif not self._span_has_begun:
            self._give_up("idle for too long")
        elif self._span_bytes < self._settings.minimum_rate * self._settings.transfer_seconds:
            self._give_up("sending too slowly")
        else:
            self._begin_span()

    def _give_up(self, why: str) -> None:
        self.transport.write(self._association.abort(why))
        self._settle()


def _set_option(lent: Any, option: int) -> None:
    """Set a TCP option of the socket a transport lends; that of uvloop would first ask the kernel what kind it is."""
    borrowed = socket.socket(lent.family, lent.type, lent.proto, fileno=lent.fileno())
    try:
        borrowed.setsockopt(socket.IPPROTO_TCP, option, 1)
    finally:
        borrowed.detach()
