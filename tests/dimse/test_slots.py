"""The limit of an AE holds over all processes that share a port."""

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from dimse import settings
from dimse.slots import Slots
from gateway.listening import reserve
from gateway.seats import Place, Rows, Seat
from tests.dimse.node import MemoryStore, Node, running
from tests.dimse.peer import Peer, associate_rq
from tests.support.patience import PATIENCE


@contextmanager
def pair(**chosen: Any) -> Iterator[tuple[Node, Node]]:
    """Two nodes behind one port."""
    first = Place(Seat(1, 2), Rows(2), {"dimse": reserve("127.0.0.1", 0, "dimse")})
    second = Place(Seat(2, 2), first.rows, {"dimse": [one.dup() for one in first.sockets["dimse"]]})
    with (
        running(MemoryStore(), place=first, **chosen) as one,
        running(MemoryStore(), place=second, **chosen) as two,
    ):
        yield one, two


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
    assert taken.wait(PATIENCE)
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
