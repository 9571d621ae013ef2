"""Rendered pictures of 512 x 512 slices by the gateway and by Orthanc with its DICOMweb plugin, alternately.

    python -m benchmarks.rendered [--slices 60] [--rounds 3] [--seconds 2] [--json FILE]

Cold: each slice once, over one connection, straight after the start of the server. Again: one picture over and over.
First: from a Study Instance UID to the bytes of a picture, by way of a search for its series and instances.
"""

import argparse
import http.client
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import imagecodecs
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, generate_uid

from benchmarks.phantom_ct import slices
from benchmarks.processes import ServerProcess, free_port
from benchmarks.servers import program
from storage.storage import Storage, StorageSettings

_PLUGIN: Final = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on one freshly started server."""

    workload: str
    server: str
    ms: float
    """Median per picture, as the client sees it."""
    cpu_ms: float
    """Of the server's process tree, per picture."""


class Server(Protocol):
    """A web server with instances in it."""

    name: str
    port: int
    command: list[str]
    environment: dict[str, str]
    headers: dict[str, str]

    def __init__(self, folder: Path, files: Sequence[bytes]) -> None: ...

    def fill(self) -> None:
        """Put the instances into the running server."""


class Gateway:
    """The web role with a bearer token, over a storage that was filled before it started."""

    name = "durchblick"
    environment: dict[str, str] = {}

    def __init__(self, folder: Path, files: Sequence[bytes]) -> None:
        self.port = free_port()
        config = folder / "config.toml"
        sections = f"[http]\nport = {self.port}\n[dimse]\nport = {free_port()}\n"
        config.write_text(f'[storage]\nfolder = "data"\nfree_space_floor_mb = 1\n{sections}')
        storage = Storage.open(folder / "data", StorageSettings(free_space_floor=0))
        for file in files:
            incoming = storage.ingest.receive()
            incoming.write(file)
            storage.ingest.store(incoming, source="benchmark")
        storage.close()
        durchblick = [sys.executable, "-m", "gateway"]
        create = [*durchblick, "token", "create", "benchmark", "--allow", "read", "--json", "--config", str(config)]
        made = subprocess.run(create, capture_output=True, text=True, check=True)
        self.headers = {"Authorization": f"Bearer {json.loads(made.stdout)['token']}"}
        self.command = [*durchblick, "serve", "--config", str(config), "--role", "web"]

    def fill(self) -> None:
        """It has everything."""


class OrthancDicomWeb:
    """Debian's Orthanc with its DICOMweb plugin, as shipped, without Nagle's algorithm."""

    name = "Orthanc + DICOMweb"
    environment = {"TCP_NODELAY": "1"}
    headers: dict[str, str] = {}

    def __init__(self, folder: Path, files: Sequence[bytes]) -> None:
        self.port = free_port()
        self._files = files
        configuration = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": [_PLUGIN],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "DicomPort": free_port(),
            "HttpPort": self.port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
        }
        path = folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        self.command = [program("Orthanc"), str(path)]

    def fill(self) -> None:
        """Over its REST interface."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for file in self._files:
            connection.request("POST", "/instances", file)
            answer = connection.getresponse()
            if answer.read() and answer.status != 200:
                raise RuntimeError(f"Orthanc did not take an instance: {answer.status}")


SERVERS: Final[tuple[type[Server], ...]] = (Gateway, OrthancDicomWeb)


class Client:
    """One kept connection."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._headers = server.headers

    def get(self, path: str, accept: str) -> bytes:
        """The body of a 200; RuntimeError for anything else."""
        self._connection.request("GET", "/dicom-web" + path, headers=self._headers | {"Accept": accept})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return body


def native(count: int) -> list[bytes]:
    """Slices as files, not compressed."""
    return [instance.file for instance in slices(count)]


def jpeg_2000(count: int) -> list[bytes]:
    """The same slices in JPEG 2000 Lossless."""
    made = []
    for file in native(count):
        image = pydicom.dcmread(io.BytesIO(file))
        codestream = bytes(imagecodecs.jpeg2k_encode(image.pixel_array, level=0, codecformat="J2K"))
        image.PixelData = encapsulate([codestream])
        image["PixelData"].is_undefined_length = True
        image["PixelData"].VR = "OB"
        image.file_meta.TransferSyntaxUID = JPEG2000Lossless
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        target = io.BytesIO()
        image.save_as(target, enforce_file_format=True)
        made.append(target.getvalue())
    return made


