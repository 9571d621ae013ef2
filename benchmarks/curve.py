"""How the gateway's answers slow down as its archive grows: the same questions over indexes of several sizes.

    python -m benchmarks curve [--sizes 10000 100000 1000000] [--folder FOLDER] [--rounds 5] [--seconds 1] [--json FILE]

Each index is filled directly; the long series is stored with its files, so that it can be retrieved too. What `folder`
holds from an earlier run is used again; `--rounds 0` only fills it. The gateways run side by side and are asked in
turns, over one kept connection each.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

from benchmarks import archive
from benchmarks.client import Client
from benchmarks.comparison import in_turns, spread, table
from benchmarks.processes import running
from benchmarks.searches import Asked, alike, long_series, searches
from benchmarks.web_servers import Gateway

_SIZES: Final = (10_000, 100_000, 1_000_000)
_WARMING: Final = 3


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on an archive of so many instances: the median answer."""

    workload: str
    instances: int
    ms: float
    kilobytes: float


def measure(gateway: Gateway, workload: str, asked: Asked, instances: int, seconds: float) -> Measurement:
    """Ask for about so many seconds."""
    random, took, sizes = Random(workload), list[float](), list[int]()
    with Client(gateway) as client:
        for _ in range(_WARMING):
            client.ask(asked(random))
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end or not took:
            sizes.append(len(client.ask(asked(random))))
            took.append(1000 * (time.perf_counter() - began))
    return Measurement(workload, instances, statistics.median(took), statistics.mean(sizes) / 1000)


def filled(folder: Path, instances: int) -> Gateway:
    """A gateway over so many instances and the long series, which are made if they are not there."""
    if not folder.exists():
        began, making = time.perf_counter(), folder.with_name(f"{folder.name}.making")
        making.mkdir(parents=True, exist_ok=True)
        gateway = Gateway(making)
        gateway.fill_index(archive.instances(instances))
        gateway.fill(archive.part10(one) for one in long_series(archive.studies_in(instances)))
        making.rename(folder)
        print(f"{instances:,} instances entered in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return Gateway(folder)


def report(measurements: Sequence[Measurement]) -> str:
    """A Markdown table of medians (least-greatest) ; the ratio is that of the largest archive to the smallest."""
    sizes = sorted({one.instances for one in measurements})
    titles = [*(f"{size:,}, ms" for size in sizes), "kB", f"{sizes[-1]:,} / {sizes[0]:,}"]
    rows = []
    for workload in dict.fromkeys(one.workload for one in measurements):
        of_size = [[one for one in measurements if (one.workload, one.instances) == (workload, size)] for size in sizes]
        volumes = " - ".join(f"{statistics.mean(one.kilobytes for one in some):.3g}" for some in of_size)
        ratios = [last.ms / first.ms for first, last in zip(of_size[0], of_size[-1], strict=True)]
        cells = [spread([one.ms for one in some]) for some in of_size]
        rows.append([workload, *cells, volumes, spread(ratios)])
    return table(["question", *titles], rows)


def _rounds(folder: Path, chosen: argparse.Namespace) -> list[Measurement]:
    gateways = {size: filled(folder / str(size), size) for size in chosen.sizes}
    measurements = []
    with ExitStack() as stack:
        for size, gateway in gateways.items():
            stack.enter_context(running(gateway, folder / str(size)))
        asked = {size: searches(archive.studies_in(size)) | alike(archive.studies_in(size)) for size in chosen.sizes}
        for number in range(chosen.rounds):
            for workload in asked[chosen.sizes[0]]:
                for size in in_turns(chosen.sizes, number):
                    question = asked[size][workload]
                    measurements.append(measure(gateways[size], workload, question, size, chosen.seconds))
    return measurements


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, run all rounds, print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks curve")
    parser.add_argument("--rounds", type=int, default=5, help="0 only fills")
    parser.add_argument("--sizes", nargs="+", type=int, default=_SIZES)
    parser.add_argument("--folder", type=Path, help="where the archives are kept")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        measurements = _rounds(chosen.folder or Path(temporary), chosen)
    if measurements:
        print(report(measurements))
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


if __name__ == "__main__":
    main()
