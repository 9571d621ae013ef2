"""Operations that converse: pending responses, cancel, requests of our own, and peers that go away meanwhile."""

import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

import pytest

from dimse import command
from dimse.command import Command
from dimse.exchange import AssociationLost, Exchange
from dimse.services.dispatch import Services
from dimse.services.operation import LARGEST_IDENTIFIER, Collected, Operation, Request, Response
from dimse.status import CANCELLED, PENDING, SUCCESS, Status
from storage.storage import Storage
from tests.dimse.node import EVENT_LOOPS, MemoryStore, Node, running
from tests.dimse.peer import ABORT, CT, RELEASE, Peer, p_data, pdv, store_pdus
from tests.support.patience import NO_DEADLINE, PATIENCE

TOO_LARGE = Status(0xA700, "too large")
Answer = Callable[[bytes, Exchange], Response]


class Conversing(Services):
    """Every C-FIND is answered by `answer`; what it raises is kept."""

    def __init__(self, answer: Answer, store: MemoryStore) -> None:
        super().__init__(cast(Storage, SimpleNamespace(ingest=store)))
        self.answer = answer
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.raised: list[BaseException] = []

    def takes(self, abstract_syntax: str) -> bool:
        return True

    def begin(self, request: Request) -> Operation:
        if request.command.field == command.C_FIND_RQ:
            return Collected(self._answer, TOO_LARGE)
        return super().begin(request)

    def _answer(self, data: bytes, exchange: Exchange) -> Response:
        self.begun.set()
        try:
            return self.answer(data, exchange)
        except BaseException as error:
            self.raised.append(error)
            raise
        finally:
            self.ended.set()


@contextmanager
def conversing(
    answer: Answer, event_loop: str = "uvloop", **settings: float
) -> Iterator[tuple[Node, Peer, Conversing]]:
    store = MemoryStore()
    services = Conversing(answer, store)
    with running(store, event_loop, services, **settings) as node, Peer(node.port) as peer:
        peer.associate()
        yield node, peer, services


def find(data: bytes = b"keys", message_id: int = 1) -> bytes:
    """A C-FIND-RQ, its identifier in fragments."""
    elements = [(0x0002, b"1.2"), (0x0100, b"\x20\0"), (0x0110, command.uint2(message_id)), (0x0800, b"\0\0")]
    pieces = [data[at : at + 16000] for at in range(0, len(data), 16000)]
    values = [pdv(3, 2 * (at == len(pieces) - 1), piece) for at, piece in enumerate(pieces)]
    return p_data(pdv(3, 3, command.encode([(e, command.padded(v, b"\0")) for e, v in elements]))) + b"".join(
        p_data(value) for value in values
    )


def cancel(message_id: int = 1) -> bytes:
    elements = [(0x0100, b"\xff\x0f"), (0x0120, command.uint2(message_id)), (0x0800, b"\1\1")]
    return p_data(pdv(3, 3, command.encode(elements)))


def response_to(request: Command, status: int = 0) -> bytes:
    elements = [
        (0x0100, command.uint2(request.field | 0x8000)),
        (0x0120, command.uint2(request.message_id)),
        (0x0800, b"\1\1"),
        (0x0900, command.uint2(status)),
    ]
    return p_data(pdv(3, 3, command.encode(elements)))


def receive_data_set(peer: Peer) -> bytes:
    data, control = b"", 0
    while not control & 2:
        kind, body = peer.receive_pdu()
        assert kind == 4
        length, _, control = struct.unpack_from(">IBB", body)
        assert not control & 1 and length == len(body) - 4
        data += body[6:]
    return data


def until_cancelled(_: bytes, exchange: Exchange) -> Response:
    while not exchange.is_cancelled:
        exchange.respond(Response(PENDING, b"match!"))
    return Response(CANCELLED)