def _paths(files: Sequence[bytes]) -> list[str]:
    found = [pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True) for file in files]
    return [
        f"/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}/instances/{one.SOPInstanceUID}/rendered"
        for one in found
    ]


def cold(client: Client, paths: Sequence[str], _: float) -> list[float]:
    """Each picture once, but for the one that was asked for already."""
    return [_timed(lambda path=path: client.get(path, "image/jpeg")) for path in paths[1:]]  # type: ignore[misc]


def again(client: Client, paths: Sequence[str], seconds: float) -> list[float]:
    """One picture over and over."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        times.append(_timed(lambda: client.get(paths[0], "image/jpeg")))
    return times


def first(client: Client, paths: Sequence[str], _: float) -> list[float]:
    """From a Study Instance UID to a picture that was never drawn: series, instances, picture."""
    study = paths[0].split("/")[2]
    return [_timed(lambda path=path: _from_study(client, study, path)) for path in paths[1:]]  # type: ignore[misc]


def _from_study(client: Client, study: str, path: str) -> None:
    (series, *_) = json.loads(client.get(f"/studies/{study}/series", "application/dicom+json"))
    uid = series["0020000E"]["Value"][0]
    json.loads(client.get(f"/studies/{study}/series/{uid}/instances?limit=1", "application/dicom+json"))
    client.get(path, "image/jpeg")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


Work = Callable[[Client, Sequence[str], float], list[float]]
WORKLOADS: Final[dict[str, tuple[Callable[[int], list[bytes]], Work]]] = {
    "native, cold": (native, cold),
    "JPEG 2000, cold": (jpeg_2000, cold),
    "native, again": (native, again),
    "study UID to first picture": (native, first),
}


def measure(workload: str, kind: type[Server], files: Sequence[bytes], folder: Path, seconds: float) -> Measurement:
    """Start a server on an empty folder, fill it, ask, stop. RuntimeError when it cannot do it."""
    folder.mkdir(parents=True)
    server = kind(folder, files)
    process = ServerProcess(server.command, server.port, server.environment, folder / "log")
    try:
        server.fill()
        client, paths = Client(server), _paths(files)
        # For the first request of all, children start.
        client.get(paths[0], "image/jpeg")
        before = process.cpu_ms()
        times = WORKLOADS[workload][1](client, paths, seconds)
        cpu_ms = process.cpu_ms() - before
    finally:
        process.stop()
    return Measurement(workload, kind.name, statistics.median(times), cpu_ms / len(times))


def report(measurements: Sequence[Measurement]) -> str:
    """A Markdown table of medians (least-greatest); the ratio is Orthanc's time to ours within each round."""
    lines = [
        "| workload | durchblick, ms | Orthanc + DICOMweb, ms | times faster | durchblick, CPU ms | Orthanc, CPU ms |",
        f"|{'---|' * 6}",
    ]
    for workload in dict.fromkeys(one.workload for one in measurements):
        own, other = (
            [one for one in measurements if (one.workload, one.server) == (workload, kind.name)] for kind in SERVERS
        )
        ratios = [b.ms / a.ms for a, b in zip(own, other, strict=False)]
        columns = [[one.ms for one in own], [one.ms for one in other], ratios]
        columns += [[one.cpu_ms for one in own], [one.cpu_ms for one in other]]
        lines.append(f"| {workload} | {' | '.join(_spread(column) for column in columns)} |")
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})" if values else "cannot"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all rounds and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rendered")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    measurements: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        for workload in options.workloads:
            files = WORKLOADS[workload][0](options.slices)
            for number in range(options.rounds):
                for kind in SERVERS if number % 2 == 0 else SERVERS[::-1]:
                    folder = Path(temporary) / f"{workload}-{number}-{kind.name}"
                    measurements += _tried(workload, kind, files, folder, options.seconds)
    print(report(measurements))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


def _tried(workload: str, kind: type[Server], files: Sequence[bytes], folder: Path, seconds: float) -> list[Any]:
    """The measurement; none for what a server cannot do, such as JPEG 2000 without another plugin."""
    try:
        one = measure(workload, kind, files, folder, seconds)
    except RuntimeError as error:
        print(f"{workload}: {kind.name} cannot: {str(error)[:160]}", file=sys.stderr)
        return []
    print(f"{workload}: {kind.name} {one.ms:.2f} ms, {one.cpu_ms:.2f} ms CPU", file=sys.stderr)
    return [one]


if __name__ == "__main__":
    main()
