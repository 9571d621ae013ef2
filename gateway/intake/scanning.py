"""Asks the site's malware scanner about files that were sent in, before anything else reads them.

The scanner is a program of the site: exit status 0 says that nothing was found, 1 that something was, as clamscan and
clamdscan have it. Whatever else it does is no answer, and what has no answer waits.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Literal

FILE: Final = "{file}"
FILES: Final = "{files}"
_AT_ONCE: Final = 100
"""Paths in the place of `FILES`, far below what a command line holds."""
_BREATH: Final = 1.0
_LONGEST: Final = 200


class Unscanned(Exception):
    """Nobody knows what is in the files. missing: the program does not start. slow: it does not end. failed: else."""

    def __init__(self, reason: Literal["missing", "slow", "failed"], detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Scanner:
    """A program with arguments, in which {file} stands for one file and {files} for many. No shell reads them."""

    def __init__(self, arguments: Sequence[str], seconds: float) -> None:
        """One run may take so many `seconds`."""
        self._arguments = arguments
        self._seconds = seconds
        self._at_once = _AT_ONCE if FILES in arguments else 1

    @property
    def is_there(self) -> bool:
        """Whether the program exists and may be run."""
        return shutil.which(self._arguments[0]) is not None

    def scan(self, files: Sequence[Path], go_on: Callable[[], None]) -> dict[Path, str]:
        """What was found in which of `files`, in the scanner's words. Raises `Unscanned`.

        `go_on` is called every second at least; what it raises ends the scanner.
        """
        found = {}
        for start in range(0, len(files), self._at_once):
            some = files[start : start + self._at_once]
            said = self._run(some, go_on)
            if said is not None and len(some) == 1:
                found[some[0]] = said
            elif said is not None:
                one_by_one = {file: self._run([file], go_on) for file in some}
                found |= {file: what for file, what in one_by_one.items() if what is not None}
        return found

    def _run(self, files: Sequence[Path], go_on: Callable[[], None]) -> str | None:
        """None where nothing was found, else what."""
        paths = [str(file) for file in files]
        arguments = [
            argument
            for one in self._arguments
            for argument in (paths if one == FILES else [one.replace(FILE, paths[0])])
        ]
        go_on()
        # To a file, for a pipe would fill up or be held open by whatever the scanner started.
        with tempfile.TemporaryFile() as said:
            status = self._status(arguments, said, go_on)
            if status == 0:
                return None
            if status != 1:
                raise Unscanned("failed", f"{arguments[0]} ended with status {status}")
            return _finding(said, paths)

    def _status(self, arguments: Sequence[str], said: IO[bytes], go_on: Callable[[], None]) -> int:
        try:
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise Unscanned("missing", f"{arguments[0]} does not start ({error.strerror})") from error
        try:
            return self._waited(process, go_on)
        finally:
            if process.poll() is None:
                # With all that it has started: the session is its own.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _waited(self, process: subprocess.Popen[bytes], go_on: Callable[[], None]) -> int:
        end = time.monotonic() + self._seconds
        while (left := end - time.monotonic()) > 0:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(min(_BREATH, left))
            go_on()
        raise Unscanned("slow", f"{self._arguments[0]} did not end within {self._seconds:g} s")


def _finding(said: IO[bytes], paths: Sequence[str]) -> str:
    """The first line that the scanner wrote, without our own paths: "Eicar-Test-Signature FOUND"."""
    said.seek(0)
    line = said.readline(4096).decode("utf-8", "replace").strip()
    for path in paths:
        line = line.removeprefix(f"{path}: ").replace(path, "")
    return line[:_LONGEST]
