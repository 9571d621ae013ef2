"""C-STORE into the gateway and into its peers, alternately: processor time per instance, and rate.

    python -m benchmarks.ingest [--workloads ct-1 ct-4 ...] [--rounds 5] [--instances N] [--only NAME] [--json FILE]

Every server starts on an empty folder for every single measurement, so each instance is new, and what was kept is
counted. Processor time is that of the server's whole process tree.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.phantom_ct import Instance, large, slices, small
from benchmarks.processes import ServerProcess
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
    return _outcome(
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


def _outcome(command: list[str]) -> dict[str, Any]:
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if result.returncode:
        raise RuntimeError(result.stderr)
    outcome: dict[str, Any] = json.loads(result.stdout)
    return outcome


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
    """Start a server on an empty folder, send everything, count, stop. RuntimeError when anything got lost.

    What lies in `warming` is sent before the clock starts: a server receives for months.
    """
    workload = WORKLOADS[name]
    folder.mkdir(parents=True)
    server = kind(folder)
    # What the one before left to be written must not be written now.
    os.sync()
    process = ServerProcess(server.command, server.port, server.environment, folder / "log")
    try:
        warmed = _lean(server, 1, warming)["succeeded"]
        cpu_before, memory_before = process.cpu_ms(), process.resident_mb()
        outcome = workload.send(server, workload.associations, source)
        cpu_ms, growth = process.cpu_ms() - cpu_before, process.resident_mb() - memory_before
        stored, sent = server.stored() - warmed, outcome["succeeded"]
    finally:
        process.stop()
    if outcome["failed"] or stored != sent or cpu_ms == 0:
        raise RuntimeError(f"{kind.name}: {outcome}, stored {stored}, {cpu_ms} ms")
    megabytes = sum(path.stat().st_size for path in source.iterdir()) / 1e6
    seconds = outcome["seconds"]
    return Measurement(name, kind.name, cpu_ms / sent, sent / seconds, megabytes / seconds, growth)


def report(measurements: Sequence[Measurement]) -> str:
    """A Markdown table of medians (least-greatest); ratios are the gateway's to that server within each round."""
    lines = [
        "| workload | server | CPU ms / instance | instances / s | MB / s | growth, MB | CPU ratio | rate ratio |",
        f"|{'---|' * 8}",
    ]
    for name in dict.fromkeys(one.workload for one in measurements):
        of_workload = [one for one in measurements if one.workload == name]
        own = [one for one in of_workload if one.server == WORKLOADS[name].servers[0].name]
        for server in WORKLOADS[name].servers:
            theirs = [one for one in of_workload if one.server == server.name]
            if theirs:
                lines.append(_row(WORKLOADS[name].title, server.name, own, theirs))
    return "\n".join(lines)


def _row(title: str, server: str, own: Sequence[Measurement], theirs: Sequence[Measurement]) -> str:
    columns = ("cpu_ms", "per_second", "megabytes_per_second", "growth_mb")
    cells = [_spread([getattr(one, column) for one in theirs]) for column in columns]
    for column in columns[:2]:
        pairs = list(zip(own, theirs, strict=False)) if own and own is not theirs and own != list(theirs) else []
        cells.append(_spread([getattr(a, column) / getattr(b, column) for a, b in pairs]) if pairs else "")
    return f"| {title} | {server} | {' | '.join(cells)} |"


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all rounds and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--instances", type=int, help="instead of the number that belongs to each workload")
    parser.add_argument("--only", help="only servers whose name begins so")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    measurements: list[Measurement] = []
    for name in options.workloads:
        measurements += _rounds(name, options)
    print(report(measurements))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


def _rounds(name: str, options: argparse.Namespace) -> list[Measurement]:
    workload, measurements = WORKLOADS[name], []
    kinds = [kind for kind in workload.servers if kind.name.startswith(options.only or "")]
    # Removed at the very end: a file system that has just removed thousands of files makes new ones slowly.
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        folder = Path(temporary)
        source, warming = folder / "source", folder / "warming"
        source.mkdir()
        warming.mkdir()
        for instance in slices(_WARMING):
            (warming / instance.sop_instance_uid).write_bytes(instance.data_set)
        for instance in workload.instances(options.instances or workload.count):
            (source / instance.sop_instance_uid).write_bytes(
                instance.file if workload.send is _dcmsend else instance.data_set
            )
        for number in range(options.rounds):
            turn = number % len(kinds) if kinds else 0
            for kind in kinds[turn:] + kinds[:turn]:
                one = measure(name, kind, source, warming, folder / f"{number}-{kinds.index(kind)}")
                measurements.append(one)
                print(
                    f"{name} round {number + 1} {one.server}: {one.cpu_ms:.2f} ms, {one.per_second:.0f}/s",
                    file=sys.stderr,
                )
    return measurements


if __name__ == "__main__":
    main()
