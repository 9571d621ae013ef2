"""Several nodes on one port: all serve, strangers stay out, and the limit of an AE holds over all of them."""

import multiprocessing
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from dimse import seats as of_dimse
from dimse import settings
from dimse.seats import ALONE, Seat, listening_socket, reserve, seats
from dimse.settings import TlsSettings
from dimse.slots import Slots
from tests.dimse.node import MemoryStore, Node, running
from tests.dimse.peer import Peer, associate_rq
from tests.dimse.test_handshake import context, secured
from tests.support.certificates import Authority
from tests.support.gateway import free_port

MANY = 64
"""Connections that all reach the same one of two sockets: once in 2^63 times."""

needs_sharing = pytest.mark.skipif(len(seats(2)) == 1, reason="the platform does not spread connections")


def test_one_for_each_processor_unless_the_operator_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_dimse, "_CAN_SHARE", True)
    monkeypatch.setattr(of_dimse, "allowed", lambda: frozenset({4, 5}))
    assert seats(0) == (Seat(1, 2), Seat(2, 2))
    assert seats(1) == (ALONE,)
    assert len(seats(7)) == 7
    monkeypatch.setattr(of_dimse, "allowed", lambda: frozenset(range(64)))
    assert len(seats(0)) == 4
    monkeypatch.setattr(of_dimse, "allowed", frozenset[int])
    assert seats(0) == (ALONE,)


def test_where_the_port_cannot_be_shared_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_dimse, "_CAN_SHARE", False)
    assert seats(0) == seats(4) == (ALONE,)


def listen(port: int, *, shared: bool) -> socket.socket:
    return listening_socket(socket.AF_INET, ("127.0.0.1", port), 1, shared=shared)


@needs_sharing
def test_a_reserved_port_is_for_sockets_that_share_it_only() -> None:
    port = free_port()
    (held,) = reserve("127.0.0.1", port)
    with held:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            with pytest.raises(OSError):
                listen(port, shared=False)
            with pytest.raises(OSError):
                reserve("127.0.0.1", port)
            # As after a restart: nobody has listened, or nobody does any more.
            with listen(port, shared=True), listen(port, shared=True):
                socket.create_connection(("127.0.0.1", port)).close()
    reserve("127.0.0.1", port)[0].close()


@needs_sharing
def test_a_host_is_reserved_on_all_its_addresses_or_on_none(monkeypatch: pytest.MonkeyPatch) -> None:
    port, taken = free_port(), free_port()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", one)) for one in (port, port, taken)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with listen(taken, shared=False), pytest.raises(OSError):
        reserve("host", 0)
    listen(port, shared=False).close()
    held = reserve("host", 0)
    assert len(held) == 2
    for one in held:
        one.close()


@needs_sharing
def test_a_port_that_is_shared_by_others_cannot_be_reserved() -> None:
    port = free_port()
    with listen(port, shared=True), pytest.raises(OSError):
        reserve("127.0.0.1", port)


@contextmanager
def pair(**chosen: Any) -> Iterator[tuple[Node, Node]]:
    port = free_port()
    with (
        running(MemoryStore(), port=port, seat=Seat(1, 2), **chosen) as one,
        running(MemoryStore(), port=port, seat=Seat(2, 2), **chosen) as two,
    ):
        yield one, two


def both_serve(nodes: tuple[Node, Node], another: Callable[[], Peer]) -> bool:
    for _ in range(MANY):
        peer = another()
        peer.associate()
        assert peer.echo() == 0
        if all(node.server.connections for node in nodes):
            return True
    return False


@needs_sharing
@pytest.mark.parametrize("event_loop", ["asyncio", "uvloop"])
def test_associations_come_to_all_of_them(event_loop: str) -> None:
    with pair(event_loop=event_loop) as nodes, ExitStack() as crowd:
        assert both_serve(nodes, lambda: crowd.enter_context(Peer(nodes[0].port)))


@needs_sharing
def test_so_do_those_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, theirs = authority.issue("gateway"), authority.issue("modality")
    tls = TlsSettings(free_port(), ours.certificate, ours.key, authority.file)
    of_peer = context(authority, theirs)
    with pair(tls=tls) as nodes, ExitStack() as crowd:
        assert both_serve(nodes, lambda: crowd.enter_context(secured(tls.port, of_peer)))


@needs_sharing
def test_the_limit_of_an_ae_holds_over_all_of_them(tmp_path: Path) -> None:
    limited = settings.Peer("PEER", "127.0.0.1", 104, associations=3)
    peers = (limited, settings.Peer("OTHER", "127.0.0.1", 104))
    with (
        pair(accept_unknown_peers=False, peers=peers, slots=Slots(tmp_path / "slots")) as nodes,
        ExitStack() as crowd,
    ):
        port = nodes[0].port
        first, *_ = associated = [crowd.enter_context(Peer(port)) for _ in range(3)]
        for peer in associated:
            peer.associate()
        for _ in range(8):
            assert answer(port) == (3, bytes((0, 2, 3, 2)))
        crowd.enter_context(Peer(port)).associate(calling="OTHER")
        first.release()
        # The end of the first is known to its node a moment later.
        assert any(answer(port)[0] == 2 for _ in range(100))


def answer(port: int) -> tuple[int, bytes]:
    with Peer(port) as peer:
        peer.send(associate_rq())
        return peer.receive_pdu()


def test_associations_that_cannot_be_counted_are_a_temporary_matter(tmp_path: Path) -> None:
    peers = (settings.Peer("PEER", "127.0.0.1", 104, associations=1),)
    slots = Slots(tmp_path / "slots")
    (tmp_path / "slots").rmdir()
    with running(MemoryStore(), accept_unknown_peers=False, peers=peers, slots=slots) as node:
        assert answer(node.port) == (3, bytes((0, 2, 3, 1)))


def take_and_wait(folder: Path, taken: Event) -> None:
    Slots(folder).take("PEER/../..", 1)
    taken.set()
    signal.pause()


def test_a_process_that_is_killed_lets_go_of_its_slots(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    taken = spawn.Event()
    process = spawn.Process(target=take_and_wait, args=(tmp_path, taken))
    process.start()
    assert taken.wait(30)
    slots = Slots(tmp_path)
    assert slots.take("PEER/../..", 1) is None
    second = slots.take("PEER/../..", 2)
    assert second is not None
    process.kill()
    process.join()
    first = slots.take("PEER/../..", 1)
    assert first is not None
    slots.free(first)
    slots.free(second)
    assert len(list(tmp_path.iterdir())) == 2
