import select
import socket
import struct
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dimse import command
from dimse.association import Association
from dimse.messages import Message
from dimse.services.operation import Response
from tests.dimse.node import EVENT_LOOPS, MemoryStore, Node, running
from tests.dimse.peer import (
    ECHO,
    Peer,
    associate_rq,
    echo_command,
    p_data,
    pdv,
    store_command,
    store_pdus,
)
from tests.support.patience import PATIENCE

CLOSED = (0, b"")
ABORTED = (7, bytes((0, 0, 2, 0)))
# The answer repeats the SOP class: long answers fill the wire soon.
LONG_ECHO = p_data(
    pdv(1, 3, command.encode([(2, b"1" * 30_000), (0x0100, b"\x30\0"), (0x0110, b"\1\0"), (0x0800, b"\1\1")]))
)
GIANT = struct.pack(">BxI", 1, 0xFFFFFFFF)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def honest(node: Node) -> None:
    """Somebody else comes, is served and goes; the crowd has no deadline here, so nobody waits for its end."""
    with Peer(node.port) as peer:
        peer.associate()
        assert peer.echo() == 0
        peer.release()


def is_silent(*peers: Peer) -> bool:
    """Whether the node has neither said anything to one of them nor closed a connection."""
    return not select.select([peer.socket for peer in peers], [], [], 0)[0]


def trickle(node: Node, peer: Peer, data: bytes, pause: float) -> int:
    """Send byte by byte, with pauses, until the node says something or closes; how many it let come."""
    for number, byte in enumerate(data):
        if not is_silent(peer):
            return number
        peer.send(bytes((byte,)))
        # It has read them when what comes behind them on the wire, from another peer, is answered.
        honest(node)
        node.passes(pause)
    return len(data)


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_silent_connection_is_closed(store: MemoryStore, event_loop: str) -> None:
    with running(store, event_loop, association_seconds=0.1) as node, Peer(node.port) as peer:
        assert peer.receive_pdu() == CLOSED


def test_trickled_request_is_closed_although_bytes_keep_coming(store: MemoryStore) -> None:
    with running(store, "standing", association_seconds=5) as node, Peer(node.port) as peer:
        assert trickle(node, peer, associate_rq(), 0.75) == 7
        assert peer.receive_pdu() == CLOSED


def test_silent_and_trickling_crowd_leaves_room_for_the_honest(store: MemoryStore) -> None:
    with running(store, half_open_per_host=400) as node, ExitStack() as crowd:
        honest(node)
        before = resident_bytes()
        silent = [crowd.enter_context(Peer(node.port)) for _ in range(200)]
        trickling = [crowd.enter_context(Peer(node.port)) for _ in range(50)]
        giants = [crowd.enter_context(Peer(node.port)) for _ in range(50)]
        for peer in giants:
            peer.send(GIANT)
        for at in range(0, 100, 10):
            for peer in trickling:
                peer.send(associate_rq()[at : at + 10])
            honest(node)
        assert {peer.receive_pdu() for peer in giants} == {(7, bytes(4))}
        assert resident_bytes() - before < 20_000_000
        assert is_silent(*silent, *trickling)


@pytest.mark.parametrize("limit", ["half_open", "half_open_per_host"])
def test_oldest_silent_connection_gives_way(store: MemoryStore, limit: str) -> None:
    with running(store, "uvloop", None, **{limit: 3}) as node, ExitStack() as crowd:
        associated = crowd.enter_context(Peer(node.port))
        associated.associate()
        silent = [crowd.enter_context(Peer(node.port)) for _ in range(4)]
        assert silent[0].receive_pdu() == CLOSED
        silent[3].associate()
        assert is_silent(*silent[1:3])
        assert associated.echo() == 0


