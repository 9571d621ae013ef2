"""System calls of a process and its threads, as strace wrote them down."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_CALLS: Final = (
    "fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat,write,writev,pwrite64,sendto,sendmsg"
)
_LINE: Final = re.compile(r"(?P<thread>\d+) +(?P<text>.*)")
_WHOLE: Final = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)(?P<more>[^\"]*)$")
_FIRST_HALF: Final = re.compile(r"(?P<name>\w+)\((?P<arguments>.*) <unfinished \.\.\.>")
_SECOND_HALF: Final = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)\) += (?P<result>-?\d+)(?P<more>.*)")
_FILE: Final = re.compile(r"^\d+<(?P<path>[^>]*)>")
_BYTES: Final = re.compile(r"(?:\\x[0-9a-f]{2})+")


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that succeeded: `begin` and `end` are places in the order of the trace.

    `file` is what its first argument, a file handle, stands for: a path, or what strace calls a socket. `strings` are
    what stands in quotation marks, one by one: data written, or names.
    """

    begin: int
    end: int
    name: str
    file: str
    strings: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        """All that was written."""
        return b"".join(self.strings)


def command(log: Path, arguments: Sequence[str]) -> list[str]:
    """`arguments` under strace, which writes what they do to files and sockets to `log`.

    Fails where strace is installed but may not trace; without it, as CI says.
    """
    found = shutil.which("strace")
    if found is None:
        message = "strace is not installed (Debian: apt-get install strace)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    probe = subprocess.run([found, "-f", "-o", os.devnull, sys.executable, "-c", ""], capture_output=True, check=False)
    if probe.returncode:
        pytest.fail(
            f"strace may not trace here, so the order of syncs cannot be shown: {probe.stderr.decode().strip()}"
        )
    options = ["-f", "-y", "-xx", "-s", "8192", "--seccomp-bpf", "-e", f"trace={_CALLS}", "-o", str(log)]
    return [found, *options, "--", *arguments]


def calls(log: str) -> Iterator[Call]:
    """All calls that succeeded, in the order in which they ended."""
    begun: dict[str, tuple[int, re.Match[str]]] = {}
    for number, line in enumerate(log.splitlines()):
        found = _LINE.match(line)
        if found is None:
            continue
        thread, text = found["thread"], found["text"]
        if half := _FIRST_HALF.match(text):
            begun[thread] = (number, half)
        elif (whole := _WHOLE.match(text)) and _succeeded(whole):
            yield _call(number, number, whole["name"], whole["arguments"])
        elif (half := _SECOND_HALF.match(text)) and thread in begun:
            begin, first = begun.pop(thread)
            if _succeeded(half):
                yield _call(begin, number, first["name"], first["arguments"] + half["arguments"])


def _call(begin: int, end: int, name: str, arguments: str) -> Call:
    handle = _FILE.match(arguments)
    file = _text(handle["path"]) if handle else ""
    behind = arguments[handle.end() :] if handle else arguments
    strings = tuple(bytes.fromhex(piece.replace("\\x", "")) for piece in _BYTES.findall(behind))
    return Call(begin, end, name, file, strings)


def _succeeded(ended: re.Match[str]) -> bool:
    """Whether the kernel did it: what strace injects did not happen."""
    return int(ended["result"]) >= 0 and "INJECTED" not in ended["more"]


def _text(shown: str) -> str:
    """With -xx paths are shown in hexadecimal too."""
    return bytes.fromhex(shown.replace("\\x", "")).decode() if _BYTES.fullmatch(shown) else shown
