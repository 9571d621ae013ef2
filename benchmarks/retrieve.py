"""WADO-RS by the gateway, by Orthanc with its DICOMweb plugin, and by nginx from made files, in turns.

    python -m benchmarks retrieve [--workloads frame-16 ...] [--instances 1000] [--rounds 5] [--seconds 2] [--json FILE]

All of them hold the same series and run side by side; one of them is asked at a time. What each answers is looked at
once: it must hold the very bytes that were stored. nginx gives the gateway's answers, made beforehand, from files.
"""

import gzip
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.client import JSON, Client, on_the_wire
from benchmarks.comparison import Column, in_turns, options, tell
from benchmarks.processes import ServerProcess, outcome, running
from benchmarks.series import Series, compressed, native
from benchmarks.web_servers import DicomWebServer, Gateway, Nginx, OrthancDicomWeb, Question, WebServer
from storage.imaging.encoders import JPEG_LS

_MULTIPART: Final = 'multipart/related; type="{}"; transfer-syntax=*'
_FRAME: Final = _MULTIPART.format("application/octet-stream")
_DICOM: Final = _MULTIPART.format("application/dicom")
_FRAME_BYTES: Final = 512 * 512 * 2
_FRAMES: Final = 200
"""So many different frames are asked for in turn: viewers seldom want the same one twice."""

Running = list[tuple[WebServer, ServerProcess]]


@dataclass(frozen=True, slots=True)
class Material:
    """What all of them hold."""

    native: Series
    compressed: Series


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked in turn over how many connections, and how the answer to the first of it is known to be right."""

    title: str
    connections: int
    questions: Callable[[Material], list[Question]]
    is_right: Callable[[Material, bytes], bool]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on one server, for a few seconds."""

    workload: str
    server: str
    per_second: float
    megabytes_per_second: float
    first_byte_ms: float
    cpu_ms: float
    """Of the server's whole process tree, per request."""
    growth_mb: float
    """Of its resident memory."""


_COLUMNS: Final = (
    Column("requests / s", lambda one: one.per_second, "rate ratio"),
    Column("MB / s", lambda one: one.megabytes_per_second),
    Column("first byte, ms", lambda one: one.first_byte_ms),
    Column("CPU ms / request", lambda one: one.cpu_ms, "CPU ratio"),
    Column("growth, MB", lambda one: one.growth_mb),
)


def _frames(material: Material) -> list[Question]:
    return [Question(f"{instance}/frames/1", _FRAME) for instance in material.native.instances[:_FRAMES]]


def _compressed_frames(material: Material) -> list[Question]:
    return [Question(f"{instance}/frames/1", _FRAME) for instance in material.compressed.instances]


def _series(material: Material) -> list[Question]:
    return [Question(material.native.path, _DICOM)]


def _metadata(material: Material) -> list[Question]:
    return [Question(f"{material.native.path}/metadata", JSON, (("Accept-Encoding", "gzip"),))]


def _has_pixels(material: Material, body: bytes) -> bool:
    return material.native.files[0][-_FRAME_BYTES:] in body


def _has_codestream(material: Material, body: bytes) -> bool:
    """The last fragment ends before the sequence delimiter of eight bytes."""
    return material.compressed.files[0][-4096:-8] in body


def _has_instances(material: Material, body: bytes) -> bool:
    files = material.native.files
    count = body.count(b"Content-Type: application/dicom")
    return count == len(files) and all(file in body for file in (files[0], files[-1]))


def _has_data_sets(material: Material, body: bytes) -> bool:
    plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    return len(json.loads(plain)) == len(material.native.files)


WORKLOADS: Final = {
    "frame-1": Workload("native frame, 1 connection", 1, _frames, _has_pixels),
    "frame-16": Workload("native frame, 16 connections", 16, _frames, _has_pixels),
    "compressed-1": Workload("JPEG-LS frame as stored, 1 connection", 1, _compressed_frames, _has_codestream),
    "compressed-16": Workload("JPEG-LS frame as stored, 16 connections", 16, _compressed_frames, _has_codestream),
    "series": Workload("series as multipart", 1, _series, _has_instances),
    "metadata": Workload("metadata of the series", 1, _metadata, _has_data_sets),
}


def measure(
    server: WebServer, process: ServerProcess, name: str, questions: Sequence[Question], seconds: float
) -> Measurement:
    """Ask for about so many seconds, by a client process of its own."""
    workload = WORKLOADS[name]
    cpu_before, memory_before = process.cpu_ms(), process.resident_mb()
    command = [sys.executable, "-m", "benchmarks.fetcher", str(server.port), str(workload.connections), str(seconds)]
    told = outcome(command, b"".join(on_the_wire(server, question) for question in questions))
    requests, elapsed = told["requests"], told["seconds"]
    return Measurement(
        workload.title,
        server.name,
        requests / elapsed,
        told["bytes"] / elapsed / 1e6,
        told["first_byte_ms"],
        (process.cpu_ms() - cpu_before) / requests,
        process.resident_mb() - memory_before,
    )


def started(stack: ExitStack, folder: Path, made: Material, names: Sequence[str]) -> Running:
    """The three servers, running, filled, and asked once for everything."""
    questions = list(dict.fromkeys(question for name in names for question in WORKLOADS[name].questions(made)))
    for kind in (Gateway, OrthancDicomWeb, Nginx):
        (folder / kind.__name__).mkdir()
    keeping: list[DicomWebServer] = [kind(folder / kind.__name__) for kind in (Gateway, OrthancDicomWeb)]
    servers: Running = []
    for server in keeping:
        servers.append((server, stack.enter_context(running(server, folder / type(server).__name__))))
        server.fill([*made.native.files, *made.compressed.files])
    with Client(keeping[0]) as gateway:
        nginx = Nginx(folder / Nginx.__name__, gateway.ask, questions)
    servers.append((nginx, stack.enter_context(running(nginx, folder / Nginx.__name__))))
    for one, _ in servers:
        _check(one, made, names)
    return servers


def _check(server: WebServer, made: Material, names: Sequence[str]) -> None:
    with Client(server) as client:
        for name in names:
            if not WORKLOADS[name].is_right(made, client.ask(WORKLOADS[name].questions(made)[0])):
                raise RuntimeError(f"{server.name} does not answer what was stored: {name}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, run all rounds, print the report."""
    parser = options("retrieve", rounds=5)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=2)
    chosen = parser.parse_args(arguments)
    measurements: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary, ExitStack() as stack:
        folder, slices = Path(temporary), native(chosen.instances)
        made = Material(slices, compressed(slices, _FRAMES, JPEG_LS, folder / "material"))
        servers = [one for one in started(stack, folder, made, chosen.workloads) if one[0].name.startswith(chosen.only)]
        for number in range(chosen.rounds):
            for name in chosen.workloads:
                for server, process in in_turns(servers, number):
                    one = measure(server, process, name, WORKLOADS[name].questions(made), chosen.seconds)
                    measurements.append(one)
                    rate = f"{one.per_second:.1f}/s, first byte {one.first_byte_ms:.1f} ms, CPU {one.cpu_ms:.3f} ms"
                    print(f"round {number + 1} {name}: {server.name}: {rate}", file=sys.stderr)
    tell(measurements, _COLUMNS, chosen.json)


if __name__ == "__main__":
    main()