@pytest.mark.parametrize("limit", ["associations", "associations_per_host"])
def test_associations_are_limited_until_one_is_gone(store: MemoryStore, limit: str) -> None:
    with running(store, "uvloop", None, **{limit: 2}) as node, ExitStack() as crowd:
        peers = [crowd.enter_context(Peer(node.port)) for _ in range(3)]
        peers[0].associate()
        peers[1].associate()
        peers[2].send(associate_rq())
        assert peers[2].receive_pdu() == (3, bytes((0, 2, 3, 2)))
        peers[0].release()
        assert peers[1].echo() == 0
        honest(node)


def test_idle_association_is_aborted(store: MemoryStore) -> None:
    linger = 1
    with running(store, "standing", idle_seconds=60, linger_seconds=linger) as node, Peer(node.port) as peer:
        peer.associate()
        for _ in range(4):
            node.passes(59)
            assert is_silent(peer)
            assert peer.echo() == 0
        node.passes(60)
        assert peer.receive_pdu() == ABORTED
        node.passes(linger)
        assert peer.receive_pdu() == CLOSED


def test_slow_data_set_is_aborted(store: MemoryStore) -> None:
    with running(store, "standing", transfer_seconds=30, minimum_rate=1000) as node, Peer(node.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, store_command())))
        assert trickle(node, peer, p_data(pdv(3, 2, bytes(400))), 2) == 15
        assert peer.receive_pdu() == ABORTED
    assert len(store.abandoned) == 1


def test_pdu_that_stops_midway_is_aborted(store: MemoryStore) -> None:
    with running(store, transfer_seconds=0.1) as node, Peer(node.port) as peer:
        peer.associate()
        peer.send(ECHO[:3])
        assert peer.receive_pdu() == ABORTED


def test_steady_sender_may_take_many_spans(store: MemoryStore) -> None:
    with running(store, "standing", transfer_seconds=30, minimum_rate=1000) as node, Peer(node.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, store_command())))
        honest(node)
        for _ in range(12):
            peer.send(p_data(pdv(3, 0, bytes(15_100))))
            honest(node)
            node.passes(15)
            assert is_silent(peer)
        peer.send(p_data(pdv(3, 2, b"")))
        assert peer.status() == 0


def test_slow_store_is_not_the_fault_of_the_peer(store: MemoryStore) -> None:
    store.gate.clear()
    with running(store, "standing", transfer_seconds=30, idle_seconds=60) as node, Peer(node.port) as peer:
        peer.associate()
        peer.send(store_pdus(b"abc"))
        assert store.storing.acquire(timeout=PATIENCE)
        for _ in range(4):
            node.passes(60)
        assert is_silent(peer)
        store.gate.set()
        assert peer.status() == 0


@pytest.mark.parametrize("sent", [associate_rq(called="OTHER"), GIANT], ids=["rejected", "aborted"])
def test_peer_that_does_not_close_is_closed(store: MemoryStore, sent: bytes) -> None:
    with running(store, linger_seconds=0.1) as node, Peer(node.port) as peer:
        peer.send(sent)
        assert peer.receive_pdu()[0] in (3, 7)
        peer.send(b"still talking")
        assert peer.receive_pdu() == CLOSED


