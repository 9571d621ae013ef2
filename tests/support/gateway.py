"""A whole gateway as a user starts it: processes, free ports, a folder of its own."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner

from gateway.cli.main import durchblick

AE_TITLE: Final = "TESTGATEWAY"
_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
_COMMAND_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway. `url` has no slash at its end; DICOMweb is below `dicomweb`; `log` is its standard error."""

    url: str
    http_port: int
    dimse_port: int
    config: Path
    log: Path
    pid: int

    ae_title: str = AE_TITLE

    @property
    def dicomweb(self) -> str:
        """Where QIDO-RS, WADO-RS and STOW-RS are mounted."""
        return f"{self.url}/dicom-web"

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.config.parent / "data"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`durchblick ARGUMENTS --config ...` beside the running server, whatever its exit status.

        In this process, which has imported everything; in a thread of its own, because playwright's loop runs in ours.
        """
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(_invoked, *arguments, "--config", str(self.config)).result(_COMMAND_SECONDS)

    def answer(self, *arguments: str) -> Any:
        """The JSON that `durchblick ARGUMENTS --json` prints; it must succeed."""
        finished = self.run(*arguments, "--json")
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)


def command(*arguments: str, cwd: Path = _CHECKOUT) -> subprocess.CompletedProcess[str]:
    """`durchblick ARGUMENTS` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )


def _invoked(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`durchblick ARGUMENTS` in this process, of which its logging and its warnings stay as they are."""
    loggers = [logging.getLogger(name) for name in (None, "durchblick", "pydicom")]
    kept = [(logger, logger.handlers, logger.level) for logger in loggers]
    try:
        with warnings.catch_warnings():
            result = CliRunner().invoke(durchblick, arguments)
    finally:
        for logger, handlers, level in kept:
            logger.handlers = handlers
            logger.setLevel(level)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def environment() -> dict[str, str]:
    """The environment in which a child finds this checkout's packages wherever it works."""
    others = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in (str(_CHECKOUT), others) if part)}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def configuration(folder: Path, *, dimse: str = "accept_unknown_peers = true", http: str = "", more: str = "") -> Path:
    """Write `folder`/config.toml with free ports; `dimse` and `http` are lines of their sections, `more` others.

    One process for each role unless a line says otherwise: most tests ask what is answered, not by how many.
    """
    config = folder / "config.toml"
    http, dimse = (lines if "processes" in lines else f"processes = 1\n{lines}" for lines in (http, dimse))
    text = (
        '[storage]\nfolder = "data"\nfree_space_floor_mb = 1\n'
        f"[http]\nport = {free_port()}\n{http}\n"
        f'[dimse]\nport = {free_port()}\nae_title = "{AE_TITLE}"\n{dimse}\n{more}\n'
    )
    config.write_text(text, encoding="utf-8")
    return config


@contextmanager
def running(folder: Path, config: Path | None = None, *arguments: str) -> Iterator[Gateway]:
    """`durchblick serve ARGUMENTS` on `folder` until the end of the block; it says itself when it is ready."""
    config = config or configuration(folder)
    with serving(config, folder / "gateway.log", *arguments) as process:
        yield _gateway(config, folder / "gateway.log", process.pid)


@contextmanager
def serving(config: Path, log: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`durchblick serve ARGUMENTS` until the end of the block, from when it says that it is ready."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(config), "--parent", str(theirs.fileno())]
    with ours, log.open("ab") as errors:
        process = subprocess.Popen(
            [*command, *arguments],
            env=environment(),
            pass_fds=[theirs.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        theirs.close()
        try:
            ours.settimeout(_READY_SECONDS)
            assert ours.recv(1), f"it did not start: {log.read_text()[-2000:]}"
            yield process
        finally:
            stop(process)


def stop(process: "subprocess.Popen[Any]") -> int:
    """End a process by SIGTERM, after a while by SIGKILL, and return its exit status."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _gateway(config: Path, log: Path, pid: int) -> Gateway:
    document = tomllib.loads(config.read_text(encoding="utf-8"))
    http_port, dimse_port = document["http"]["port"], document["dimse"]["port"]
    return Gateway(f"http://127.0.0.1:{http_port}", http_port, dimse_port, config, log, pid)
