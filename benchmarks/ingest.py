"""C-STORE into the gateway and into Orthanc, alternately: processor time per instance, and rate.

    python -m benchmarks.ingest [--instances 300] [--rounds 5] [--associations 1 4] [--only durchblick] [--json FILE]

Both servers start on an empty folder for every single measurement, so each instance is new and is stored, indexed and
counted. Processor time is that of the server's whole process tree.
"""

import argparse
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.phantom_ct import slices
from benchmarks.processes import ServerProcess, free_port

_ORTHANC: Final = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One sending of all instances to one freshly started server."""

    server: str
    associations: int
    cpu_ms: float
    per_second: float
    resident_mb: float


class Durchblick:
    """The gateway's DIMSE server: durable and indexed before it answers."""

    name = "durchblick"
    ae_title = "DURCHBLICK"
    environment: dict[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder / "data"
        self.command = [sys.executable, "-m", "benchmarks.dimse_node", str(self._folder), str(self.port)]

    def stored(self) -> int:
        """How many instances are indexed with their file present."""
        database = sqlite3.connect(self._folder / "durchblick.sqlite")
        keys = [key for (key,) in database.execute("SELECT blob_key FROM instance")]
        database.close()
        return sum((self._folder / "blobs" / key).is_file() for key in keys)


class Orthanc:
    """Debian's Orthanc, with what an administrator can do for its speed: no Nagle delay, long PDUs, no plugins."""

    name = "orthanc"
    ae_title = "ORTHANC"
    environment = {"TCP_NODELAY": "1"}

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._http_port = free_port()
        configuration = {
            "Name": "benchmark",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": [],
            "DicomAet": self.ae_title,
            "DicomPort": self.port,
            "DicomAlwaysAllowStore": True,
            "MaximumPduLength": 131_072,
            "HttpPort": self._http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
        }
        path = folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        self.command = [str(_ORTHANC), str(path)]

    def stored(self) -> int:
        """How many instances it says it has."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._http_port}/statistics", timeout=10) as answer:
            count: int = json.load(answer)["CountInstances"]
            return count


def measure(kind: type[Durchblick] | type[Orthanc], source: Path, associations: int) -> Measurement:
    """Start a server on an empty folder, send everything, count, stop. RuntimeError when anything got lost."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        server = kind(folder)
        process = ServerProcess(server.command, server.port, server.environment, folder / "log")
        try:
            before = process.cpu_ms()
            outcome = _send(server.port, server.ae_title, associations, source)
            cpu_ms, resident_mb = process.cpu_ms() - before, process.resident_mb()
            stored, sent = server.stored(), outcome["succeeded"]
        finally:
            process.stop()
        if outcome["failed"] or stored != sent or cpu_ms == 0:
            raise RuntimeError(f"{kind.name}: {outcome}, stored {stored}, {cpu_ms} ms")
        return Measurement(kind.name, associations, cpu_ms / sent, sent / outcome["seconds"], resident_mb)


def _send(port: int, ae_title: str, associations: int, source: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.sender", str(port), ae_title, str(associations), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if result.returncode:
        raise RuntimeError(result.stderr)
    outcome: dict[str, Any] = json.loads(result.stdout)
    return outcome


def report(measurements: Sequence[Measurement]) -> str:
    """A Markdown table of medians (least-greatest), with the ratios to Orthanc within each round."""
    lines = [
        "| associations | server | CPU ms / instance | instances / s | resident MB | CPU / Orthanc | rate / Orthanc |",
        "|---|---|---|---|---|---|---|",
    ]
    for associations in sorted({one.associations for one in measurements}):
        peer = _of(measurements, Orthanc.name, associations)
        for name in (Durchblick.name, Orthanc.name):
            own = _of(measurements, name, associations)
            if not own:
                continue
            figures = [[one.cpu_ms for one in own], [one.per_second for one in own], [one.resident_mb for one in own]]
            if peer:
                figures.append([a.cpu_ms / b.cpu_ms for a, b in zip(own, peer, strict=True)])
                figures.append([a.per_second / b.per_second for a, b in zip(own, peer, strict=True)])
            cells = [_spread(values) for values in figures] + ["-"] * (5 - len(figures))
            lines.append(f"| {associations} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _of(measurements: Sequence[Measurement], server: str, associations: int) -> list[Measurement]:
    return [one for one in measurements if one.server == server and one.associations == associations]


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all rounds and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--instances", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--associations", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--only", choices=[Durchblick.name, Orthanc.name])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    kinds: list[type[Durchblick] | type[Orthanc]] = [Durchblick]
    if _ORTHANC:
        kinds.append(Orthanc)
    else:
        print("Orthanc is not installed (Debian: apt-get install orthanc); measuring without it.", file=sys.stderr)
    kinds = [kind for kind in kinds if options.only in (None, kind.name)]
    measurements = _rounds(options, kinds)
    print(report(measurements))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


def _rounds(options: argparse.Namespace, kinds: list[type[Durchblick] | type[Orthanc]]) -> list[Measurement]:
    measurements = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        source = Path(name)
        for instance, data in slices(options.instances):
            (source / instance).write_bytes(data)
        for number in range(options.rounds):
            for associations in options.associations:
                for kind in kinds if number % 2 == 0 else reversed(kinds):
                    one = measure(kind, source, associations)
                    measurements.append(one)
                    print(
                        f"round {number + 1} {one.server} x{associations}: {one.cpu_ms:.2f} ms, {one.per_second:.0f}/s",
                        file=sys.stderr,
                    )
    return measurements


if __name__ == "__main__":
    main()
