"""The parent's side of decoding: a few memory-limited child processes, killed and replaced when they misbehave."""

import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from storage.imaging.decoder_messages import decoded, encoded

_PACKAGES: Final = Path(__file__).resolve().parents[2]
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG", "LC_ALL")
_SETTINGS: Final = {
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPJ_NUM_THREADS": "1",
    "PYTHONPATH": str(_PACKAGES),
}
_STARTING_SECONDS: Final = 60.0


class DecoderFailed(Exception):
    """No answer: the child died, took too long, or answered nonsense; the message says which, for the log."""


class DecoderBusy(Exception):
    """Every child was busy for as long as a request may wait."""


class Child:
    """One decoder process. Not safe for several threads at a time."""

    def __init__(self, memory: int, seconds: float) -> None:
        """Start it and wait until it is ready; it inherits nothing but its two pipes and a bare environment."""
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._largest_body = memory // 2
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "storage.imaging.decoder_process", str(memory), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment | _SETTINGS,
        )
        self._requests, self._answers = _unblocked(self._process.stdin), _unblocked(self._process.stdout)
        try:
            self._receive(time.monotonic() + _STARTING_SECONDS)
        except DecoderFailed:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], seconds: float, body: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Header and body of its answer within `seconds`, or `DecoderFailed`; after that it must be ended."""
        deadline = time.monotonic() + seconds
        try:
            for piece in encoded(request, body):
                self._write(piece, deadline)
        except TimeoutError as error:
            raise DecoderFailed("too_slow") from error
        except OSError as error:
            raise DecoderFailed("died") from error
        return self._receive(deadline)

    def end(self) -> None:
        """Kill it and wait until it is gone."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        try:
            return decoded(lambda size: self._read(size, deadline), self._largest_body)
        except TimeoutError as error:
            raise DecoderFailed("too_slow") from error
        except (OSError, EOFError) as error:
            raise DecoderFailed("died") from error
        except ValueError as error:
            raise DecoderFailed("nonsense") from error

    def _write(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            _await(self._requests, select.POLLOUT, deadline)
            view = view[os.write(self._requests, view) :]

    def _read(self, size: int, deadline: float) -> bytes:
        whole = bytearray(size)
        view = memoryview(whole)
        while view:
            _await(self._answers, select.POLLIN, deadline)
            count = os.readv(self._answers, [view])
            if count == 0:
                raise EOFError
            view = view[count:]
        return bytes(whole)


def _unblocked(pipe: IO[bytes] | None) -> int:
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    return pipe.fileno()


def _await(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(deadline - time.monotonic(), 0.0) * 1000):
        raise TimeoutError


class DecoderPool:
    """At most `processes` children, started when first needed. Safe to use from any thread; all methods block."""

    def __init__(self, processes: int, memory: int, seconds: float) -> None:
        """Each child may take `memory` bytes, and `seconds` for one request."""
        self._memory = memory
        self._seconds = seconds
        self._free = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._closed = False

    def ask(self, request: dict[str, Any], body: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """The answer of the first child that is free to the request, which has `body` behind it.

        Raises `DecoderBusy` when none became free in the time of one request, and `DecoderFailed`, after which
        another child stands ready for the next request.
        """
        if not self._free.acquire(timeout=self._seconds):
            raise DecoderBusy
        try:
            child = self._child()
            try:
                answer = child.ask(request, self._seconds, body)
            except BaseException:
                child.end()
                raise
            if answer[0].pop("last", False):
                child.end()
            else:
                self._put_back(child)
            return answer
        finally:
            self._free.release()

    def pids(self) -> tuple[int, ...]:
        """Process ids of the children that wait for work."""
        with self._lock:
            return tuple(child.pid for child in self._idle)

    def close(self) -> None:
        """End the children that are idle now, and those at work when they are done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def _child(self) -> Child:
        while True:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is None:
                return Child(self._memory, self._seconds)
            if child.is_alive:
                return child
            child.end()

    def _put_back(self, child: Child) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return
        child.end()
