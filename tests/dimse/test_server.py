import asyncio
import socket
from concurrent.futures import Future

import pytest

from tests.dimse.node import EVENT_LOOPS, MemoryStore, Node, running
from tests.dimse.peer import Peer, store_pdus
from tests.support.patience import PATIENCE

ABORTED = (7, bytes((0, 0, 2, 0)))


def begin_to_close(node: Node) -> Future[None]:
    closing = asyncio.run_coroutine_threadsafe(node.close(), node.loop)
    node.run(asyncio.sleep(0))
    return closing


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_close_aborts_idle_associations_and_stops_listening(store: MemoryStore, event_loop: str) -> None:
    with running(store, event_loop) as node, Peer(node.port) as associated, Peer(node.port) as silent:
        associated.associate()
        closing = begin_to_close(node)
        assert associated.receive_pdu() == ABORTED
        assert silent.receive_pdu() == (0, b"")
        associated.socket.close()
        closing.result(PATIENCE)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", node.port))


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_close_lets_a_running_store_finish_and_answer(store: MemoryStore, event_loop: str) -> None:
    store.gate.clear()
    with running(store, event_loop) as node, Peer(node.port) as peer:
        peer.associate()
        peer.send(store_pdus(b"abc"))
        assert store.storing.acquire(timeout=PATIENCE)
        closing = begin_to_close(node)
        store.gate.set()
        assert peer.status() == 0
        assert peer.receive_pdu() == ABORTED
        peer.socket.close()
        closing.result(PATIENCE)
    assert len(store.kept) == 1


def test_close_abandons_what_is_half_received(store: MemoryStore) -> None:
    with running(store) as node, Peer(node.port) as peer:
        peer.associate()
        assert peer.echo() == 0
        peer.send(store_pdus(b"ab", step=1)[:-13])
        # Two PDUs lie with the node before the closing begins, because the second echo comes behind them on the wire.
        with Peer(node.port) as other:
            other.associate()
            other.release()
        node.run(node.close())
        assert store.something_abandoned.wait(PATIENCE)
    assert store.kept == []


def test_close_does_not_wait_for_ever(store: MemoryStore) -> None:
    store.gate.clear()
    with running(store, close_seconds=0.1) as node, Peer(node.port) as peer:
        peer.associate()
        peer.send(store_pdus(b"abc"))
        assert store.storing.acquire(timeout=PATIENCE)
        node.run(node.close())
        assert peer.receive_pdu() == (0, b"")
        store.gate.set()
