"""A client that asks some questions in turn over several kept connections, and looks at nothing but lengths.

    python -m benchmarks.fetcher PORT CONNECTIONS SECONDS < requests

It answers with a line of JSON: `requests`, `bytes` of bodies, `seconds`, and in milliseconds from a request
`first_byte_ms`, the median until the first byte of its answer, and `p50_ms` and `p95_ms` until the last one.
"""

import json
import re
import select
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_ROOM: Final = 1 << 20
_P95: Final = 0.95


@dataclass
class _Connection:
    """One connection and how far its answer has come; `left` is None for chunks, which end by their
    last one, and for what ends with its connection."""

    socket: socket.socket
    asked: float = 0.0
    head: bytes = b""
    left: int | None = None
    tail: bytes = b""
    received: int = 0
    in_body: bool = False
    closed: bool = False


@dataclass
class Outcome:
    """What came in the time that was given."""

    requests: int = 0
    bytes: int = 0
    waits: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)


def fetch(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> dict[str, float]:
    """Ask these in turn for so long; every answer that was begun is waited for. RuntimeError for any status but 200."""
    outcome, room, next_one = Outcome(), memoryview(bytearray(_ROOM)), cycle(requests)
    poll = select.epoll()
    all_of_them = {}

    def connect() -> _Connection:
        one = _Connection(socket.create_connection(("127.0.0.1", port)))
        one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(one.socket, select.EPOLLIN)
        all_of_them[one.socket.fileno()] = one
        return one

    began = time.perf_counter()
    for _ in range(connections):
        _ask(connect(), next(next_one))
    busy = connections
    while busy:
        for descriptor, _ in poll.poll(60):
            one = all_of_them[descriptor]
            if not _received(one, room, outcome):
                continue
            if time.perf_counter() - began >= seconds:
                busy -= 1
                continue
            if one.closed:
                poll.unregister(one.socket)
                one.socket.close()
                one = connect()
            _ask(one, next(next_one))
    elapsed = time.perf_counter() - began
    took = sorted(outcome.took)
    return {
        "requests": outcome.requests,
        "bytes": outcome.bytes,
        "seconds": elapsed,
        "first_byte_ms": 1000 * statistics.median(outcome.waits),
        "p50_ms": 1000 * statistics.median(took),
        "p95_ms": 1000 * took[int(_P95 * len(took))],
    }


def _ask(one: _Connection, request: bytes) -> None:
    one.head, one.tail, one.received, one.in_body = b"", b"", 0, False
    one.asked = time.perf_counter()
    one.socket.sendall(request)


def _received(one: _Connection, room: memoryview, outcome: Outcome) -> bool:
    """Take what has come; whether the answer is complete."""
    count = one.socket.recv_into(room)
    if not count and (one.left is not None or not one.in_body):
        raise RuntimeError("the server closed the connection")
    one.closed = not count
    if one.in_body:
        return _body(one, bytes(room[max(count - 8, 0) : count]), count, outcome)
    if not one.head:
        outcome.waits.append(time.perf_counter() - one.asked)
    one.head += bytes(room[:count])
    head, end, body = one.head.partition(_HEAD_END)
    if not end:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(one.head[:500].decode("latin-1"))
    length = _LENGTH.search(head)
    one.left = int(length[1]) if length else None
    one.in_body = True
    return _body(one, body[-8:], len(body), outcome)


def _body(one: _Connection, last: bytes, count: int, outcome: Outcome) -> bool:
    one.received += count
    if one.left is None:
        one.tail = (one.tail + last)[-8:]
        complete = one.closed or one.tail.endswith(_LAST_CHUNK)
    else:
        complete = one.received == one.left
    if complete:
        outcome.requests += 1
        outcome.bytes += one.received
        outcome.took.append(time.perf_counter() - one.asked)
    return complete


if __name__ == "__main__":
    _port, _connections, _seconds = sys.argv[1:]
    _requests = [one + _HEAD_END for one in sys.stdin.buffer.read().split(_HEAD_END)[:-1]]
    print(json.dumps(fetch(int(_port), _requests, int(_connections), float(_seconds))))
