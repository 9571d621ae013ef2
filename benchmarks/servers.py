"""The servers that are measured, each started on an empty folder with the settings that its name says."""

import http.client
import json
import shutil
import sqlite3
import sys
import threading
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from benchmarks.processes import free_port

_MAXIMUM_LENGTH: Final = 131_072
_UPLOADS: Final = 2


class Server(Protocol):
    """How to start a server, to send to it, and to count what it kept."""

    name: str
    ae_title: str
    port: int
    command: list[str]
    environment: dict[str, str]

    def __init__(self, folder: Path) -> None: ...

    def stored(self) -> int:
        """How many instances it has."""


class Durchblick:
    """The gateway's DIMSE server over a real storage: durable and indexed before it answers.

    In as many processes as the gateway has by default.
    """

    name = "durchblick"
    ae_title = "DURCHBLICK"
    environment: dict[str, str] = {}
    processes = 0

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder / "data"
        node = [sys.executable, "-m", "benchmarks.dimse_node", str(self._folder), str(self.port)]
        self.command = [*node, "--processes", str(self.processes)]

    def stored(self) -> int:
        """How many instances are indexed with their file present."""
        database = sqlite3.connect(self._folder / "durchblick.sqlite")
        keys = [key for (key,) in database.execute("SELECT blob_key FROM instance")]
        database.close()
        return sum((self._folder / "blobs" / key).is_file() for key in keys)


class OneProcess(Durchblick):
    """The same with `dimse.processes = 1`: on one processor."""

    name = "durchblick, one process"
    processes = 1


class ReceivingOnly(OneProcess):
    """The same receive path into files, without sync and index: what a bare storage receiver does."""

    name = "durchblick, no sync, no index"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.command.append("--only-receive")

    def stored(self) -> int:
        """How many files there are."""
        return sum(1 for path in self._folder.iterdir() if path.suffix == ".dcm")


class Orthanc:
    """Debian's Orthanc with 128 kB PDUs and without plugins: as it is shipped otherwise."""

    name = "Orthanc as shipped"
    ae_title = "ORTHANC"
    environment: dict[str, str] = {}
    plugins: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.http_port = free_port()
        configuration = {
            "Name": "benchmark",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": list(self.plugins),
            "DicomAet": self.ae_title,
            "DicomPort": self.port,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True,
            "MaximumPduLength": _MAXIMUM_LENGTH,
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
        }
        path = folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        self.command = [program("Orthanc"), str(path)]

    def fill(self, files: Iterable[bytes]) -> None:
        """Put these DICOM files into it, over REST: with kept connections that is faster there than C-STORE."""
        left, turn = iter(files), threading.Lock()

        def following() -> bytes | None:
            with turn:
                return next(left, None)

        def upload() -> int:
            count = 0
            with closing(http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)) as connection:
                while (file := following()) is not None:
                    connection.request("POST", "/instances", file)
                    answer = connection.getresponse()
                    if answer.read() and answer.status != 200:
                        raise RuntimeError(f"Orthanc did not take an instance: {answer.status}")
                    count += 1
            return count

        with ThreadPoolExecutor(_UPLOADS) as threads:
            sent = sum(future.result() for future in [threads.submit(upload) for _ in range(_UPLOADS)])
        if self.stored() != sent:
            raise RuntimeError(f"Orthanc has {self.stored()} of {sent} instances")

    def stored(self) -> int:
        """How many instances it says it has."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/statistics", timeout=10) as answer:
            count: int = json.load(answer)["CountInstances"]
            return count


class OrthancWithoutDelay(Orthanc):
    """With Nagle's algorithm off, as DCMTK's environment variable allows."""

    name = "Orthanc, TCP_NODELAY=1"
    environment = {"TCP_NODELAY": "1"}


class Storescp:
    """DCMTK's storescp at its best: data sets written as they come, 128 kB PDUs, no Nagle delay. No sync, no index."""

    name = "storescp, TCP_NODELAY=1"
    ae_title = "STORESCP"
    environment = {"TCP_NODELAY": "1"}

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder / "received"
        self._folder.mkdir()
        options = ["--bit-preserving", "--max-pdu", str(_MAXIMUM_LENGTH), "--output-directory", str(self._folder)]
        self.command = [program("storescp"), *options, str(self.port)]

    def stored(self) -> int:
        """How many files there are."""
        return sum(1 for _ in self._folder.iterdir())


def program(name: str) -> str:
    """The system's program of this name (packages of this environment bring others); SystemExit when it is missing."""
    found = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
    if found is None:
        raise SystemExit(f"{name} is not installed (Debian: apt-get install orthanc dcmtk).")
    return found
