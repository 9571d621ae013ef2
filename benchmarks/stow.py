"""STOW-RS at the gateway and at Orthanc with its DICOMweb plugin, in turns: processor time per instance, and rate.

    python -m benchmarks stow [--connections 1 4] [--rounds 5] [--requests 4] [--only NAME] [--json FILE]

Each request holds 50 CT slices of 530 kB as Part 10 files. Every server starts on an empty folder for every single
measurement, so each instance is new, and what was kept is counted. Processor time is that of the server's process tree.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.comparison import Column, in_turns, options, tell
from benchmarks.phantom_ct import Instance, slices
from benchmarks.processes import outcome
from benchmarks.receiving import received
from benchmarks.web_servers import DicomWebServer, Gateway, OrthancDicomWeb

_IN_A_REQUEST: Final = 50
_BOUNDARY: Final = "0123456789abcdef"
_SERVERS: Final[dict[str, Callable[[Path], DicomWebServer]]] = {
    Gateway.name: partial(Gateway, rights=("read", "write")),
    OrthancDicomWeb.name: OrthancDicomWeb,
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One sending of all instances to one freshly started server."""

    workload: str
    server: str
    cpu_ms: float
    """Of the server, per instance."""
    per_second: float
    growth_mb: float
    """Of resident memory, from the warmed server to the last answer."""


_COLUMNS: Final = (
    Column("CPU ms / instance", lambda one: one.cpu_ms, "CPU ratio"),
    Column("instances / s", lambda one: one.per_second, "rate ratio"),
    Column("growth, MB", lambda one: one.growth_mb),
)


def body(instances: Sequence[Instance]) -> bytes:
    """The multipart body of one request."""
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + one.file + b"\r\n" for one in instances) + f"--{_BOUNDARY}--\r\n".encode()


def measure(name: str, connections: int, source: Path, warming: Path, folder: Path) -> Measurement:
    """Start a server, send everything, count, stop. RuntimeError when anything got lost."""
    warm, send = partial(_send, 1, warming), partial(_send, connections, source)
    cost = received(_SERVERS[name], folder, warm, send)
    workload = f"{connections} connections" if connections > 1 else "1 connection"
    return Measurement(workload, name, cost.cpu_ms / cost.instances, cost.instances / cost.seconds, cost.growth_mb)


def _send(connections: int, source: Path, server: DicomWebServer) -> dict[str, Any]:
    token = server.headers.get("Authorization", "").removeprefix("Bearer ")
    sender = [sys.executable, "-m", "benchmarks.stow_sender", str(server.port), token, str(connections)]
    return outcome([*sender, str(source)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all rounds and print the report."""
    parser = options("stow", rounds=5)
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--requests", type=int, default=4)
    chosen = parser.parse_args(arguments)
    tell(_rounds(chosen), _COLUMNS, chosen.json)


def _rounds(chosen: argparse.Namespace) -> list[Measurement]:
    names = [name for name in _SERVERS if name.startswith(chosen.only)]
    measurements = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        folder = Path(temporary)
        source, warming = folder / "source", folder / "warming"
        source.mkdir()
        warming.mkdir()
        made = slices((chosen.requests + 1) * _IN_A_REQUEST)
        for number in range(chosen.requests + 1):
            some = made[number * _IN_A_REQUEST : (number + 1) * _IN_A_REQUEST]
            ((source / f"{number}") if number else (warming / "0")).write_bytes(body(some))
        for number in range(chosen.rounds):
            for connections in chosen.connections:
                for name in in_turns(names, number):
                    place = folder / f"{number}-{connections}-{names.index(name)}"
                    one = measure(name, connections, source, warming, place)
                    measurements.append(one)
                    told = f"{one.cpu_ms:.2f} ms, {one.per_second:.0f}/s"
                    print(f"round {number + 1}, {one.workload}, {one.server}: {told}", file=sys.stderr)
    return measurements


if __name__ == "__main__":
    main()
