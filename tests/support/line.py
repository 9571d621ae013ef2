"""A line to a server on this machine that a test can cut in the middle of a request, and mend."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_PIECE: Final = 65536
_LENGTH: Final = re.compile(rb"^content-length: *(\d+)\r$", re.IGNORECASE | re.MULTILINE)
_OFFSET: Final = re.compile(rb"^upload-offset: *(\d+)\r$", re.IGNORECASE | re.MULTILINE)


class Line:
    """Forwards connections to `port`, and stops once in the first PATCH of more than `most` bytes, behind so many."""

    def __init__(self, listening: socket.socket, port: int, most: int) -> None:
        self.port: Final[int] = listening.getsockname()[1]
        self.offsets: list[int] = []
        """Where each PATCH since `mend` says that it goes on."""
        self._listening = listening
        self._server = port
        self._most = most
        self._open: list[socket.socket] = []
        self._guard = threading.Lock()
        self._is_cut = False
        self._stopped = threading.Event()
        self._cut = threading.Event()

    def serve(self) -> None:
        """Forward until the listening socket is closed."""
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            with self._guard:
                if self._is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._server))
                self._open += [near, far]
            threading.Thread(target=_pass, args=(near, far, self._upward()), daemon=True).start()
            threading.Thread(target=_pass, args=(far, near, len), daemon=True).start()

    def stopped(self) -> bool:
        """Whether a request stands still in its middle."""
        return self._stopped.is_set()

    def cut(self) -> None:
        """End all connections, and let nobody in."""
        with self._guard:
            self._is_cut = True
            for one in self._open:
                _end(one)
            self._open.clear()
        self._cut.set()

    def mend(self) -> None:
        """Let everything through from now on."""
        with self._guard:
            self._is_cut = False

    def _upward(self) -> Callable[[bytes], int]:
        """What is asked of each piece from a client: how many bytes of it may pass now; the others are lost."""
        head, passed = b"", -1

        def allowed(piece: bytes) -> int:
            nonlocal head, passed
            if self._cut.is_set():
                self.offsets += [int(one) for one in _OFFSET.findall(piece)]
            elif passed >= 0:
                passed += len(piece)
            else:
                head = (head + piece)[-_PIECE:]
                begin = head.rfind(b"PATCH /")
                length = _LENGTH.search(head, begin) if begin >= 0 and b"\r\n\r\n" in head[begin:] else None
                passed = 0 if length and int(length[1]) > self._most else -1
            if passed <= self._most:
                return len(piece)
            self._stopped.set()
            self._cut.wait()
            return 0

        return allowed


def _pass(source: socket.socket, target: socket.socket, allowed: Callable[[bytes], int]) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece[: allowed(piece)])
    _end(source)
    _end(target)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def line_to(port: int, most: int) -> Iterator[Line]:
    """A line until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        line = Line(listening, port, most)
        thread = threading.Thread(target=line.serve, daemon=True)
        thread.start()
        yield line
        line.cut()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    thread.join()
