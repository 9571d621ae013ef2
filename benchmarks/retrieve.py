"""WADO-RS by the gateway, by Orthanc with its DICOMweb plugin, and by nginx from made files, alternately.

    python -m benchmarks.retrieve [--workloads frame-16 ...] [--instances 1000] [--rounds 5] [--seconds 2] [--json FILE]

All of them hold the same series and run side by side; one of them is asked at a time. What each answers is looked at
once: it must hold the very bytes that were stored. nginx gives the gateway's answers, made beforehand, from files.
"""

import argparse
import gzip
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.phantom_ct import slices
from benchmarks.processes import ServerProcess
from benchmarks.retrieve_servers import Gateway, Material, Nginx, OrthancDicomWeb, Question, WebServer, material

_MULTIPART: Final = 'multipart/related; type="{}"; transfer-syntax=*'
_FRAME: Final = _MULTIPART.format("application/octet-stream")
_DICOM: Final = _MULTIPART.format("application/dicom")
_FRAME_BYTES: Final = 512 * 512 * 2
_FRAMES: Final = 200
"""So many different frames are asked for in turn: viewers seldom want the same one twice."""

Running = Sequence[tuple[WebServer, ServerProcess]]


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


def _frames(material: Material) -> list[Question]:
    return [Question(frame, _FRAME) for frame in material.frames[:_FRAMES]]


def _compressed_frames(material: Material) -> list[Question]:
    return [Question(frame, _FRAME) for frame in material.compressed_frames]


def _series(material: Material) -> list[Question]:
    return [Question(material.series, _DICOM)]


def _metadata(material: Material) -> list[Question]:
    return [Question(f"{material.series}/metadata", "application/dicom+json", (("Accept-Encoding", "gzip"),))]


def _has_pixels(material: Material, body: bytes) -> bool:
    return material.files[0][-_FRAME_BYTES:] in body


def _has_codestream(material: Material, body: bytes) -> bool:
    """The last fragment ends before the sequence delimiter of eight bytes."""
    return material.compressed_files[0][-4096:-8] in body


def _has_instances(material: Material, body: bytes) -> bool:
    count = body.count(b"Content-Type: application/dicom")
    return count == len(material.files) and all(file in body for file in (material.files[0], material.files[-1]))


def _has_data_sets(material: Material, body: bytes) -> bool:
    plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    return len(json.loads(plain)) == len(material.files)


WORKLOADS: Final = {
    "frame-1": Workload("native frame, 1 connection", 1, _frames, _has_pixels),
    "frame-16": Workload("native frame, 16 connections", 16, _frames, _has_pixels),
    "compressed-1": Workload("JPEG-LS frame as stored, 1 connection", 1, _compressed_frames, _has_codestream),
    "compressed-16": Workload("JPEG-LS frame as stored, 16 connections", 16, _compressed_frames, _has_codestream),
    "series": Workload("series as multipart", 1, _series, _has_instances),
    "metadata": Workload("metadata of the series", 1, _metadata, _has_data_sets),
}


def ask(server: WebServer, question: Question) -> bytes:
    """One answer, read by the standard library. RuntimeError for any status but 200."""
    head, *lines = server.request(question).decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines if line)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("GET", head.split(" ")[1], headers=fields)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{server.name}: {answer.status} for {question.path}: {body[:300]!r}")
    return body


def measure(
    server: WebServer, process: ServerProcess, name: str, questions: Sequence[Question], seconds: float
) -> Measurement:
    """Ask for about so many seconds, by a client process of its own."""
    connections = WORKLOADS[name].connections
    cpu_before, memory_before = process.cpu_ms(), process.resident_mb()
    command = [sys.executable, "-m", "benchmarks.fetcher", str(server.port), str(connections), str(seconds)]
    asked = b"".join(server.request(question) for question in questions)
    client = subprocess.run(command, input=asked, capture_output=True, check=False, timeout=600)
    if client.returncode:
        raise RuntimeError(client.stderr.decode(errors="replace"))
    outcome: dict[str, Any] = json.loads(client.stdout)
    requests, elapsed = outcome["requests"], outcome["seconds"]
    return Measurement(
        name,
        server.name,
        requests / elapsed,
        outcome["bytes"] / elapsed / 1e6,
        outcome["first_byte_ms"],
        (process.cpu_ms() - cpu_before) / requests,
        process.resident_mb() - memory_before,
    )


