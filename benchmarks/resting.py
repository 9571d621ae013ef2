"""The DIMSE role while nobody sends: how soon it takes the first association, what it then holds, what idling costs.

python -m benchmarks resting [--rounds 5] [--seconds 10]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.comparison import spread, table
from benchmarks.processes import free_port, running
from benchmarks.sender import Association

_IDLE_ASSOCIATIONS: Final = 8


class DimseRole:
    """The gateway's dimse role as it is started."""

    environment: dict[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        config = folder / "config.toml"
        config.write_text(f"[dimse]\nport = {self.port}\naccept_unknown_peers = true\n")
        self.command = [sys.executable, "-m", "gateway", "serve", "--role", "dimse", "--config", str(config)]


def measure(folder: Path, seconds: float) -> tuple[float, float, float]:
    """Seconds from the start of the process to its first accepted association, MB resident, and % of a core idle."""
    server = DimseRole(folder)
    began = time.perf_counter()
    with running(server, folder) as process, ExitStack() as associations:
        associations.enter_context(Association(server.port, "DURCHBLICK"))
        started = time.perf_counter() - began
        for _ in range(_IDLE_ASSOCIATIONS - 1):
            associations.enter_context(Association(server.port, "DURCHBLICK"))
        before = process.cpu_ms()
        time.sleep(seconds)
        return started, process.resident_mb(), (process.cpu_ms() - before) / (10 * seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print medians (least-greatest)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks resting")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    chosen = parser.parse_args(arguments)
    measured = []
    for _ in range(chosen.rounds):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            measured.append(measure(Path(folder), chosen.seconds))
    titles = (
        "start to first association, s",
        "resident memory, MB",
        f"{_IDLE_ASSOCIATIONS} idle associations, % of a core",
    )
    figures = zip(titles, zip(*measured, strict=True), strict=True)
    print(table(["figure", "median (least-greatest)"], [[title, spread(values)] for title, values in figures]))


if __name__ == "__main__":
    main()
