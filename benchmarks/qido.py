"""QIDO-RS by the gateway and by Orthanc with its DICOMweb plugin, alternately, over the same archive.

    python -m benchmarks.qido [--instances 100000] [--rounds 3] [--seconds 1] [--only durchblick] [--json FILE]

Both are filled once (Orthanc over its REST interface, which takes minutes) and then run side by side; one of them is
asked at a time, over one kept connection and over sixteen. The client reads each answer whole and decodes nothing.
"""

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import Final

from benchmarks import archive
from benchmarks.processes import ServerProcess
from benchmarks.query import upload
from benchmarks.servers import DurchblickWeb, OrthancWeb

_CONNECTIONS: Final = (1, 16)
_SLICES: Final = 1_000
_STUDY_SIZE: Final = archive.SERIES_OF_A_STUDY * archive.INSTANCES_OF_A_SERIES

Server = DurchblickWeb | OrthancWeb


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on one server over so many connections: how long each answer took."""

    server: str
    workload: str
    connections: int
    milliseconds: tuple[float, ...]
    seconds: float
    answer_bytes: int
    cpu_ms: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.milliseconds) / self.seconds


def workloads(studies: int) -> dict[str, Callable[[Random], str]]:
    """Named questions; each time others of the same kind. The study behind the last one has the long series."""
    long = archive.study_uid(studies)

    def month(random: Random) -> str:
        first = f"20{random.randrange(16, 26)}{random.randrange(1, 13):02d}"
        return f"StudyDate={first}01-{first}31"

    def name(random: Random) -> str:
        return f"{random.choice(('Bel', 'Mus', 'Wald'))}{random.choice(('dorn', 'lin', 'ost'))}"

    return {
        "studies of a PatientID": lambda random: f"/studies?PatientID={archive.patient_id(random.randrange(studies))}",
        "studies of a month": lambda random: f"/studies?{month(random)}",
        "studies of a name with wildcard": lambda random: f"/studies?PatientName={name(random)}*",
        "first page of studies": lambda random: "/studies?limit=25",
        "instances of a series of 1,000": lambda random: f"/studies/{long}/series/{long}.1/instances",
    }


def measure(
    server: Server, process: ServerProcess, workload: str, studies: int, connections: int, seconds: float
) -> Measurement:
    """Ask for about so many seconds over as many connections at once."""
    question = workloads(studies)[workload]
    took: list[float] = []
    sizes: list[int] = []
    ends: list[float] = []

    def work(number: int) -> None:
        random, connection = Random(f"{workload} {number}"), http.client.HTTPConnection("127.0.0.1", server.http_port)
        while not ends or time.perf_counter() < ends[0]:
            begun = time.perf_counter()
            connection.request("GET", f"/dicom-web{question(random)}", headers=server.headers | _ACCEPT)
            answer = connection.getresponse()
            size = len(answer.read())
            if answer.status != 200:
                raise RuntimeError(f"{server.name} answered {answer.status}")
            if not ends:
                break
            took.append(1000 * (time.perf_counter() - begun))
            sizes.append(size)
        connection.close()

    work(-1)
    cpu_ms, began = process.cpu_ms(), time.perf_counter()
    ends.append(began + seconds)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed, used = time.perf_counter() - began, process.cpu_ms() - cpu_ms
    return Measurement(server.name, workload, connections, tuple(took), elapsed, round(statistics.mean(sizes)), used)


_ACCEPT: Final = {"Accept": "application/dicom+json"}


@contextmanager
def filled(kind: type[Server], folder: Path, count: int) -> Iterator[tuple[Server, ServerProcess]]:
    """The server over an archive of so many instances and a long series, running."""
    folder.mkdir()
    server = kind(folder)
    data_sets = chain(archive.instances(count), archive.long_series(count // _STUDY_SIZE, _SLICES))
    if isinstance(server, DurchblickWeb):
        server.fill(data_sets)
    process = ServerProcess(server.command, server.http_port, server.environment, folder / "log")
    try:
        if isinstance(server, OrthancWeb):
            upload(server.http_port, data_sets)
            if server.stored() != count + _SLICES:
                raise RuntimeError(f"Orthanc has {server.stored()} instances")
        yield server, process
    finally:
        process.stop()


def report(measurements: Sequence[Measurement]) -> str:
    """A Markdown table: medians of all rounds, and the ratio of the medians."""
    lines = [
        "| search | connections | kB | durchblick p50 / p95 ms | Orthanc p50 / p95 ms | p50 / Orthanc's"
        " | durchblick / s | Orthanc / s | CPU ms each | Orthanc's |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for workload, connections in dict.fromkeys((one.workload, one.connections) for one in measurements):
        both = [
            [
                one
                for one in measurements
                if (one.server, one.workload, one.connections) == (name, workload, connections)
            ]
            for name in (DurchblickWeb.name, OrthancWeb.name)
        ]
        size = (both[0] or both[1])[0].answer_bytes / 1000
        cells = [workload, str(connections), f"{size:.1f}", *(_latency(of) for of in both), _ratio(*both)]
        cells += [_median([one.rate for one in of]) for of in both]
        cells += [_median([one.cpu_ms / len(one.milliseconds) for one in of]) for of in both]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _all(of: Sequence[Measurement]) -> list[float]:
    return sorted(one for measurement in of for one in measurement.milliseconds)


def _latency(of: Sequence[Measurement]) -> str:
    values = _all(of)
    return f"{statistics.median(values):.3g} / {values[int(0.95 * (len(values) - 1))]:.3g}" if values else "-"


def _ratio(own: Sequence[Measurement], other: Sequence[Measurement]) -> str:
    return f"{statistics.median(_all(own)) / statistics.median(_all(other)):.3g}" if own and other else "-"


def _median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3g}" if values else "-"


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, run all rounds, print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.qido")
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--only", choices=["durchblick", "orthanc"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    kinds: dict[str, type[Server]] = {"durchblick": DurchblickWeb, "orthanc": OrthancWeb}
    studies = max(1, options.instances // _STUDY_SIZE)
    measurements = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as stack:
        running = []
        for key, kind in kinds.items():
            if options.only in (None, key):
                began = time.perf_counter()
                running.append(stack.enter_context(filled(kind, Path(name) / key, options.instances)))
                print(f"{key} filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        for number in range(options.rounds):
            for workload in workloads(studies):
                for connections in _CONNECTIONS:
                    for server, process in running if number % 2 == 0 else reversed(running):
                        one = measure(server, process, workload, studies, connections, options.seconds)
                        measurements.append(one)
    print(report(measurements))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


if __name__ == "__main__":
    main()
