"""Brings a sheet to paper: into a folder that a spooler watches, or through a command."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_FILE: Final = "{file}"


class NotPrinted(Exception):
    """There is no sheet; the message says why."""


class SpoolFolder:
    """A folder; each sheet appears there under its name whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def print(self, name: str, sheet: bytes) -> None:
        """Put the sheet there as `name`.pdf. Raises `NotPrinted`."""
        draft = self._folder / f".{name}.part"
        try:
            # A spooler of the same group may read it, nobody else: a code is on it.
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
                file.write(sheet)
            draft.replace(self._folder / f"{name}.pdf")
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise NotPrinted(f"{self._folder} takes no files ({error.strerror})") from error


class PrintCommand:
    """A program with arguments, in which {file} stands for the sheet. No shell reads them."""

    def __init__(self, arguments: Sequence[str], timeout_seconds: float, folder: Path) -> None:
        """The sheet lies in `folder`, for nobody else to read, while the command runs; then it is removed."""
        self._arguments = arguments
        self._timeout = timeout_seconds
        self._folder = folder

    def print(self, name: str, sheet: bytes) -> None:
        """Run the command to its end. Raises `NotPrinted`."""
        try:
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=f"{name}-", suffix=".pdf") as file:
                file.write(sheet)
                file.flush()
                self._run(file.name)
        except OSError as error:
            raise NotPrinted(f"{type(error).__name__} ({error.strerror})") from error

    def _run(self, file: str) -> None:
        arguments = [one.replace(_FILE, file) for one in self._arguments]
        try:
            finished = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self._timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotPrinted(f"{arguments[0]} did not end within {self._timeout:g} s") from error
        if finished.returncode:
            raise NotPrinted(f"{arguments[0]} ended with status {finished.returncode}")
