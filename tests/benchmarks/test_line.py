"""The slow line lets through what it says, and no more."""

import socket
import threading
import time

from benchmarks.line import Speed, slow_line
from tests.support.gateway import free_port

_SIZE = 200_000


def _server() -> tuple[socket.socket, int]:
    """Sends so many bytes to whoever asks anything."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.recv(1)
            connection.sendall(b"x" * _SIZE)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listening, listening.getsockname()[1]


def _fetched(port: int) -> tuple[float, float, int]:
    """Seconds to the first byte and to the last, and how many bytes came."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.sendall(b"?")
        size = len(asking.recv(1))
        first = time.monotonic() - began
        while piece := asking.recv(65536):
            size += len(piece)
    return first, time.monotonic() - began, size


def test_connections_share_its_rate_and_each_waits_for_the_round_trip() -> None:
    listening, port = _server()
    speed = Speed(bytes_per_second=2e6, round_trip=0.05)
    with listening, slow_line(port, speed) as line:
        results: list[tuple[float, float, int]] = []
        threads = [threading.Thread(target=lambda: results.append(_fetched(line))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [size for _, _, size in results] == [_SIZE, _SIZE]
    # A round trip to connect, half of one for the question and half for the answer.
    assert min(first for first, _, _ in results) >= 2 * speed.round_trip
    assert max(last for _, last, _ in results) >= 2 * speed.round_trip + 2 * _SIZE / speed.bytes_per_second


def test_who_finds_no_server_behind_it_is_told() -> None:
    with slow_line(free_port(), Speed()) as line, socket.create_connection(("127.0.0.1", line)) as asking:
        assert asking.recv(1) == b""
