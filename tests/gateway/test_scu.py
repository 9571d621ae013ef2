"""The demo's other end: how long it waits for an answer."""

import threading
from collections.abc import Iterator

import pytest
from pynetdicom import AE, evt
from pynetdicom.events import Event

from dimse.scu.requestor import Patience
from gateway import scu
from tests.support.gateway import free_port
from tests.support.synthetic import ct, part10


@pytest.fixture
def slow_port() -> Iterator[tuple[int, threading.Event]]:
    """A peer that answers a C-STORE when the event is set, or after 10 s."""
    go = threading.Event()

    def store(event: Event) -> int:
        go.wait(10)
        return 0

    entity = AE("SLOW")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.2")
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    yield server.server_address[1], go
    go.set()
    server.shutdown()


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