def wait_for_loss(_: bytes, exchange: Exchange) -> Response:
    while True:
        exchange.respond(Response(PENDING, bytes(10_000)))


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_pending_responses_come_in_order_before_the_last(event_loop: str) -> None:
    def answer(data: bytes, exchange: Exchange) -> Response:
        for number in range(3000):
            exchange.respond(Response(PENDING, data + bytes((number % 256,))))
        return Response(SUCCESS)

    with conversing(answer, event_loop) as (_, peer, _):
        peer.send(find(b"k" * 70_000))
        for number in range(3000):
            response = peer.response()
            assert response.number(command.STATUS) == 0xFF00 and response.has_data_set
            assert receive_data_set(peer)[-2:] == b"k" + bytes((number % 256,))
        assert peer.status() == 0
        peer.release()


def test_cancel_reaches_the_operation_that_runs_and_no_other() -> None:
    with conversing(until_cancelled) as (_, peer, _):
        peer.send(cancel(7) + find(message_id=7) + cancel(6))
        for _ in range(10):
            assert peer.status() == 0xFF00
            receive_data_set(peer)
        peer.send(cancel(7))
        while (status := peer.status()) == 0xFF00:
            receive_data_set(peer)
        assert status == 0xFE00
        peer.release()


def test_large_identifier_is_refused() -> None:
    with conversing(until_cancelled) as (_, peer, services):
        peer.send(find(bytes(LARGEST_IDENTIFIER + 1)))
        assert peer.status() == 0xA700
        assert not services.begun.is_set()


def test_unexpected_failure_is_a_status_and_the_association_lives(caplog: pytest.LogCaptureFixture) -> None:
    def answer(data: bytes, exchange: Exchange) -> Response:
        if data == b"bad!":
            raise ValueError("Muster^Erika")
        return Response(SUCCESS)

    with conversing(answer) as (_, peer, _):
        peer.send(find(b"bad!"))
        assert peer.status() == 0x0110
        peer.send(find(b"good"))
        assert peer.status() == 0
    assert "Muster" not in caplog.text


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_requests_of_ours_are_answered_by_the_peer(event_loop: str) -> None:
    statuses: list[int] = []

    def answer(_: bytes, exchange: Exchange) -> Response:
        context = exchange.contexts[3]
        assert context.abstract_syntax == CT
        for data in ((), (b"ab", b"", b"c" * 600_000)):
            elements = [(command.AFFECTED_SOP_CLASS_UID, b"1.22"), (command.COMMAND_FIELD, command.uint2(1))]
            statuses.append(exchange.request(context, elements, data).number(command.STATUS))
        return Response(SUCCESS)

    with conversing(answer, event_loop) as (_, peer, _):
        peer.send(find())
        request = peer.response()
        assert (request.field, request.has_data_set, request.text(command.AFFECTED_SOP_CLASS_UID)) == (1, False, "1.22")
        peer.send(response_to(request))
        request = peer.response()
        assert request.has_data_set
        assert receive_data_set(peer) == b"ab" + b"c" * 600_000
        peer.send(response_to(request, 0xB000))
        assert peer.status() == 0
    assert statuses == [0, 0xB000]


def test_request_after_the_response() -> None:
    """As storage commitment does it: the association goes on, other requests are served meanwhile."""
    kept: list[Exchange] = []
    answered: list[int] = []
    done = threading.Event()

    def report() -> None:
        (exchange,) = kept
        elements = [(command.COMMAND_FIELD, command.uint2(0x0100))]
        answered.append(exchange.request(exchange.contexts[3], elements, [b"report"]).number(command.STATUS))
        done.set()

    def answer(data: bytes, exchange: Exchange) -> Response:
        if data == b"more":
            return Response(SUCCESS)
        kept.append(exchange)
        return Response(SUCCESS, afterwards=report)

    with conversing(answer) as (_, peer, _):
        peer.send(find())
        assert peer.status() == 0
        request = peer.response()
        assert request.field == 0x0100 and receive_data_set(peer) == b"report"
        peer.send(find(b"more"))
        assert peer.status() == 0
        peer.send(response_to(request, 0x0110))
        assert done.wait(PATIENCE)
        assert answered == [0x0110]
        peer.release()
    with pytest.raises(AssociationLost):
        report()


