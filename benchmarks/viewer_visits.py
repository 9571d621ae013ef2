"""One visit to each viewer by headless Chromium: what is timed, counted and weighed on the way.

Everything is seen from inside the page, by scripts that the browser's debugger puts there: an image is there when it
has been painted, a slice counts when a painted frame has shown it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, CDPSession, Error, Page, Response

from benchmarks.viewer_site import SERIES, Filled, birth_date_as_typed

PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 900}}
_PATIENCE: Final = 60.0
_PACE: Final = 60
"""Slices a second that somebody asks for who scrolls fast."""

# When each image of the page was painted, when a form was sent, and how slices are counted.
_EYES: Final = """(() => {
  const now = () => performance.timeOrigin + performance.now();
  const eyes = { painted: [], full: 0, slices: new Set() };
  window.eyes = eyes;
  for (const begun of ["submit", "click"]) {
    addEventListener(begun, () => sessionStorage.setItem(begun, now()), true);
  }
  const watch = () => {
    if (document.querySelector("#stage")?.dataset.quality === "full") {
      eyes.full = now();
    } else {
      requestAnimationFrame(watch);
    }
  };
  requestAnimationFrame(watch);
  document.addEventListener("load", ({ target }) => {
    if (target instanceof HTMLImageElement) {
      requestAnimationFrame(() => setTimeout(() => eyes.painted.push(now())));
    }
  }, true);
  addEventListener("CORNERSTONE_STACK_NEW_IMAGE", ({ detail }) => eyes.slices.add(detail.imageId), true);
  eyes.scroll = (slices, pace, step, look) => new Promise((done) => {
    eyes.slices.clear();
    const began = performance.now();
    let asked = 0;
    const go = () => {
      const passed = (performance.now() - began) / 1000;
      for (; asked < Math.min(slices, passed * pace); asked++) {
        step();
      }
      look(eyes.slices);
      if (asked < slices) {
        requestAnimationFrame(go);
      } else {
        done(eyes.slices.size / ((performance.now() - began) / 1000));
      }
    };
    requestAnimationFrame(go);
  });
})();"""
_SCROLL: Final = """([slices, pace, key]) => eyes.scroll(
  slices, pace,
  () => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })),
  (seen) => seen.add(document.querySelector("#stage").dataset.shown),
)"""
_WHEEL: Final = """([slices, pace, deltaY]) => {
  const viewport = document.querySelector(".cornerstone-viewport-element");
  const { x, y, width, height } = viewport.getBoundingClientRect();
  const place = { clientX: x + width / 2, clientY: y + height / 2, bubbles: true, cancelable: true };
  const turn = () => viewport.dispatchEvent(new WheelEvent("wheel", { deltaY, ...place }));
  return eyes.scroll(slices, pace, turn, () => {});
}"""
_DRAWN: Final = """(() => {
  const canvas = document.querySelector("canvas.cornerstone-canvas");
  const { width = 0, height = 0 } = canvas ?? {};
  const data = width && height ? canvas.getContext("2d").getImageData(0, 0, width, height).data : [];
  return new Set(data).size > 20 ? performance.now() / 1000 : 0;
})()"""


@dataclass
class Weights:
    """Bytes that came over the line, by what they were."""

    script: dict[str, int] = field(default_factory=dict)
    pixels: int = 0
    other: int = 0

    @property
    def without_pixels(self) -> int:
        """Pages, styles, texts, and scripts."""
        return self.other + sum(self.script.values())

    def add(self, response: Response) -> None:
        """Count the body as it was sent; what came from the browser's cache has none."""
        size = int(response.headers.get("content-length", 0))
        kind = response.headers.get("content-type", "")
        if "javascript" in kind:
            self.script[response.url] = size
        elif kind.startswith("image/jpeg") or "/frames/" in response.url:
            self.pixels += size
        else:
            self.other += size


class Visit:
    """A browser window that knows nothing of the viewer yet."""

    def __init__(self, browser: Browser, profile: dict[str, Any], slower: int = 1) -> None:
        """`slower`: how many times slower than this machine the browser's processor shall seem."""
        self.context: BrowserContext = browser.new_context(locale="de-DE", **profile)
        self.context.add_init_script(_EYES)
        self.page: Page = self.context.new_page()
        self.weights = Weights()
        self.page.on("response", self.weights.add)
        self.developer: CDPSession = self.context.new_cdp_session(self.page)
        if slower > 1:
            self.developer.send("Emulation.setCPUThrottlingRate", {"rate": slower})

    def until(self, found: Callable[[], Any]) -> Any:
        """What `found` finds as soon as it finds something."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if value := found():
                return value
            self.page.wait_for_timeout(20)
        raise RuntimeError(f"nothing came within {_PATIENCE:.0f} s at {self.page.url.partition('?')[0]}")

    def evaluate(self, expression: str) -> Any:
        """Its value on the page, nothing while one page gives way to another."""
        try:
            return self.page.evaluate(f"() => {expression}")
        except Error:
            return None

    def heap_mb(self) -> float:
        """JavaScript's heap, and the buffers that it holds outside, after its garbage is collected."""
        self.developer.send("HeapProfiler.collectGarbage")
        usage = self.developer.send("Runtime.getHeapUsage")
        return float(sum(usage[part] for part in ("usedSize", "embedderHeapUsedSize", "backingStorageSize"))) / 1e6

    def process_mb(self) -> float:
        """Memory that the largest of the browser's page processes has for itself: decoded pictures are in there too."""
        browser = self.context.browser
        assert browser is not None
        processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        statuses = [Path(f"/proc/{one['id']}/status").read_text() for one in processes if one["type"] == "renderer"]
        return max(int(status.partition("RssAnon:")[2].split()[0]) for status in statuses) / 1000

    def close(self) -> None:
        """Forget everything."""
        self.context.close()


