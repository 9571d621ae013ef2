"""The demo's other end: how long it waits for an answer."""

import threading
from collections.abc import Iterator

import pytest

from dimse.scu.requestor import Patience
from dimse.settings import Peer
from gateway import scu
from tests.dimse.node import MemoryStore, running
from tests.dimse.peer import CT
from tests.support.gateway import free_port
from tests.support.synthetic import ct, part10


@pytest.fixture
def slow_port() -> Iterator[tuple[int, threading.Event]]:
    """A peer that takes CT only, and answers a C-STORE when the event is set, or fails after 10 s."""
    store = MemoryStore()
    store.gate.clear()
    us = Peer("TEST", "127.0.0.1", 104, sop_classes=(CT,))
    with running(store, ae_title="SLOW", accept_unknown_peers=False, peers=(us,)) as node:
        yield node.port, store.gate
        store.gate.set()


def _push(port: int) -> list[scu.Sent]:
    image = ct()
    part10(image)
    return list(scu.push([image], "127.0.0.1", port, "SLOW", "TEST"))


def test_a_peer_that_does_not_answer_is_given_up(
    slow_port: tuple[int, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scu, "PATIENCE", Patience(response=0.5))
    with pytest.raises(scu.PushFailed, match="does not answer in time"):
        _push(slow_port[0])


def test_a_peer_that_answers_is_waited_for(slow_port: tuple[int, threading.Event]) -> None:
    port, go = slow_port
    go.set()
    (sent,) = _push(port)
    assert sent.status == 0


def test_a_kind_that_is_not_accepted_is_named(slow_port: tuple[int, threading.Event]) -> None:
    image = ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    part10(image)
    with pytest.raises(scu.PushFailed, match=r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.4 is not accepted"):
        list(scu.push([image], "127.0.0.1", slow_port[0], "SLOW", "TEST"))


def test_nobody_listening_is_said() -> None:
    with pytest.raises(scu.PushFailed, match="Not everything was sent"):
        _push(free_port())