def started(stack: ExitStack, folder: Path, made: Material, names: Sequence[str]) -> Running:
    """The three servers, running, filled, and asked once for everything."""
    questions = list(dict.fromkeys(question for name in names for question in WORKLOADS[name].questions(made)))
    files = [*made.files, *made.compressed_files]
    running: list[tuple[WebServer, ServerProcess]] = []

    def start(server: WebServer) -> WebServer:
        log = folder / f"{server.port}.log"
        process = ServerProcess(server.command, server.port, server.environment, log)
        stack.callback(process.stop)
        server.fill()
        running.append((server, process))
        return server

    folders = {kind: folder / kind.__name__ for kind in (Gateway, OrthancDicomWeb, Nginx)}
    for one in folders.values():
        one.mkdir()
    gateway = start(Gateway(folders[Gateway], files))
    start(OrthancDicomWeb(folders[OrthancDicomWeb], files))
    start(Nginx(folders[Nginx], lambda question: ask(gateway, question), questions))
    for server, _ in running:
        for name in names:
            if not WORKLOADS[name].is_right(made, ask(server, WORKLOADS[name].questions(made)[0])):
                raise RuntimeError(f"{server.name} does not answer what was stored: {name}")
    return running


def report(measurements: Sequence[Measurement]) -> str:
    """A Markdown table of medians (least-greatest); ratios are the gateway's to that server within each round."""
    lines = [
        "| workload | server | requests / s | MB / s | first byte, ms | CPU ms / request | growth, MB "
        "| rate ratio | CPU ratio |",
        f"|{'---|' * 9}",
    ]
    for name in dict.fromkeys(one.workload for one in measurements):
        of_workload = [one for one in measurements if one.workload == name]
        own = [one for one in of_workload if one.server == Gateway.name]
        for server in dict.fromkeys(one.server for one in of_workload):
            theirs = [one for one in of_workload if one.server == server]
            lines.append(_row(WORKLOADS[name].title, server, own, theirs))
    return "\n".join(lines)


def _row(title: str, server: str, own: Sequence[Measurement], theirs: Sequence[Measurement]) -> str:
    columns = ("per_second", "megabytes_per_second", "first_byte_ms", "cpu_ms", "growth_mb")
    cells = [_spread([getattr(one, column) for one in theirs]) for column in columns]
    for column in ("per_second", "cpu_ms"):
        pairs = [] if server == Gateway.name else list(zip(own, theirs, strict=False))
        ratios = [getattr(a, column) / getattr(b, column) for a, b in pairs if getattr(b, column)]
        cells.append(_spread(ratios) if ratios else "")
    return f"| {title} | {server} | {' | '.join(cells)} |"


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, run all rounds, print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieve")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    measurements: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        made = material(slices(options.instances), _FRAMES, folder / "material")
        running = started(stack, folder, made, options.workloads)
        for number in range(options.rounds):
            for name in options.workloads:
                turn = number % len(running)
                for server, process in [*running[turn:], *running[:turn]]:
                    one = measure(server, process, name, WORKLOADS[name].questions(made), options.seconds)
                    measurements.append(one)
                    rate = f"{one.per_second:.1f}/s, first byte {one.first_byte_ms:.1f} ms, CPU {one.cpu_ms:.3f} ms"
                    print(f"round {number + 1} {name}: {server.name}: {rate}", file=sys.stderr)
    print(report(measurements))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


if __name__ == "__main__":
    main()
