"""C-STORE into the gateway and into its peers, in turns: processor time per instance, and rate.

    python -m benchmarks ingest [--workloads ct-1 ct-4 ...] [--rounds 5] [--instances N] [--only NAME] [--json FILE]

Every server starts on an empty folder for every single measurement, so each instance is new, and what was kept is
counted. Processor time is that of the server's whole process tree.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.comparison import Column, in_turns, options, tell
from benchmarks.phantom_ct import Instance, large, slices, small
from benchmarks.processes import outcome
from benchmarks.receiving import received
from benchmarks.servers import (
    Durchblick,
    OneProcess,
    Orthanc,
    OrthancWithoutDelay,
    ReceivingOnly,
    Server,
    Storescp,
    program,
)

_WARMING: Final = 20

Sender = Callable[[Server, int, Path], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Workload:
    """What is sent how, and to whom; the gateway comes first, the others are what it is compared with."""

    title: str
    instances: Callable[[int], Sequence[Instance]]
    count: int
    associations: int
    send: Sender
    servers: tuple[type[Server], ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One sending of all instances to one freshly started server."""

    workload: str
    server: str
    cpu_ms: float
    """Of the server, per instance."""
    per_second: float
    megabytes_per_second: float
    growth_mb: float
    """Of resident memory, from the listening server to the last answer."""


def _lean(server: Server, associations: int, source: Path) -> dict[str, Any]:
    return outcome(
        [sys.executable, "-m", "benchmarks.sender", str(server.port), server.ae_title, str(associations), str(source)]
    )


def _dcmsend(server: Server, associations: int, source: Path) -> dict[str, Any]:
    """DCMTK's dcmsend with its defaults, from its start to its end."""
    files = [str(path) for path in sorted(source.iterdir())]
    command = [program("dcmsend"), "--call", server.ae_title, "127.0.0.1", str(server.port), *files]
    environment = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    began = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "succeeded": 0 if result.returncode else len(files), "failed": result.returncode}


_STORES: Final[tuple[type[Server], ...]] = (Durchblick, OneProcess, OrthancWithoutDelay)
WORKLOADS: Final = {
    "ct-1": Workload("CT 530 kB, 1 association", slices, 600, 1, _lean, _STORES),
    "ct-4": Workload("CT 530 kB, 4 associations", slices, 600, 4, _lean, _STORES),
    "dcmsend": Workload("CT 530 kB by dcmsend with its defaults", slices, 150, 1, _dcmsend, (Durchblick, Orthanc)),
    "receive": Workload("CT 530 kB, received only, 1 association", slices, 600, 1, _lean, (ReceivingOnly, Storescp)),
    "small-4": Workload("2.4 kB, 4 associations", small, 1500, 4, _lean, _STORES),
    "large": Workload("one multi-frame object of 524 MB", large, 1, 1, _lean, (Durchblick, Storescp)),
}


def measure(name: str, kind: type[Server], source: Path, warming: Path, folder: Path) -> Measurement:
    """Start a server on an empty folder, send everything, count, stop. RuntimeError when anything got lost."""
    workload = WORKLOADS[name]

    def warm(server: Server) -> dict[str, Any]:
        return _lean(server, 1, warming)

    def send(server: Server) -> dict[str, Any]:
        return workload.send(server, workload.associations, source)

    cost = received(kind, folder, warm, send)
    rate = sum(path.stat().st_size for path in source.iterdir()) / 1e6 / cost.seconds
    each = cost.cpu_ms / cost.instances, cost.instances / cost.seconds
    return Measurement(workload.title, kind.name, *each, rate, cost.growth_mb)


_COLUMNS: Final = (
    Column("CPU ms / instance", lambda one: one.cpu_ms, "CPU ratio"),
    Column("instances / s", lambda one: one.per_second, "rate ratio"),
    Column("MB / s", lambda one: one.megabytes_per_second),
    Column("growth, MB", lambda one: one.growth_mb),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all rounds and print the report."""
    parser = options("ingest", rounds=5)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--instances", type=int, help="instead of the number that belongs to each workload")
    chosen = parser.parse_args(arguments)
    measurements: list[Measurement] = []
    for name in chosen.workloads:
        measurements += _rounds(name, chosen)
    tell(measurements, _COLUMNS, chosen.json)


def _rounds(name: str, chosen: argparse.Namespace) -> list[Measurement]:
    workload, measurements = WORKLOADS[name], []
    kinds = [kind for kind in workload.servers if kind.name.startswith(chosen.only)]
    # Removed at the very end: a file system that has just removed thousands of files makes new ones slowly.
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        folder = Path(temporary)
        source, warming = folder / "source", folder / "warming"
        source.mkdir()
        warming.mkdir()
        for instance in slices(_WARMING):
            (warming / instance.sop_instance_uid).write_bytes(instance.data_set)
        for instance in workload.instances(chosen.instances or workload.count):
            (source / instance.sop_instance_uid).write_bytes(
                instance.file if workload.send is _dcmsend else instance.data_set
            )
        for number in range(chosen.rounds):
            for kind in in_turns(kinds, number):
                one = measure(name, kind, source, warming, folder / f"{number}-{kinds.index(kind)}")
                measurements.append(one)
                print(
                    f"{name} round {number + 1} {one.server}: {one.cpu_ms:.2f} ms, {one.per_second:.0f}/s",
                    file=sys.stderr,
                )
    return measurements


if __name__ == "__main__":
    main()
