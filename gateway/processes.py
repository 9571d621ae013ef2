"""Processes that start each other: readiness, signals, and an end that reaches everybody.

Parent and child share one socket pair. The child writes one byte when it is ready, and stops when the socket ends,
so that no child outlives a parent that was killed.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

CANNOT_START: Final = 3
"""Exit status of a role that starting again will not help; it has said why on standard error."""

READY_SECONDS: Final = 120.0
STOP_SECONDS: Final = 20.0
_READY: Final = b"\x06"


class CannotStart(Exception):
    """A role ended before it was ready and starting it again would not help."""


class Parent:
    """The child's end of the pair; without a file descriptor there is no parent and nothing happens."""

    def __init__(self, descriptor: int | None) -> None:
        self._socket = None if descriptor is None else socket.socket(fileno=descriptor)

    def tell_ready(self) -> None:
        """Say that this process does its work from now on."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(_READY)

    def watch(self, loop: asyncio.AbstractEventLoop, gone: Callable[[], None]) -> None:
        """Call `gone` once when the parent has ended or wants us to."""
        ours = self._socket
        if ours is None:
            return

        def ended() -> None:
            loop.remove_reader(ours)
            gone()

        ours.setblocking(False)
        loop.add_reader(ours, ended)


class Child:
    """One `durchblick serve` process that was started by this one."""

    def __init__(self, process: asyncio.subprocess.Process, ours: socket.socket) -> None:
        self._process = process
        self._ours = ours

    @classmethod
    async def start(cls, arguments: Sequence[str], inherited: Sequence[int] = (), *, quiet: bool = False) -> "Child":
        """Start `python -m gateway serve ARGUMENTS` in a session of its own; if `quiet`, without standard output.

        It inherits these file descriptors.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            command = [sys.executable, "-m", "gateway", "serve", *arguments, "--parent", str(theirs.fileno())]
            process = await asyncio.create_subprocess_exec(
                *command,
                pass_fds=[theirs.fileno(), *inherited],
                start_new_session=True,
                stdout=asyncio.subprocess.DEVNULL if quiet else None,
                env=_environment(),
            )
        return cls(process, ours)

    async def ready(self) -> None:
        """Return once the child is ready. Raises CannotStart when it never will be, ChildProcessError when it died."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(READY_SECONDS):
                answer = await loop.sock_recv(self._ours, 1)
        except TimeoutError as error:
            await self.stop()
            raise CannotStart(f"A part of the gateway was not ready after {READY_SECONDS:.0f} s.") from error
        except ConnectionError:
            answer = b""
        if answer == _READY:
            return
        status = await self.wait()
        if status == CANNOT_START:
            raise CannotStart("A part of the gateway could not be started; its reason stands above.")
        raise ChildProcessError(f"ended with status {status}")

    async def wait(self) -> int:
        """The exit status, once the child has ended."""
        try:
            return await self._process.wait()
        finally:
            self._ours.close()

    async def stop(self) -> int:
        """Ask the child to end, insist after STOP_SECONDS, and return its exit status."""
        self._ours.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            return await self._process.wait()


def _environment() -> dict[str, str]:
    """Children import the packages from where this process has them, whatever their working folder is."""
    here = str(Path(__file__).resolve().parents[1])
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != here]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([here, *others])}


def stop_event(loop: asyncio.AbstractEventLoop, parent: Parent) -> asyncio.Event:
    """An event set by SIGTERM, by SIGINT, or when the parent has gone."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent.watch(loop, stop.set)
    return stop
