"""A study as a ZIP archive: from the gateway, and from Orthanc, which both hold the same CT slices.

python -m benchmarks zip [--instances 200] [--rounds 2] [--only NAME] [--json FILE]
"""

import json
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.client import Client
from benchmarks.comparison import Column, in_turns, options, tell
from benchmarks.processes import ServerProcess, running
from benchmarks.series import native
from benchmarks.web_servers import DicomWebServer, Gateway, OrthancDicomWeb, Question

_MEGABYTE: Final = 1e6
_SAMPLED_EVERY: Final = 0.005
_READ_AT_ONCE: Final = 1 << 20


class OrthancMedia(OrthancDicomWeb):
    """Its `/studies/{id}/media`: an archive with a DICOMDIR, as ours."""

    name = "Orthanc"

    def fill(self, files: Iterable[bytes]) -> None:
        """With one study, to which it gives an id of its own."""
        super().fill(files)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/studies", timeout=60) as answer:
            (self._study,) = json.load(answer)

    def address(self, _: Question) -> str:
        """Where it has that study."""
        return f"/studies/{self._study}/media"


Server = Gateway | OrthancMedia
_SERVERS: Final[tuple[type[Server], ...]] = (Gateway, OrthancMedia)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One download: milliseconds to the first byte of the body and seconds in all; MB of the archive and of the DICOM
    files in it; processor milliseconds of the server, and by how many MB its resident memory grew meanwhile.
    """

    workload: str
    server: str
    first_ms: float
    seconds: float
    archive_mb: float
    content_mb: float
    cpu_ms: float
    growth_mb: float


COLUMNS: Final = (
    Column("MB/s of DICOM files", lambda one: one.content_mb / one.seconds, "rate ratio"),
    Column("first byte, ms", lambda one: one.first_ms),
    Column("archive, MB", lambda one: one.archive_mb),
    Column("processor, s", lambda one: one.cpu_ms / 1000),
    Column("growth, MB", lambda one: one.growth_mb),
)


def download(server: DicomWebServer, process: ServerProcess, study: str, count: int, size: int) -> Measurement:
    """Take the archive of a study of so many slices and bytes once; what comes is counted and dropped."""
    question = Question(study, "application/zip")
    cpu = process.cpu_ms()
    with Client(server) as client, _growth(process) as growth:
        began = time.perf_counter()
        answer = client.begin(question)
        received = len(answer.read(1))
        first = time.perf_counter() - began
        while piece := answer.read(_READ_AT_ONCE):
            received += len(piece)
        took = time.perf_counter() - began
    spent = process.cpu_ms() - cpu
    volumes = received / _MEGABYTE, size / _MEGABYTE
    workload = f"{count} slices"
    return Measurement(workload, server.name, first * 1000, took, *volumes, spent, growth[0])


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, download in turns, print the report."""
    parser = options("zip", rounds=2)
    parser.add_argument("--instances", type=int, default=200)
    chosen = parser.parse_args(arguments)
    series = native(chosen.instances)
    measurements, servers, size = [], [], sum(map(len, series.files))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary, ExitStack() as stack:
        for kind in _SERVERS:
            if kind.name.startswith(chosen.only):
                folder = Path(temporary) / kind.__name__
                folder.mkdir()
                server = kind(folder)
                servers.append((server, stack.enter_context(running(server, folder))))
                server.fill(series.files)
        for number in range(chosen.rounds):
            turn = in_turns(servers, number)
            measurements += [download(*one, series.study, len(series.files), size) for one in turn]
    tell(measurements, COLUMNS, chosen.json)


if __name__ == "__main__":
    main()
