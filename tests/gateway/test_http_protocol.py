"""Limits on request headers and bodies, over real sockets."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from gateway.http_protocol import LONGEST_HEADER, GuardedProtocol
from tests.support.patience import PATIENCE


class _Impatient(GuardedProtocol):
    header_seconds = 0.4
    body_seconds = 0.4
    reader_seconds = 0.4


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


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with _serving() as number:
        yield number


@contextmanager
def _serving() -> Iterator[int]:
    others = [Route("/large", _large), Route("/endless", _ENDLESS.answer)]
    app = Starlette(routes=[Route("/", _echo, methods=["GET", "POST"]), *others])
    server = uvicorn.Server(
        uvicorn.Config(app, http=_Impatient, ws="none", lifespan="off", log_config=None, access_log=False)
    )
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def _answer(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    received = b""
    try:
        while block := connection.recv(65536):
            received += block
    except ConnectionResetError:
        pass
    return received


def test_an_honest_request_is_answered_and_the_connection_kept(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with closing(connection):
        connection.connect()
        held = connection.sock
        for _ in range(3):
            connection.request("POST", "/", b"abc")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"3")
            assert connection.sock is held


def test_a_header_beyond_the_limit_is_431(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nx: ")
        with pytest.raises(OSError):
            for _ in range(200):
                connection.sendall(b"x" * LONGEST_HEADER)
                time.sleep(0.001)
    with _connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * (LONGEST_HEADER + 1))
        assert _answer(connection).startswith(b"HTTP/1.1 431 ")


def test_a_silent_connection_and_a_slow_header_are_408(port: int) -> None:
    for beginning in (b"", b"GET / HTTP/1.1\r\nhost: a\r\n"):
        with _connect(port) as connection:
            connection.sendall(beginning)
            assert _answer(connection).startswith(b"HTTP/1.1 408 ")


def test_the_second_header_of_a_connection_has_its_deadline_too(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        first = b""
        while not first.endswith(b"\r\n\r\n0"):
            first += connection.recv(1)
        assert b"200 OK" in first
        connection.sendall(b"GET / HT")
        assert _answer(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stalls_is_cut(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n" + b"x" * 50)
        assert b"200" not in _answer(connection)


def test_a_body_that_keeps_its_pace_may_take_longer_than_one_span(port: int) -> None:
    pieces, size = 6, 20_000
    with _connect(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (pieces * size))
        for _ in range(pieces):
            connection.sendall(b"x" * size)
            time.sleep(0.2)
        assert b"200 OK" in connection.recv(65536)


def test_a_url_beyond_the_limit_is_414(port: int) -> None:
    """RFC 9110 15.5.15."""
    for rest in (b"", b" HTTP/1.1\r\nhost: a\r\n\r\n"):
        with _connect(port) as connection:
            connection.sendall(b"GET /?" + b"x" * (LONGEST_HEADER + 1) + rest)
            assert _answer(connection).startswith(b"HTTP/1.1 414 ")


def test_a_flood_of_empty_lines_is_no_header(port: int) -> None:
    with _connect(port) as connection:
        connection.sendall(b"\r\n" * LONGEST_HEADER)
        assert _answer(connection).startswith(b"HTTP/1.1 431 ")


def test_who_does_not_read_is_let_go(port: int) -> None:
    """The file behind the answer is, too."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n")
        assert _ENDLESS.begun.wait(PATIENCE)
        assert _ENDLESS.released.wait(PATIENCE)


def test_who_reads_slowly_but_reads_gets_everything(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with closing(connection):
        connection.request("GET", "/large")
        answer = connection.getresponse()
        received = 0
        while piece := answer.read(2 * _PIECE):
            received += len(piece)
            time.sleep(0.08)
        assert received == 32 * _PIECE
