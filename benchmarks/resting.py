"""The DIMSE role while nobody sends: how soon it takes the first association, what it then holds, what idling costs.

python -m benchmarks.resting [--rounds 5] [--seconds 10]
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.processes import ServerProcess, free_port
from benchmarks.sender import Association

_IDLE_ASSOCIATIONS: Final = 8


def measure(folder: Path, seconds: float) -> tuple[float, float, float]:
    """Seconds from the start of the process to its first accepted association, MB resident, and % of a core idle."""
    port = free_port()
    config = folder / "config.toml"
    config.write_text(f'[storage]\nfolder = "{folder / "data"}"\n[dimse]\nport = {port}\naccept_unknown_peers = true\n')
    command = [sys.executable, "-m", "gateway", "serve", "--role", "dimse", "--config", str(config)]
    began = time.perf_counter()
    process = ServerProcess(command, port, {}, folder / "log")
    try:
        with ExitStack() as associations:
            associations.enter_context(Association(port, "DURCHBLICK"))
            started = time.perf_counter() - began
            for _ in range(_IDLE_ASSOCIATIONS - 1):
                associations.enter_context(Association(port, "DURCHBLICK"))
            before = process.cpu_ms()
            time.sleep(seconds)
            return started, process.resident_mb(), (process.cpu_ms() - before) / (10 * seconds)
    finally:
        process.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print medians (least-greatest)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resting")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args(arguments)
    rows = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            rows.append(measure(Path(folder), options.seconds))
    titles = (
        "start to first association, s",
        "resident memory, MB",
        f"{_IDLE_ASSOCIATIONS} idle associations, % of a core",
    )
    print("| figure | median (least-greatest) |\n|---|---|")
    for title, values in zip(titles, zip(*rows, strict=True), strict=True):
        print(f"| {title} | {statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g}) |")


if __name__ == "__main__":
    main()