def test_response_that_nobody_waits_for_breaks_the_protocol() -> None:
    with conversing(until_cancelled) as (_, peer, _):
        peer.send(response_to(Command({0x0100: b"\1\0", 0x0110: b"\1\0"})))
        assert peer.receive_pdu() == (7, bytes((0, 0, 2, 5)))


@pytest.mark.parametrize("last_words", [ABORT, b""], ids=["abort", "disconnect"])
def test_peer_that_goes_away_ends_the_operation(last_words: bytes) -> None:
    with conversing(wait_for_loss) as (_, peer, services):
        peer.send(find())
        assert peer.status() == 0xFF00
        peer.send(last_words)
        peer.socket.close()
        assert services.ended.wait(PATIENCE)
        assert [type(error) for error in services.raised] == [AssociationLost]


def test_peer_that_does_not_read_is_given_up() -> None:
    with conversing(wait_for_loss, answer_seconds=0.3, linger_seconds=NO_DEADLINE) as (node, peer, services):
        peer.send(find())
        assert services.ended.wait(PATIENCE)
        assert [type(error) for error in services.raised] == [AssociationLost]
        assert node.connection.transport.get_write_buffer_size() < 2_000_000


def test_peer_that_does_not_answer_is_given_up() -> None:
    def answer(_: bytes, exchange: Exchange) -> Response:
        exchange.request(exchange.contexts[3], [(command.COMMAND_FIELD, command.uint2(1))])
        return Response(SUCCESS)

    with conversing(answer, answer_seconds=0.2) as (_, peer, services):
        peer.send(find())
        assert peer.response().field == 1
        assert peer.receive_pdu() == (7, bytes((0, 0, 2, 0)))
        assert [type(error) for error in services.raised] == [AssociationLost]


def test_what_comes_during_an_operation_waits_for_its_turn() -> None:
    """The next requests and the release, sent without waiting, are answered after the operation, in order."""
    gate = threading.Event()

    def answer(data: bytes, exchange: Exchange) -> Response:
        assert gate.wait(PATIENCE)
        return Response(Status(0, data.decode()))

    with conversing(answer) as (_, peer, services):
        peer.send(find(b"first") + find(b"second") + find(b"third") + RELEASE)
        assert services.begun.wait(PATIENCE)
        gate.set()
        comments = [peer.response().elements[command.ERROR_COMMENT].strip() for _ in range(3)]
        assert comments == [b"first", b"second", b"third"]
        assert peer.receive_pdu() == (6, bytes(4))


def test_store_that_waits_behind_an_operation_is_abandoned_with_the_association() -> None:
    store = MemoryStore()
    services = Conversing(wait_for_loss, store)
    with running(store, services=services) as node, Peer(node.port) as peer:
        peer.associate()
        peer.send(find())
        assert peer.status() == 0xFF00
        peer.send(store_pdus(b"abc"))
        # An association that ends earlier has not begun to receive it, and nothing is there to abandon.
        assert store.something_received.wait(PATIENCE)
        peer.send(ABORT)
        peer.socket.close()
        assert services.ended.wait(PATIENCE)
        assert store.something_abandoned.wait(PATIENCE)
    assert store.kept == []


def test_closing_the_server_cancels_the_operation() -> None:
    with conversing(until_cancelled) as (node, peer, services):
        peer.send(find())
        assert peer.status() == 0xFF00
        receive_data_set(peer)
        node.run(node.close())
        assert services.ended.is_set() and services.raised == []


def test_slow_operations_do_not_hold_back_echo_and_store() -> None:
    gate = threading.Event()

    def answer(_: bytes, __: Exchange) -> Response:
        assert gate.wait(PATIENCE)
        return Response(SUCCESS)

    with conversing(answer, conversation_threads=1) as (node, peer, services):
        peer.send(find())
        assert services.begun.wait(PATIENCE)
        with Peer(node.port) as other:
            other.associate()
            assert other.echo() == 0
            assert other.store(b"abc").number(command.STATUS) == 0
        gate.set()
        assert peer.status() == 0
