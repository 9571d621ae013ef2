"""What stands on the viewer's stage, read through its documented data attributes and the canvas itself."""

import time
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import CDPSession, Page

from tests.support.patience import PATIENCE

# The visible canvas, one to one. WebGL canvases are read by drawing them on a plain one.
_READ: Final = """() => {
  const seen = [...document.querySelectorAll("[data-part=stage] canvas")].find((canvas) => !canvas.hidden);
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [seen.width, seen.height];
  const context = copy.getContext("2d");
  context.drawImage(seen, 0, 0);
  const { data } = context.getImageData(0, 0, seen.width, seen.height);
  let text = "";
  for (let at = 0; at < data.length; at += 4096) {
    text += String.fromCharCode(...data.subarray(at, at + 4096));
  }
  return [seen.width, seen.height, btoa(text)];
}"""


class Window(Protocol):
    """A page of Chromium or a window of Firefox."""

    def evaluate(self, expression: str, argument: Any = None, /) -> Any:
        """What a function in the page makes of the argument, as JSON has it."""


def state(page: Window) -> dict[str, str]:
    """The stage's data attributes."""
    found: dict[str, str] = page.evaluate("() => ({ ...document.querySelector('[data-part=stage]').dataset })")
    return found


def wait_for(page: Page, **wanted: str) -> dict[str, str]:
    """Until the stage says so; by `page.evaluate`, since wait_for_function needs an eval that our CSP forbids."""
    end = time.monotonic() + PATIENCE
    while True:
        found = state(page)
        if wanted.items() <= found.items():
            return found
        assert time.monotonic() < end, f"wanted {wanted}, found {found}"
        page.wait_for_timeout(20)


def until(page: Page, function: str, argument: Any = None) -> None:
    """Until a function in the page says yes."""
    end = time.monotonic() + PATIENCE
    while not page.evaluate(function, argument):
        assert time.monotonic() < end, function
        page.wait_for_timeout(20)


def pixels(page: Window) -> NDArray[np.uint8]:
    """The visible canvas, rows x columns x red, green, blue."""
    width, height, encoded = page.evaluate(_READ)
    return np.frombuffer(b64decode(encoded), np.uint8).reshape(height, width, 4)[:, :, :3]


def grey(page: Window) -> NDArray[np.uint8]:
    """The visible canvas, which must hold no colour, rows x columns."""
    found = pixels(page)
    assert (found == found[:, :, :1]).all()
    return found[:, :, 0]


def middle(page: Page) -> tuple[float, float]:
    """The middle of the stage in the window."""
    box: Any = page.locator("[data-part=stage]").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def stop_the_clock(page: Page) -> None:
    """From now on time passes in the page only by `page.clock.run_for`, however long the machine takes."""
    now = datetime.now(UTC)
    page.clock.install(time=now)
    page.clock.pause_at(now + timedelta(seconds=1))


class Fingers:
    """Touches by the browser's own input pipeline, 16 ms apart by their own clock, however slow the machine is."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._seconds = time.time()

    def rest(self, seconds: float) -> None:
        """Stay where they are for so long."""
        self._seconds += seconds

    def put(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        event = {"type": kind, "touchPoints": touches, "timestamp": self._seconds}
        self._session.send("Input.dispatchTouchEvent", event)
        self.rest(0.016)

    def drag(self, *path: tuple[float, float]) -> None:
        self.put("touchStart", path[0])
        for point in path[1:]:
            self.put("touchMove", point)
        self.put("touchEnd")

    def tap(self, point: tuple[float, float]) -> None:
        self.put("touchStart", point)
        self.put("touchEnd")
