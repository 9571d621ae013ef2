"""The budgets of the patient's viewer, measured in headless Chromium behind a slow line, and OHIF's beside them.

    python -m benchmarks viewer [--rounds 5] [--slices 300] [--older 600] [--only durchblick] [--json FILE]

Each round is a fresh browser window: nothing is in its cache. Both viewers show the same studies of the same gateway,
through lines of the same speed. Times are those of the page itself, from what the patient does to what he sees.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from benchmarks.comparison import options, spread, table
from benchmarks.line import Speed, slow_line
from benchmarks.processes import running
from benchmarks.script_sizes import script_sizes
from benchmarks.viewer_site import Filled, filled, serving_ohif
from benchmarks.viewer_visits import DESKTOP, PHONE, Ohif, Portal, Visit

CHROMIUM: Final = "/usr/bin/chromium"
_ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-background-networking")
_SLOWER: Final = 4
_CACHED: Final = 70
_AHEAD_MS: Final = 12_000

Viewer = Portal | Ohif


@dataclass(frozen=True, slots=True)
class Budget:
    """One line of the report: what is measured, in which unit, and the bar, which is a ceiling or a floor."""

    title: str
    unit: str
    bar: float
    floor: bool = False

    def is_kept(self, values: Sequence[float]) -> bool:
        """Whether the median reaches the bar."""
        middle = statistics.median(values)
        return middle >= self.bar if self.floor else middle <= self.bar


BUDGETS: Final = {
    "needed": Budget("script needed before the first image", "kB gzip", 0),
    "before": Budget("script loaded before the first image", "kB gzip", 5),
    "path": Budget("script of the patient's way", "kB gzip", 30),
    "all": Budget("all own script", "kB gzip", 100),
    "foreign": Budget("script of others", "kB gzip", 0),
    "weight": Budget("page weight, login to first image, without pixels", "kB", 60),
    "first": Budget("login sent to first image", "s", 0.8),
    "first_slow": Budget(f"the same, processor {_SLOWER} times slower", "s", 1.5),
    "full": Budget("its 16-bit frame, from the click on it", "s", 1.5),
    "full_slow": Budget(f"the same, processor {_SLOWER} times slower", "s", 2.5),
    "thumbnails": Budget("12 thumbnails of a study", "s", 1.0),
    "uncached": Budget("scrolling, not in the cache", "slices/s", 40, floor=True),
    "cached": Budget("scrolling, in the cache", "slices/s", 30, floor=True),
    "heap": Budget("heap after scrolling through the older study", "MB", 250),
}

_BESIDE: Final = {"process": "the whole process of that page, MB"}
"""Figures without a bar."""

Figures = dict[str, list[float]]


def _first(viewer: Viewer, browser: Browser) -> Iterator[tuple[str, float]]:
    for suffix, slower in (("", 1), ("_slow", _SLOWER)):
        with _visit(browser, PHONE, slower) as visit:
            yield f"first{suffix}", viewer.first_image(visit)
            if not suffix:
                yield "before", sum(visit.weights.script.values()) / 1000
                yield "weight", visit.weights.without_pixels / 1000
            if isinstance(viewer, Portal):
                yield f"full{suffix}", viewer.full_frame(visit)


def _thumbnails(viewer: Viewer, browser: Browser) -> Iterator[tuple[str, float]]:
    with _visit(browser, DESKTOP) as visit:
        viewer.first_image(visit)
        yield "thumbnails", viewer.thumbnails(visit)


def _scrolling(viewer: Viewer, browser: Browser, slices: int, older: int) -> Iterator[tuple[str, float]]:
    with _visit(browser, PHONE) as visit:
        viewer.first_image(visit)
        viewer.open(visit)
        yield "uncached", viewer.scroll(visit, slices - 2)
        # Back and forth, so that all of them have been there.
        for way in (-_CACHED, _CACHED):
            viewer.scroll(visit, way)
            viewer.rest(visit)
        yield "cached", viewer.scroll(visit, -_CACHED)
        viewer.open(visit, older=True)
        for _ in range(older // 100):
            viewer.scroll(visit, 100)
            viewer.rest(visit)
        # What is fetched ahead comes meanwhile.
        visit.page.wait_for_timeout(_AHEAD_MS)
        yield "heap", visit.heap_mb()
        yield "process", visit.process_mb()


@contextmanager
def _visit(browser: Browser, profile: dict[str, Any], slower: int = 1) -> Iterator[Visit]:
    visit = Visit(browser, profile, slower)
    try:
        yield visit
    finally:
        visit.close()


def measure(viewer: Viewer, browser: Browser, slices: int, older: int) -> Iterator[tuple[str, float]]:
    """Every figure of one round."""
    parts: tuple[Callable[[], Iterator[tuple[str, float]]], ...] = (
        lambda: _first(viewer, browser),
        lambda: _thumbnails(viewer, browser),
        lambda: _scrolling(viewer, browser, slices, older),
    )
    for part in parts:
        for name, value in part():
            print(f"{viewer.name}: {name} {value:.3g}", file=sys.stderr)
            yield name, value


@contextmanager
def served(filled_site: Filled, folder: Path) -> Iterator[int]:
    """The port of the line to the gateway that runs on what was filled."""
    with running(filled_site, folder), slow_line(filled_site.port, Speed()) as port:
        yield port


def report(figures: dict[str, Figures]) -> str:
    """A line for each budget: what was measured of each viewer, and whether ours keeps it."""
    own, *others = figures
    rows = []
    for name, budget in BUDGETS.items():
        measured = figures[own].get(name, [])
        kept = "yes" if measured and budget.is_kept(measured) else "NO"
        bar = f"{'>=' if budget.floor else '<='} {budget.bar:g} {budget.unit}"
        rows.append(
            [budget.title, bar, spread(measured), kept, *(spread(figures[one].get(name, [])) for one in others)]
        )
    for name, title in _BESIDE.items():
        rows.append([title, "", *(cell for one in figures for cell in (spread(figures[one].get(name, [])), ""))])
    return table(["budget", "bar", own, "kept", *others], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, run all rounds, print the report."""
    parser = options("viewer", rounds=5)
    parser.add_argument("--slices", type=int, default=300, help="of the newest study's first series")
    parser.add_argument("--older", type=int, default=600, help="of the older study's series")
    chosen = parser.parse_args(arguments)
    figures: dict[str, Figures] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        ohif = None if chosen.only else stack.enter_context(serving_ohif())
        line_to_ohif = stack.enter_context(slow_line(ohif.server_port, Speed())) if ohif else 0
        site = filled(folder, chosen.slices, chosen.older, f"http://127.0.0.1:{line_to_ohif}")
        port = stack.enter_context(served(site, folder))
        viewers: list[Viewer] = [Portal(f"http://127.0.0.1:{port}", site)]
        if ohif:
            ohif.point_at(f"http://127.0.0.1:{port}/dicom-web", site.token)
            viewers.append(Ohif(f"http://127.0.0.1:{line_to_ohif}", site))
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        stack.callback(browser.close)
        for number in range(chosen.rounds + 1):
            for viewer in viewers:
                found = figures.setdefault(viewer.name, {})
                if number == 0:
                    # For the first requests of all, children start.
                    list(_first(viewer, browser))
                    continue
                for name, value in measure(viewer, browser, chosen.slices, chosen.older):
                    found.setdefault(name, []).append(value)
    figures["durchblick"] |= script_sizes()
    print(report(figures))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
