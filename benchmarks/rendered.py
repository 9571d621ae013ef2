"""Rendered pictures of 512 x 512 slices by the gateway and by Orthanc with its DICOMweb plugin, alternately.

    python -m benchmarks.rendered [--slices 1000] [--pictures 20] [--rounds 3] [--seconds 1] [--json FILE]

Both are filled with one series of so many slices, and some more in JPEG 2000, and then run side by side; one of them is
asked at a time, over one kept connection. Cold: pictures that were never asked for. Again: one picture over and over.
First: from a Study Instance UID, by way of searches for its series and instances, to a picture never asked for.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

import imagecodecs
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, generate_uid

from benchmarks.phantom_ct import slices
from benchmarks.processes import ServerProcess, free_port
from benchmarks.servers import program
from storage.storage import Storage, StorageSettings

_JSON: Final = "application/dicom+json"
_PLUGIN: Final = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on one server in one round."""

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


def _paths(files: Sequence[bytes]) -> Iterator[str]:
    """The rendered resource of each file."""
    for file in files:
        one = pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True)
        yield f"/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}/instances/{one.SOPInstanceUID}/rendered"


@dataclass(frozen=True, slots=True)
class Material:
    """What both servers are filled with."""

    native: list[bytes]
    jpeg_2000: list[bytes]


@dataclass(slots=True)
class Asking:
    """One server that runs, and the pictures that were never asked for yet."""

    server: Server
    process: ServerProcess
    client: Client
    native: Iterator[str]
    jpeg_2000: Iterator[str]
    pictures: int
    seconds: float

    def warm(self) -> None:
        """For the first request of all, children start."""
        self.client.get(next(self.native), "image/jpeg")

    def cold(self) -> list[float]:
        """Pictures of native slices."""
        return [self._picture(path) for path in islice(self.native, self.pictures)]

    def cold_jpeg_2000(self) -> list[float]:
        """Pictures of compressed slices."""
        return [self._picture(path) for path in islice(self.jpeg_2000, self.pictures)]

    def again(self) -> list[float]:
        """One picture over and over."""
        path, times, end = next(self.native), [], time.perf_counter() + self.seconds
        self._picture(path)
        while time.perf_counter() < end:
            times.append(self._picture(path))
        return times

    def first(self) -> list[float]:
        """Series of a study, first of its instances, picture."""
        return [_timed(partial(self._from_study, path)) for path in islice(self.native, self.pictures)]

    def _picture(self, path: str) -> float:
        return _timed(partial(self.client.get, path, "image/jpeg"))

    def _from_study(self, path: str) -> None:
        study = "/".join(path.split("/")[:3])
        (series, *_) = json.loads(self.client.get(f"{study}/series", _JSON))
        uid = series["0020000E"]["Value"][0]
        json.loads(self.client.get(f"{study}/series/{uid}/instances?limit=1", _JSON))
        self.client.get(path, "image/jpeg")


WORKLOADS: Final[dict[str, Callable[[Asking], list[float]]]] = {
    "native, cold": Asking.cold,
    "JPEG 2000, cold": Asking.cold_jpeg_2000,
    "native, again": Asking.again,
    "study UID to first picture": Asking.first,
}


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def measure(workload: str, asking: Asking) -> Measurement:
    """Ask one server. RuntimeError when it cannot do it."""
    # Servers close connections on which nobody asks.
    asking.client = Client(asking.server)
    before = asking.process.cpu_ms()
    times = WORKLOADS[workload](asking)
    cpu_ms = asking.process.cpu_ms() - before
    return Measurement(workload, asking.server.name, statistics.median(times), cpu_ms / len(times))


@contextmanager
def running(kind: type[Server], folder: Path, material: Material, options: argparse.Namespace) -> Iterator[Asking]:
    """The server with everything in it, on an empty folder."""
    folder.mkdir()
    server = kind(folder, [*material.native, *material.jpeg_2000])
    process = ServerProcess(server.command, server.port, server.environment, folder / "log")
    try:
        server.fill()
        paths = _paths(material.native), _paths(material.jpeg_2000)
        asking = Asking(server, process, Client(server), *paths, options.pictures, options.seconds)
        asking.warm()
        yield asking
    finally:
        process.stop()


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
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    if options.slices <= options.rounds * (2 * options.pictures + 1):
        parser.error("there are fewer slices than pictures that were never asked for")
    material = Material(native(options.slices), jpeg_2000(options.rounds * options.pictures))
    measurements: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary, ExitStack() as stack:
        servers = [
            stack.enter_context(running(kind, Path(temporary) / str(number), material, options))
            for number, kind in enumerate(SERVERS)
        ]
        for number in range(options.rounds):
            for workload in options.workloads:
                for asking in servers if number % 2 == 0 else servers[::-1]:
                    measurements += _tried(workload, asking)
    print(report(measurements))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


def _tried(workload: str, asking: Asking) -> list[Measurement]:
    """The measurement; none for what a server cannot do, such as JPEG 2000 without another plugin."""
    try:
        one = measure(workload, asking)
    except RuntimeError as error:
        print(f"{workload}: {asking.server.name} cannot: {str(error)[-120:]}", file=sys.stderr)
        return []
    print(f"{workload}: {one.server} {one.ms:.2f} ms, {one.cpu_ms:.2f} ms CPU", file=sys.stderr)
    return [one]


if __name__ == "__main__":
    main()
