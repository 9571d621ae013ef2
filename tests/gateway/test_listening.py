"""Sockets that several processes accept from: evenly, whatever becomes of one of them."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from gateway import listening
from gateway.listening import Acceptor, close, reserve
from gateway.processes import CannotStart
from gateway.seats import ABSENT, Place, Rows, Seat
from tests.support.gateway import free_port
from tests.support.patience import PATIENCE

Count = Callable[[Place], int]


class Taker:
    """One of several that accept; it has what it took, and says so in its row."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.taken: list[socket.socket] = []
        self.changed = asyncio.Event()
        place.row[0] = 0
        self.acceptor = Acceptor("door", self._take, place)

    async def _take(self, accepted: socket.socket) -> None:
        self.taken.append(accepted)
        self.place.row[0] = len(self.taken)
        self.changed.set()

    def close(self) -> None:
        self.acceptor.close()
        for one in self.taken:
            one.close()


@pytest.fixture
def places() -> Iterator[list[Place]]:
    sockets = reserve("127.0.0.1", free_port(), "door")
    first = Place(Seat(1, 2), Rows(2), {"door": sockets})
    others = [one.dup() for one in sockets]
    yield [first, Place(Seat(2, 2), first.rows, {"door": others})]
    close([*sockets, *others])


async def connect(place: Place, crowd: ExitStack, takers: list[Taker]) -> None:
    """One connection, until one of them has taken it."""
    crowd.enter_context(socket.create_connection(place.sockets["door"][0].getsockname()))
    before = sum(len(taker.taken) for taker in takers)
    while sum(len(taker.taken) for taker in takers) == before:
        waiting = [asyncio.create_task(taker.changed.wait()) for taker in takers]
        await asyncio.wait(waiting, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        for taker, task in zip(takers, waiting, strict=True):
            task.cancel()
            taker.changed.clear()


def test_connections_come_to_whoever_has_fewer(places: list[Place]) -> None:
    async def live() -> list[int]:
        takers = [Taker(place) for place in places]
        with ExitStack() as crowd:
            for _ in range(8):
                await connect(places[0], crowd, takers)
            for taker in takers:
                taker.close()
        return [len(taker.taken) for taker in takers]

    assert asyncio.run(live()) == [4, 4]


def test_what_one_does_not_take_the_other_does(places: list[Place], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there, has fewer, and is too busy to come: each connection but the first was left to it for a while."""
    monkeypatch.setattr(listening, "PATIENCE", 0.02)

    async def live() -> tuple[int, float]:
        taker, clock = Taker(places[0]), asyncio.get_running_loop().time
        places[1].row[0], began = 0, clock()
        with ExitStack() as crowd:
            for _ in range(3):
                await connect(places[0], crowd, [taker])
            taker.close()
        return len(taker.taken), clock() - began

    taken, seconds = asyncio.run(live())
    assert taken == 3
    assert seconds > 2 * listening.PATIENCE


def test_nobody_waits_for_one_that_is_not_there(places: list[Place], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "PATIENCE", 60.0)
    assert places[1].row[0] == ABSENT

    async def live() -> int:
        taker = Taker(places[0])
        with ExitStack() as crowd:
            for _ in range(3):
                await connect(places[0], crowd, [taker])
            taker.close()
        return len(taker.taken)

    assert asyncio.run(live()) == 3


def test_one_that_has_gone_again_and_a_lack_of_handles_are_outlived(
    places: list[Place], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "_PAUSE_SECONDS", 0.0)
    errors = [OSError(errno.EMFILE, ""), OSError(errno.ECONNABORTED, "")]

    class Troubled(socket.socket):
        def accept(self) -> Any:
            if errors:
                raise errors.pop(0)
            return super().accept()

    async def live() -> int:
        held = places[0].sockets["door"][0]
        place = Place(Seat(1, 2), places[0].rows, {"door": [Troubled(fileno=held.dup().detach())]})
        taker = Taker(place)
        with ExitStack() as crowd:
            await connect(place, crowd, [taker])
        taker.close()
        return len(taker.taken)

    assert asyncio.run(live()) == 1
    assert [record.getMessage() for record in caplog.records] == [f"accept_failed error=OSError errno={errno.EMFILE}"]


def test_who_hangs_up_while_he_is_handed_over_costs_nobody_else(places: list[Place]) -> None:
    async def live() -> int:
        taken = []

        async def take(accepted: socket.socket) -> None:
            taken.append(accepted)
            if len(taken) == 1:
                raise ConnectionResetError
            both.set()

        both = asyncio.Event()
        acceptor = Acceptor("door", take, places[0])
        with ExitStack() as crowd:
            for _ in range(2):
                crowd.enter_context(socket.create_connection(places[0].sockets["door"][0].getsockname()))
            await asyncio.wait_for(both.wait(), 10)
        acceptor.close()
        assert taken[0].fileno() == -1
        taken[1].close()
        return len(taken)

    assert asyncio.run(live()) == 2


def test_an_address_in_use_is_named_with_its_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(CannotStart, match=f"port {port} cannot be used .* http.port"):
            reserve("127.0.0.1", port, "http")


def test_a_reserved_port_is_closed_until_somebody_accepts_and_one_that_was_taken_meanwhile_is_named(
    places: list[Place],
) -> None:
    name = places[0].sockets["door"][0].getsockname()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(name)

    async def live() -> None:
        Acceptor("door", lambda accepted: asyncio.sleep(0), places[0])

    with socket.create_server(name), pytest.raises(CannotStart, match=f"port {name[1]} cannot be used .* door.port"):
        asyncio.run(live())


def found(*addresses: tuple[int, tuple[Any, ...]]) -> Callable[..., list[Any]]:
    return lambda *_, **__: [(family, socket.SOCK_STREAM, 6, "", address) for family, address in addresses]


def test_a_host_is_listened_on_at_all_its_addresses_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        taken = held.getsockname()[1]
        monkeypatch.setattr(
            socket, "getaddrinfo", found((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET, ("127.0.0.1", taken)))
        )
        with pytest.raises(CannotStart):
            reserve("host", taken, "http")


def test_an_address_that_the_machine_has_not_is_passed_over_if_there_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = (socket.AF_INET, ("192.0.2.1", 0))
    monkeypatch.setattr(socket, "getaddrinfo", found(elsewhere, (socket.AF_INET, ("127.0.0.1", 0))))
    (one,) = reserve("host", 0, "http")
    one.close()
    monkeypatch.setattr(socket, "getaddrinfo", found(elsewhere))
    with pytest.raises(CannotStart, match="cannot be used"):
        reserve("host", 0, "http")