def fill(peer: Peer, data: bytes, most: int) -> int:
    """Send `data` again and again until TCP takes no more; how many bytes it took, partly sent ones too."""
    peer.socket.setblocking(False)
    sent = 0
    while sent < most and select.select([], [peer.socket], [], 0.3)[1]:
        sent += peer.socket.send(data[sent % len(data) :])
    peer.socket.settimeout(PATIENCE)
    return sent


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_sender_that_does_not_wait_is_slowed_down(store: MemoryStore, event_loop: str) -> None:
    store.gate.clear()
    message = store_pdus(bytes(100_000))
    most = 200 * len(message)
    with running(store, event_loop) as node, Peer(node.port) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        peer.associate()
        before = resident_bytes()
        sent = fill(peer, message, most)
        assert sent < most
        assert resident_bytes() - before < 5_000_000
        assert store.storing.acquire(timeout=PATIENCE) and not store.storing.acquire(timeout=0)
        honest(node)
        store.gate.set()
        peer.send(message[sent % len(message) :] if sent % len(message) else b"")
        messages = -(-sent // len(message))
        assert [peer.status() for _ in range(messages)] == [0] * messages
    assert len(store.kept) == messages


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_peer_that_never_reads_gets_no_more_answers(store: MemoryStore, event_loop: str) -> None:
    most = 100_000_000
    with running(store, event_loop) as node, Peer(node.port) as peer:
        peer.associate()
        connection = node.connection
        assert fill(peer, LONG_ECHO, most) < most
        assert connection.transport.get_write_buffer_size() < 200_000
        honest(node)
        assert connection in node.server.connections


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_peer_that_never_reads_is_closed(store: MemoryStore, event_loop: str) -> None:
    with running(store, event_loop, idle_seconds=0.1) as node, Peer(node.port) as peer:
        peer.associate()
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while True:
                peer.send(LONG_ECHO)
        node.wait_until_gone()


def test_peer_that_sends_echoes_without_end_has_its_turn_and_no_more(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have sent before the node looks; whoever asks once is answered before whoever asks a thousand times."""
    answered: list[int] = []
    answer = Association.answer

    def noted(association: Association, message: Message, response: Response) -> bytes:
        answered.append(message.command.number(command.MESSAGE_ID))
        return answer(association, message, response)

    monkeypatch.setattr(Association, "answer", noted)
    with running(store) as node, Peer(node.port) as greedy, Peer(node.port) as modest:
        greedy.associate()
        modest.associate()
        with node.held():
            greedy.send(ECHO * 1_000)
            modest.send(p_data(pdv(1, 3, echo_command(message_id=2))))
        assert modest.status() == 0
        assert [greedy.status() for _ in range(1_000)] == [0] * 1_000
    assert answered.index(2) < 10


def test_idle_associations_cost_nothing(store: MemoryStore) -> None:
    with running(store) as node, ExitStack() as crowd:
        peers = [crowd.enter_context(Peer(node.port)) for _ in range(8)]
        for peer in peers:
            peer.associate()
        before = node.run(_processor_seconds())
        assert not select.select([peer.socket for peer in peers], [], [], 0.5)[0]
        assert node.run(_processor_seconds()) - before < 0.01


async def _processor_seconds() -> float:
    """Of the thread of the loop alone: what others of this process do is not its doing."""
    return time.thread_time()


def test_many_associations_at_once(store: MemoryStore) -> None:
    with running(store) as node, ExitStack() as crowd:
        peers = [crowd.enter_context(Peer(node.port)) for _ in range(20)]
        for peer in peers:
            peer.associate()
        messages: list[dict[str, Any]] = [{"instance": f"1.2.{number}"} for number in range(20)]
        for number, peer in enumerate(peers):
            peer.send(store_pdus(bytes((number,)) * 50_000, **messages[number])[:60_000])
        assert [peer.status() for peer in peers] == [0] * 20
    assert {kept.meta.sop_instance_uid: bytes(kept.data) for kept in store.kept} == {
        f"1.2.{number}": bytes((number,)) * 50_000 for number in range(20)
    }


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_answers_are_not_delayed_by_nagle(store: MemoryStore, event_loop: str) -> None:
    with running(store, event_loop) as node, Peer(node.port) as peer:
        peer.associate()
        connection = node.connection
        assert connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_a_connection_takes_one_file_handle(store: MemoryStore, event_loop: str) -> None:
    """There are as many as the system allows, and a crowd must not use them up sooner."""
    handles = Path("/proc/self/fd")
    with running(store, event_loop) as node, ExitStack() as peers:
        # The first one brings what the loop needs once.
        peers.enter_context(Peer(node.port)).associate()
        before = sum(1 for _ in handles.iterdir())
        for number in range(5):
            peer = peers.enter_context(Peer(node.port))
            peer.associate()
            peer.send(store_pdus(b"x" * 40_000, instance=f"1.2.{number}"))
            assert peer.status() == 0
        # Both ends are in this process.
        assert sum(1 for _ in handles.iterdir()) - before == 10
