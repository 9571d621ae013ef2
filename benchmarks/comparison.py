"""What measurements of several servers have in common: turns, options, and a report of medians and ratios."""

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

_NOTHING: Final = ""
_THOUSAND: Final = 999.5


class Figures(Protocol):
    """One measurement, a dataclass: of which workload on which server."""

    @property
    def workload(self) -> str: ...

    @property
    def server(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Column:
    """A figure: its title, how it is read, and what its ratio to the first server's is called, if that is of use."""

    title: str
    figure: Callable[[Any], float]
    ratio: str = _NOTHING


def in_turns(servers: Sequence[T], round_number: int) -> list[T]:
    """The servers of one round: another one begins each time."""
    turn = round_number % len(servers) if servers else 0
    return [*servers[turn:], *servers[:turn]]


def options(name: str, rounds: int) -> argparse.ArgumentParser:
    """What can be said to each measurement of several servers."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--only", default="", help="only servers whose name begins so")
    parser.add_argument("--json", type=Path, help="a file for every single figure")
    return parser


def tell(measurements: Sequence[Any], columns: Sequence[Column], file: Path | None) -> None:
    """Print the report, and write the measurements to `file`."""
    print(report(measurements, columns))
    if file is not None:
        file.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


def report(measurements: Sequence[Figures], columns: Sequence[Column]) -> str:
    """A Markdown table, one line for each workload and server.

    Ratios are those of the server that was measured first in this workload to the one of the line, within each round.
    """
    compared = [column for column in columns if column.ratio]
    titles = ["workload", "server", *(one.title for one in columns), *(one.ratio for one in compared)]
    rows = []
    for workload in dict.fromkeys(one.workload for one in measurements):
        servers = {one.server: list[Figures]() for one in measurements if one.workload == workload}
        for one in measurements:
            if one.workload == workload:
                servers[one.server].append(one)
        own, *_ = servers.values()
        for server, figures in servers.items():
            cells = [spread([column.figure(one) for one in figures]) for column in columns]
            cells += [_NOTHING if figures is own else _ratios(column, own, figures) for column in compared]
            rows.append([workload, server, *cells])
    return table(titles, rows)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return "\n".join((*lines, *(f"| {' | '.join(row)} |" for row in rows)))


def spread(values: Sequence[float]) -> str:
    """Median (least-greatest), or only the value where there is but one; nothing of nothing."""
    if not values:
        return _NOTHING
    median, least, greatest = (_written(one) for one in (statistics.median(values), min(values), max(values)))
    return median if least == greatest else f"{median} ({least}-{greatest})"


def _written(value: float) -> str:
    """With three digits that count, and never with an exponent."""
    return f"{value:.3g}" if abs(value) < _THOUSAND else f"{value:.0f}"


def _ratios(column: Column, own: Sequence[Figures], others: Sequence[Figures]) -> str:
    pairs = [(column.figure(a), column.figure(b)) for a, b in zip(own, others, strict=False)]
    return spread([a / b for a, b in pairs if b])
