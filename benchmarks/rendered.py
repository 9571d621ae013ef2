"""Rendered pictures of 512 x 512 slices by the gateway and by Orthanc with its DICOMweb plugin, in turns.

    python -m benchmarks rendered [--slices 1000] [--pictures 20] [--rounds 3] [--seconds 1] [--json FILE]

Both are filled with one series of so many slices, and some more in JPEG 2000, and then run side by side; one of them is
asked at a time, over one kept connection. Cold: pictures that were never asked for. Again: one picture over and over.
First: from a Study Instance UID, by way of searches for its series and instances, to a picture never asked for.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from pydicom.uid import JPEG2000Lossless

from benchmarks.client import JSON, Client
from benchmarks.comparison import Column, in_turns, options, tell
from benchmarks.processes import ServerProcess, running
from benchmarks.series import Series, compressed, native
from benchmarks.web_servers import Gateway, OrthancDicomWeb

_JPEG: Final = "image/jpeg"

Server = Gateway | OrthancDicomWeb
_SERVERS: Final[tuple[type[Server], ...]] = (Gateway, OrthancDicomWeb)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on one server in one round."""

    workload: str
    server: str
    ms: float
    """Median per picture, as the client sees it."""
    cpu_ms: float
    """Of the server's process tree, per picture."""


_COLUMNS: Final = (
    Column("ms / picture", lambda one: one.ms, "time ratio"),
    Column("CPU ms / picture", lambda one: one.cpu_ms, "CPU ratio"),
)


@dataclass(frozen=True, slots=True)
class Material:
    """What both servers are filled with."""

    native: Series
    jpeg_2000: Series


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
        self.client.get(next(self.native), _JPEG)

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
        return _timed(partial(self.client.get, path, _JPEG))

    def _from_study(self, path: str) -> None:
        study = "/".join(path.split("/")[:3])
        (series, *_) = json.loads(self.client.get(f"{study}/series", JSON))
        uid = series["0020000E"]["Value"][0]
        json.loads(self.client.get(f"{study}/series/{uid}/instances?limit=1", JSON))
        self.client.get(path, _JPEG)


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


def _paths(series: Series) -> Iterator[str]:
    """The rendered resource of each instance."""
    return (f"{instance}/rendered" for instance in series.instances)


@contextmanager
def asked(kind: type[Server], folder: Path, material: Material, chosen: argparse.Namespace) -> Iterator[Asking]:
    """The server with everything in it, on an empty folder."""
    folder.mkdir()
    server = kind(folder)
    with running(server, folder) as process:
        server.fill([*material.native.files, *material.jpeg_2000.files])
        paths = _paths(material.native), _paths(material.jpeg_2000)
        asking = Asking(server, process, Client(server), *paths, chosen.pictures, chosen.seconds)
        asking.warm()
        yield asking


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, run all rounds, print the report."""
    parser = options("rendered", rounds=3)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0)
    chosen = parser.parse_args(arguments)
    if chosen.slices <= chosen.rounds * (2 * chosen.pictures + 1):
        parser.error("there are fewer slices than pictures that were never asked for")
    measurements: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary, ExitStack() as stack:
        folder, slices = Path(temporary), native(chosen.slices)
        some = compressed(slices, chosen.rounds * chosen.pictures, JPEG2000Lossless, folder / "material")
        servers = [
            stack.enter_context(asked(kind, folder / kind.__name__, Material(slices, some), chosen))
            for kind in _SERVERS
            if kind.name.startswith(chosen.only)
        ]
        for number in range(chosen.rounds):
            for workload in chosen.workloads:
                for asking in in_turns(servers, number):
                    measurements += _tried(workload, asking)
    tell(measurements, _COLUMNS, chosen.json)


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
