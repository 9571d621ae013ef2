"""A study as a ZIP archive: from the gateway, and from Orthanc, which both hold the same CT slices.

python -m benchmarks.zip [--instances 200] [--rounds 2] [--only durchblick] [--json FILE]
"""

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from auth import schema
from auth.clock import system_clock
from auth.tokens import Tokens
from benchmarks import servers
from benchmarks.phantom_ct import Instance, slices
from benchmarks.processes import ServerProcess, free_port
from storage.storage import Storage

_MEGABYTE: Final = 1e6
_SAMPLED_EVERY: Final = 0.005
_READ_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One download: milliseconds to the first byte of the body and seconds in all; MB of the archive and of the DICOM
    files in it; processor milliseconds of the server, and by how many MB its resident memory grew meanwhile.
    """

    first_ms: float
    seconds: float
    archive_mb: float
    content_mb: float
    cpu_ms: float
    growth_mb: float

    @property
    def rate(self) -> float:
        """MB of DICOM files a second."""
        return self.content_mb / self.seconds


class Holder(Protocol):
    """A server that holds the slices, and where the archive of their study is."""

    name: str
    port: int
    path: str
    headers: dict[str, str]
    process: ServerProcess


class Gateway:
    """The web role with its durable storage; the archive has a DICOMDIR, its entries are stored."""

    name = "durchblick"

    def __init__(self, folder: Path, instances: Sequence[Instance]) -> None:
        folder.mkdir()
        self.port = free_port()
        data = folder / "data"
        storage = Storage.open(data)
        for instance in instances:
            incoming = storage.ingest.receive()
            incoming.write(instance.file)
            study = storage.ingest.store(incoming, source="benchmark").study_instance_uid
        storage.database.migrate(schema.MIGRATIONS)
        token = Tokens(storage.database, system_clock).create("benchmark", ("read",))
        storage.close()
        config = folder / "config.toml"
        config.write_text(f'[storage]\nfolder = "{data}"\n[http]\nport = {self.port}\n')
        command = [sys.executable, "-m", "gateway", "serve", "--role", "web", "--config", str(config)]
        self.path = f"/dicom-web/studies/{study}"
        self.headers = {"Accept": "application/zip", "Authorization": f"Bearer {token}"}
        self.process = ServerProcess(command, self.port, {}, folder / "log")


class Orthanc:
    """Debian's Orthanc, `/studies/{id}/media`: an archive with a DICOMDIR, as ours."""

    name = "Orthanc"
    headers: dict[str, str] = {}

    def __init__(self, folder: Path, instances: Sequence[Instance]) -> None:
        folder.mkdir()
        server = servers.Orthanc(folder)
        self.port = server.http_port
        self.process = ServerProcess(server.command, self.port, {}, folder / "log")
        for instance in instances:
            stored = self._ask("/instances", instance.file)
        self.path = f"/studies/{stored['ParentStudy']}/media"

    def _ask(self, path: str, body: bytes) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def download(server: Holder, content: int) -> Measured:
    """Take the archive once; what comes is counted and dropped."""
    cpu = server.process.cpu_ms()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)) as connection:
        connection.connect()
        with _growth(server.process) as growth:
            began = time.perf_counter()
            connection.request("GET", server.path, headers=server.headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise SystemExit(f"{server.name} answered {answer.status}")
            size = len(answer.read(1))
            first = time.perf_counter() - began
            while piece := answer.read(_READ_AT_ONCE):
                size += len(piece)
            took = time.perf_counter() - began
    spent = server.process.cpu_ms() - cpu
    return Measured(first * 1000, took, size / _MEGABYTE, content / _MEGABYTE, spent, growth[0])


@contextmanager
def _growth(process: ServerProcess) -> Iterator[list[float]]:
    """How many MB the memory of the server was at most above what it was before."""
    before, highest, over = process.resident_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(_SAMPLED_EVERY):
            highest[0] = max(highest[0], process.resident_mb() - before)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield highest
    finally:
        over.set()
        watching.join()


def measure(count: int, rounds: int, only: str) -> dict[str, list[Measured]]:
    """Downloads by server, in turns."""
    instances = slices(count)
    content = sum(len(instance.file) for instance in instances)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, ExitStack() as running:
        held: list[Holder] = []
        for kind in (Gateway, Orthanc):
            if only in ("", kind.name):
                held.append(kind(Path(folder) / kind.name, instances))
                running.callback(held[-1].process.stop)
        found: dict[str, list[Measured]] = {server.name: [] for server in held}
        for number in range(rounds):
            for server in held if number % 2 else reversed(held):
                found[server.name].append(download(server, content))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print medians (least-greatest) of each server."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zip")
    parser.add_argument("--instances", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", choices=("", Gateway.name, Orthanc.name))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found = measure(options.instances, options.rounds, options.only)
    print(f"{options.instances} CT slices of 530 kB as one archive, {options.rounds} rounds\n")
    print("| server | MB/s of DICOM files | first byte, ms | archive, MB | processor, s | memory growth, MB |")
    print("|---|---|---|---|---|---|")
    for name, all_of in found.items():
        columns = (
            [one.rate for one in all_of],
            [one.first_ms for one in all_of],
            [one.archive_mb for one in all_of],
            [one.cpu_ms / 1000 for one in all_of],
            [one.growth_mb for one in all_of],
        )
        cells = (f"{statistics.median(column):.3g} ({min(column):.3g}-{max(column):.3g})" for column in columns)
        print(f"| {name} | {' | '.join(cells)} |")
    if options.json:
        options.json.write_text(json.dumps({name: [asdict(one) for one in all_of] for name, all_of in found.items()}))


if __name__ == "__main__":
    main()
