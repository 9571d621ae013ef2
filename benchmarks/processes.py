"""Server processes under measurement: started on free ports, measured from /proc, stopped by their own id."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12
_START_SECONDS: Final = 30


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    """Whether somebody listens on this port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Startable(Protocol):
    """How to start a server; it is there when it listens on its port."""

    @property
    def port(self) -> int: ...

    @property
    def command(self) -> list[str]: ...

    @property
    def environment(self) -> dict[str, str]: ...


@contextmanager
def running(server: Startable, folder: Path) -> Iterator["ServerProcess"]:
    """The process of this server; its output goes to a file in `folder`."""
    process = ServerProcess(server.command, server.port, server.environment, folder / "log")
    try:
        yield process
    finally:
        process.stop()


def outcome(command: Sequence[str], asked: bytes = b"") -> dict[str, Any]:
    """What a client process says as JSON, which gets `asked` as its input. RuntimeError when it fails."""
    result = subprocess.run(command, input=asked, capture_output=True, check=False, timeout=600)
    if result.returncode:
        raise RuntimeError(result.stderr.decode(errors="replace"))
    said: dict[str, Any] = json.loads(result.stdout)
    return said


class ServerProcess:
    """One server under measurement, with its children."""

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str], log: Path) -> None:
        """Start it and wait until it listens on `port`. RuntimeError when the port is taken or it does not come up."""
        if is_open(port):
            raise RuntimeError(f"port {port} is occupied: another server would be measured")
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + _START_SECONDS
        while not is_open(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def cpu_ms(self) -> float:
        """User and system time so far of the process and all its living descendants, and of those it has reaped."""
        ticks = sum(_ticks(pid) for pid in _tree(self._process.pid))
        return 1000 * ticks / _TICKS_PER_SECOND

    def resident_mb(self) -> float:
        """Resident memory of the process and its descendants."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _tree(self._process.pid))
        return pages * os.sysconf("SC_PAGESIZE") / 1e6

    def stop(self) -> None:
        """Ask it to end; end it after ten seconds."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _tree(int(child))
    return found


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[at]) for at in (_UTIME, _STIME, _UTIME + 2, _STIME + 2))
