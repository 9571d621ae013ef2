"""QIDO-RS by the gateway and by Orthanc with its DICOMweb plugin, in turns, over the same archive.

    python -m benchmarks qido [--instances 100000] [--rounds 3] [--seconds 1] [--only NAME] [--json FILE]

Both are filled once (Orthanc over its REST interface, which takes minutes) and then run side by side; one of them is
asked at a time, over one kept connection and over sixteen. The client, a process of its own, reads each answer whole
and decodes nothing.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import Final

from benchmarks import archive
from benchmarks.client import on_the_wire
from benchmarks.comparison import Column, in_turns, options, tell
from benchmarks.processes import ServerProcess, outcome, running
from benchmarks.searches import Asked, long_series, searches
from benchmarks.web_servers import Gateway, OrthancDicomWeb

_CONNECTIONS: Final = (1, 16)
_QUESTIONS: Final = 500
"""Different ones, asked in turn."""

Server = Gateway | OrthancDicomWeb
_SERVERS: Final[tuple[type[Server], ...]] = (Gateway, OrthancDicomWeb)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on one server over so many connections: the median answer, the slow ones, and what all cost."""

    workload: str
    server: str
    p50_ms: float
    p95_ms: float
    rate: float
    answer_bytes: float
    cpu_ms: float


_COLUMNS: Final = (
    Column("kB", lambda one: one.answer_bytes / 1000),
    Column("p50 ms", lambda one: one.p50_ms, "p50 ratio"),
    Column("p95 ms", lambda one: one.p95_ms),
    Column("answers / s", lambda one: one.rate, "rate ratio"),
    Column("CPU ms each", lambda one: one.cpu_ms),
)


def measure(
    server: Server, process: ServerProcess, workload: str, asked: Asked, connections: int, seconds: float
) -> Measurement:
    """Ask for about so many seconds over as many connections at once, by a client process of its own."""
    random = Random(workload)
    questions = b"".join(on_the_wire(server, asked(random)) for _ in range(_QUESTIONS))
    cpu_ms = process.cpu_ms()
    command = [sys.executable, "-m", "benchmarks.fetcher", str(server.port), str(connections), str(seconds)]
    told = outcome(command, questions)
    requests = told["requests"]
    return Measurement(
        f"{workload}, {connections} connection{'s' * (connections > 1)}",
        server.name,
        told["p50_ms"],
        told["p95_ms"],
        requests / told["seconds"],
        told["bytes"] / requests,
        (process.cpu_ms() - cpu_ms) / requests,
    )


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
