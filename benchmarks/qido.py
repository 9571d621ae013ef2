"""QIDO-RS by the gateway and by Orthanc with its DICOMweb plugin, in turns, over the same archive.

    python -m benchmarks qido [--instances 100000] [--rounds 3] [--seconds 1] [--only NAME] [--json FILE]

Both are filled once (Orthanc over its REST interface, which takes minutes) and then run side by side; one of them is
asked at a time, over one kept connection and over sixteen. The client reads each answer whole and decodes nothing.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import Final

from benchmarks import archive
from benchmarks.client import Client
from benchmarks.comparison import Column, in_turns, options, tell
from benchmarks.processes import ServerProcess, running
from benchmarks.searches import Asked, long_series, searches
from benchmarks.web_servers import Gateway, OrthancDicomWeb

_CONNECTIONS: Final = (1, 16)
_P95: Final = 0.95

Server = Gateway | OrthancDicomWeb
_SERVERS: Final[tuple[type[Server], ...]] = (Gateway, OrthancDicomWeb)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on one server over so many connections: how long each answer took, in order of length."""

    workload: str
    server: str
    milliseconds: tuple[float, ...]
    seconds: float
    answer_bytes: int
    cpu_ms: float

    @property
    def p95(self) -> float:
        """Longer than this one answer in twenty took."""
        return self.milliseconds[int(_P95 * len(self.milliseconds))]


_COLUMNS: Final = (
    Column("kB", lambda one: one.answer_bytes / 1000),
    Column("p50 ms", lambda one: statistics.median(one.milliseconds), "p50 ratio"),
    Column("p95 ms", lambda one: one.p95),
    Column("answers / s", lambda one: len(one.milliseconds) / one.seconds, "rate ratio"),
    Column("CPU ms each", lambda one: one.cpu_ms / len(one.milliseconds)),
)


def measure(
    server: Server, process: ServerProcess, workload: str, asked: Asked, connections: int, seconds: float
) -> Measurement:
    """Ask for about so many seconds over as many connections at once."""
    with Client(server) as client:
        size = len(client.ask(asked(Random(workload))))
    cpu_ms, began = process.cpu_ms(), time.perf_counter()

    def work(number: int) -> list[float]:
        random, took = Random(f"{workload} {number}"), list[float]()
        with Client(server) as client:
            while (begun := time.perf_counter()) < began + seconds or not took:
                client.ask(asked(random))
                took.append(1000 * (time.perf_counter() - begun))
        return took

    with ThreadPoolExecutor(connections) as threads:
        took = sorted(chain.from_iterable(threads.map(work, range(connections))))
    elapsed, used = time.perf_counter() - began, process.cpu_ms() - cpu_ms
    title = f"{workload}, {connections} connection{'s' * (connections > 1)}"
    return Measurement(title, server.name, tuple(took), elapsed, size, used)


@contextmanager
def filled(kind: type[Server], folder: Path, count: int) -> Iterator[tuple[Server, ServerProcess]]:
    """The server over an archive of so many instances and a long series, running."""
    folder.mkdir()
    server = kind(folder)
    data_sets = chain(archive.instances(count), long_series(archive.studies_in(count)))
    if isinstance(server, Gateway):
        server.fill_index(data_sets)
    with running(server, folder) as process:
        if isinstance(server, OrthancDicomWeb):
            server.fill(archive.part10(one) for one in data_sets)
        yield server, process


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, run all rounds, print the report."""
    parser = options("qido", rounds=3)
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=1)
    chosen = parser.parse_args(arguments)
    kinds = [kind for kind in _SERVERS if kind.name.startswith(chosen.only)]
    measurements = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary, ExitStack() as stack:
        servers = []
        for number, kind in enumerate(kinds):
            began = time.perf_counter()
            servers.append(stack.enter_context(filled(kind, Path(temporary) / str(number), chosen.instances)))
            print(f"{kind.name} filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        for number in range(chosen.rounds):
            for workload, asked in searches(archive.studies_in(chosen.instances)).items():
                for connections in _CONNECTIONS:
                    for server, process in in_turns(servers, number):
                        one = measure(server, process, workload, asked, connections, chosen.seconds)
                        measurements.append(one)
    tell(measurements, _COLUMNS, chosen.json)


if __name__ == "__main__":
    main()
