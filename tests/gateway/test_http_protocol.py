"""Limits on request headers and bodies, over real sockets."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from select import select

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from gateway.http_protocol import (
    BODY_SECONDS,
    HEADER_SECONDS,
    LONGEST_HEADER,
    READER_SECONDS,
    SLOWEST_BODY,
    GuardedProtocol,
)
from tests.support.clock import StandingLoop
from tests.support.patience import PATIENCE


async def _echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


class _Endless:
    """A body without an end, and whether somebody still makes it."""

    def __init__(self) -> None:
        self.begun, self.released = threading.Event(), threading.Event()

    async def pieces(self) -> AsyncIterator[bytes]:
        self.begun.set()
        try:
            while True:
                yield bytes(_PIECE)
                # What comes from threads lets others in; what is sent to nobody does not wait.
                await asyncio.sleep(0)
        finally:
            self.released.set()

    async def answer(self, request: Request) -> StreamingResponse:
        return StreamingResponse(self.pieces())


_PIECE = 64 * 1024
_ENDLESS = _Endless()


async def _large(request: Request) -> StreamingResponse:
    return StreamingResponse((bytes(_PIECE) for _ in range(32)), headers={"content-length": str(32 * _PIECE)})


class _Served:
    """A server in a thread, for which time passes only when it is told."""

    def __init__(self, server: uvicorn.Server, listening: socket.socket) -> None:
        self._server, self._listening = server, listening
        self._loop = StandingLoop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._listening.getsockname()
        return host, port

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._server.serve(sockets=[self._listening]))

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE)

    def client(self) -> "closing[HTTPConnection]":
        return closing(HTTPConnection(*self.address, timeout=PATIENCE))

    def passes(self, seconds: float) -> None:
        """Let time pass, after all that was sent until now has been read: what somebody asks after it is answered."""
        with self.client() as other:
            other.request("GET", "/")
            assert other.getresponse().read() == b"0"
        asyncio.run_coroutine_threadsafe(self._loop.passes(seconds), self._loop).result(PATIENCE)

    def close(self) -> None:
        self._server.should_exit = True
        while self._thread.is_alive():
            with suppress(RuntimeError):
                asyncio.run_coroutine_threadsafe(self._loop.passes(1), self._loop)
            self._thread.join(0.02)


@pytest.fixture(scope="module")
def served() -> Iterator[_Served]:
    others = [Route("/large", _large), Route("/endless", _ENDLESS.answer)]
    app = Starlette(routes=[Route("/", _echo, methods=["GET", "POST"]), *others])
    server = uvicorn.Server(
        uvicorn.Config(app, http=GuardedProtocol, ws="none", lifespan="off", log_config=None, access_log=False)
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        served = _Served(server, listening)
        yield served
        served.close()


def _answer(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    received = b""
    try:
        while block := connection.recv(65536):
            received += block
    except ConnectionResetError:
        pass
    return received


def test_an_honest_request_is_answered_and_the_connection_kept(served: _Served) -> None:
    with served.client() as connection:
        connection.connect()
        held = connection.sock
        for _ in range(3):
            connection.request("POST", "/", b"abc")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"3")
            assert connection.sock is held


def test_a_header_beyond_the_limit_is_431(served: _Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nx: ")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while True:
                connection.sendall(b"x" * LONGEST_HEADER)
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * (LONGEST_HEADER + 1))
        assert _answer(connection).startswith(b"HTTP/1.1 431 ")


def test_a_silent_connection_and_a_slow_header_are_408(served: _Served) -> None:
    for beginning in (b"", b"GET / HTTP/1.1\r\nhost: a\r\n"):
        with served.connect() as connection:
            connection.sendall(beginning)
            served.passes(HEADER_SECONDS - 1)
            assert _is_silent(connection)
            served.passes(1)
            assert _answer(connection).startswith(b"HTTP/1.1 408 ")


def _is_silent(connection: socket.socket) -> bool:
    return not select([connection], [], [], 0)[0]


def test_the_second_header_of_a_connection_has_its_deadline_too(served: _Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        first = b""
        while not first.endswith(b"\r\n\r\n0"):
            first += connection.recv(1)
        assert b"200 OK" in first
        connection.sendall(b"GET / HT")
        served.passes(HEADER_SECONDS - 1)
        assert _is_silent(connection)
        served.passes(1)
        assert _answer(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stalls_is_cut(served: _Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n" + b"x" * 50)
        served.passes(BODY_SECONDS - 1)
        assert _is_silent(connection)
        served.passes(1)
        assert b"200" not in _answer(connection)


def test_a_body_that_keeps_its_pace_may_take_longer_than_one_span(served: _Served) -> None:
    pieces = 6
    with served.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (pieces * SLOWEST_BODY))
        for _ in range(pieces):
            served.passes(BODY_SECONDS - 1)
            assert _is_silent(connection)
            connection.sendall(b"x" * SLOWEST_BODY)
        assert b"200 OK" in connection.recv(65536)


def test_a_url_beyond_the_limit_is_414(served: _Served) -> None:
    """RFC 9110 15.5.15."""
    for rest in (b"", b" HTTP/1.1\r\nhost: a\r\n\r\n"):
        with served.connect() as connection:
            connection.sendall(b"GET /?" + b"x" * (LONGEST_HEADER + 1) + rest)
            assert _answer(connection).startswith(b"HTTP/1.1 414 ")


def test_a_flood_of_empty_lines_is_no_header(served: _Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"\r\n" * LONGEST_HEADER)
        assert _answer(connection).startswith(b"HTTP/1.1 431 ")


def test_who_does_not_read_is_let_go(served: _Served) -> None:
    """The file behind the answer is, too."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE)
        connection.connect(served.address)
        connection.sendall(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n")
        assert _ENDLESS.begun.wait(PATIENCE)
        end = time.monotonic() + PATIENCE
        while not _ENDLESS.released.is_set():
            assert time.monotonic() < end
            served.passes(READER_SECONDS)


def test_who_reads_slowly_but_reads_gets_everything(served: _Served) -> None:
    with served.client() as connection:
        connection.request("GET", "/large")
        answer = connection.getresponse()
        received = 0
        while piece := answer.read(2 * _PIECE):
            received += len(piece)
            served.passes(READER_SECONDS)
        assert received == 32 * _PIECE