class Portal:
    """The patient's way."""

    name = "durchblick"

    def __init__(self, origin: str, filled: Filled) -> None:
        self._origin, self._filled = origin, filled

    def first_image(self, visit: Visit) -> float:
        """Seconds from sending the login form to the first image of the newest study."""
        page = visit.page
        page.goto(self._origin)
        page.get_by_label("Zugangscode").fill(self._filled.code)
        page.get_by_label("Geburtsdatum").fill(birth_date_as_typed())
        page.get_by_role("button", name="Bilder öffnen").click(no_wait_after=True)
        page.locator(".hero-picture img").wait_for(timeout=1000 * _PATIENCE)
        return float(
            visit.until(
                lambda: visit.evaluate("eyes.painted.length && (eyes.painted[0] - sessionStorage.submit) / 1000")
            )
        )

    def full_frame(self, visit: Visit) -> float:
        """Seconds from a click on that image until its 16-bit frame is on the screen."""
        visit.page.locator(".hero-picture").click(no_wait_after=True)
        return float(visit.until(lambda: visit.evaluate("eyes.full && (eyes.full - sessionStorage.click) / 1000")))

    def thumbnails(self, visit: Visit) -> float:
        """Seconds from asking for the page of a study until the pictures of its series are painted."""
        visit.page.goto(f"{self._origin}/studies/{self._filled.studies.newest}", wait_until="commit")
        painted = f"eyes.painted.length >= {SERIES} && (eyes.painted[{SERIES - 1}] - performance.timeOrigin) / 1000"
        return float(visit.until(lambda: visit.evaluate(painted)))

    def open(self, visit: Visit, *, older: bool = False) -> None:
        """The first image of a series, until its 16-bit frame is there."""
        studies = self._filled.studies
        study, series = (studies.older, studies.older_series) if older else (studies.newest, studies.series)
        visit.page.goto(f"{self._origin}/studies/{study}/series/{series}?i=1")
        self.rest(visit)

    def scroll(self, visit: Visit, slices: int) -> float:
        """Slices a second that were painted of those asked for in a row; backwards if `slices` is negative."""
        key = "ArrowDown" if slices > 0 else "ArrowUp"
        return float(visit.page.evaluate(_SCROLL, [abs(slices), _PACE, key]))

    def rest(self, visit: Visit) -> None:
        """Until the slice that was asked for last is there with its 16 bits."""
        visit.until(lambda: visit.evaluate("document.querySelector('#stage')?.dataset.quality === 'full'"))


class Ohif:
    """A study opened by its address; there is no login."""

    name = "OHIF"

    def __init__(self, origin: str, filled: Filled) -> None:
        self._origin, self._filled = origin, filled

    def first_image(self, visit: Visit) -> float:
        """Seconds from the study's address to its first image, which is its 16-bit frame."""
        self._open(visit, self._filled.studies.newest)
        return self._drawn(visit)

    def thumbnails(self, visit: Visit) -> float:
        """Seconds from the address until the pictures of the series are painted, everything but them in the cache."""
        self._open(visit, self._filled.studies.newest)
        count = (
            "[...document.querySelectorAll('[data-cy=study-browser-thumbnail] img')].filter((i) => i.complete).length"
        )
        return float(visit.until(lambda: visit.evaluate(f"{count} >= {SERIES} && performance.now() / 1000")))

    def open(self, visit: Visit, *, older: bool = False) -> None:
        """A study, until its first image is there."""
        studies = self._filled.studies
        self._open(visit, studies.older if older else studies.newest)
        self._drawn(visit)

    def scroll(self, visit: Visit, slices: int) -> float:
        """As at the portal, by the wheel."""
        return float(visit.page.evaluate(_WHEEL, [abs(slices), _PACE, 100 if slices > 0 else -100]))

    def rest(self, visit: Visit) -> None:
        """It has no sign of it."""
        visit.page.wait_for_timeout(3000)

    def _open(self, visit: Visit, study: str) -> None:
        visit.page.goto(f"{self._origin}/viewer?StudyInstanceUIDs={study}", wait_until="commit")

    def _drawn(self, visit: Visit) -> float:
        return float(visit.until(lambda: visit.evaluate(_DRAWN)))
