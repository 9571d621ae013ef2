"""STOW-RS at the gateway and at Orthanc with its DICOMweb plugin, alternately: processor time per instance, and rate.

    python -m benchmarks.stow [--connections 1 4] [--rounds 5] [--requests 4] [--only NAME] [--json FILE]

Each request holds 50 CT slices of 530 kB as Part 10 files. Every server starts on an empty folder for every single
measurement, so each instance is new, and what was kept is counted. Processor time is that of the server's process tree.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.phantom_ct import Instance, slices
from benchmarks.processes import ServerProcess
from benchmarks.web_servers import DicomWebServer, DurchblickWeb, OrthancDicomWeb

_IN_A_REQUEST: Final = 50
_BOUNDARY: Final = "0123456789abcdef"
_SERVERS: Final[tuple[type[DicomWebServer], ...]] = (DurchblickWeb, OrthancDicomWeb)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One sending of all instances to one freshly started server."""

    server: str
    connections: int
    cpu_ms: float
    """Of the server, per instance."""
    per_second: float
    growth_mb: float
    """Of resident memory, from the warmed server to the last answer."""


def body(instances: Sequence[Instance]) -> bytes:
    """The multipart body of one request."""
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + one.file + b"\r\n" for one in instances) + f"--{_BOUNDARY}--\r\n".encode()


def measure(kind: type[DicomWebServer], connections: int, source: Path, warming: Path, folder: Path) -> Measurement:
    """Start a server, send everything, count, stop. RuntimeError when anything got lost."""
    folder.mkdir(parents=True)
    server = kind(folder)
    os.sync()
    process = ServerProcess(server.command, server.port, {}, folder / "log")
    try:
        warmed = _send(server, 1, warming)["succeeded"]
        cpu_before, memory_before = process.cpu_ms(), process.resident_mb()
        outcome = _send(server, connections, source)
        cpu_ms, growth = process.cpu_ms() - cpu_before, process.resident_mb() - memory_before
        stored, sent = server.stored() - warmed, outcome["succeeded"]
    finally:
        process.stop()
    if outcome["failed"] or stored != sent or cpu_ms == 0:
        raise RuntimeError(f"{kind.name}: {outcome}, stored {stored}, {cpu_ms} ms")
    return Measurement(kind.name, connections, cpu_ms / sent, sent / outcome["seconds"], growth)


def _send(server: DicomWebServer, connections: int, source: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.stow_sender", str(server.port), server.token, str(connections)]
    result = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False, timeout=300)
    if result.returncode:
        raise RuntimeError(result.stderr)
    outcome: dict[str, Any] = json.loads(result.stdout)
    return outcome


def report(measurements: Sequence[Measurement]) -> str:
    """A Markdown table of medians (least-greatest); ratios are the gateway's to that server within each round."""
    lines = [
        "| connections | server | CPU ms / instance | instances / s | growth, MB | CPU ratio | rate ratio |",
        f"|{'---|' * 7}",
    ]
    for connections in dict.fromkeys(one.connections for one in measurements):
        of_these = [one for one in measurements if one.connections == connections]
        own = [one for one in of_these if one.server == DurchblickWeb.name]
        for kind in _SERVERS:
            theirs = [one for one in of_these if one.server == kind.name]
            if theirs:
                lines.append(_row(connections, kind.name, own, theirs))
    return "\n".join(lines)


def _row(connections: int, server: str, own: Sequence[Measurement], theirs: Sequence[Measurement]) -> str:
    cells = [_spread([getattr(one, column) for one in theirs]) for column in ("cpu_ms", "per_second", "growth_mb")]
    for column in ("cpu_ms", "per_second") if own and own != list(theirs) else ():
        pairs = zip(own, theirs, strict=False)
        cells.append(_spread([getattr(a, column) / getattr(b, column) for a, b in pairs]))
    return f"| {connections} | {server} | {' | '.join(cells)} |"


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all rounds and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stow")
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4)
    parser.add_argument("--only", help="only servers whose name begins so")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    measurements = _rounds(options)
    print(report(measurements))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


def _rounds(options: argparse.Namespace) -> list[Measurement]:
    kinds = [kind for kind in _SERVERS if kind.name.startswith(options.only or "")]
    measurements = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        folder = Path(temporary)
        source, warming = folder / "source", folder / "warming"
        source.mkdir()
        warming.mkdir()
        made = slices((options.requests + 1) * _IN_A_REQUEST)
        for number in range(options.requests + 1):
            some = made[number * _IN_A_REQUEST : (number + 1) * _IN_A_REQUEST]
            ((source / f"{number}") if number else (warming / "0")).write_bytes(body(some))
        for number in range(options.rounds):
            turn = number % len(kinds) if kinds else 0
            for connections in options.connections:
                for kind in kinds[turn:] + kinds[:turn]:
                    place = folder / f"{number}-{connections}-{kinds.index(kind)}"
                    one = measure(kind, connections, source, warming, place)
                    measurements.append(one)
                    told = f"{one.cpu_ms:.2f} ms, {one.per_second:.0f}/s"
                    print(f"round {number + 1}, {connections} connections, {one.server}: {told}", file=sys.stderr)
    return measurements


if __name__ == "__main__":
    main()
