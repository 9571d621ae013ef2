"""One tab of OHIF: what it opens, what stands in its viewports, and what it asked for and was answered."""

import re
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response, Route

from tests.support.patience import PATIENCE

# The canvas of a viewport, one to one. Cornerstone draws elsewhere and copies here, so that it may be read at any time.
_READ: Final = """(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  let text = "";
  for (let at = 0; at < data.length; at += 4096) {
    text += String.fromCharCode(...data.subarray(at, at + 4096));
  }
  return [width, height, btoa(text)];
}"""


@dataclass(frozen=True)
class Answer:
    """How the gateway answered one request of the viewer; `path` is below DICOMweb's root, with its query."""

    path: str
    status: int
    media_type: str
    asked: dict[str, str]
    """The header fields of the request."""

    @property
    def authorized(self) -> bool:
        return self.asked.get("authorization", "").startswith("Bearer ")


class Visit:
    """Opens the viewer in `page`, refuses it whatever lies outside of `viewer` and `dicomweb`, and keeps account."""

    def __init__(self, viewer: str, dicomweb: str, page: Page) -> None:
        self.page = page
        self.answers: list[Answer] = []
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        self.expected: set[str] = set()
        """Parts of complaints that a test explains."""
        self._viewer, self._dicomweb = viewer, dicomweb
        page.route(lambda url: not self._is_ours(url), self._refuse)
        page.on("response", self._answered)
        page.on("requestfailed", self._failed)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        # Who comes for the first time is shown around. Frames of PDF viewers have no such storage.
        page.add_init_script("window.localStorage?.setItem('shownTours', '[\"basicViewerTour\"]')")

    def studies(self) -> Locator:
        """The rows of the list of studies."""
        self.page.goto(self._viewer)
        rows = self.page.locator("tbody tr")
        rows.filter(has_text=re.compile(r"\d{4}")).first.wait_for(timeout=1000 * PATIENCE)
        return rows

    def open(self, study: str, token: str = "") -> None:
        """A study by its UID, in the mode for everything; `token` as links of other systems bring it."""
        self.page.goto(f"{self._viewer}/viewer?StudyInstanceUIDs={study}" + (f"&token={token}" if token else ""))

    def open_series(self, modality: str) -> None:
        """Put the first series without a picture of its own, by its modality, into the viewport."""
        series = self.page.locator("[data-cy=study-browser-thumbnail-no-image]").filter(has_text=modality)
        series.first.dblclick(timeout=1000 * PATIENCE)

    def pixels(self) -> NDArray[np.uint8]:
        """What the first viewport shows, rows x columns x red, green, blue."""
        canvas = self.page.locator("canvas.cornerstone-canvas").first
        width, height, encoded = canvas.evaluate(_READ, timeout=1000 * PATIENCE)
        return np.frombuffer(b64decode(encoded), np.uint8).reshape(height, width, 4)[:, :, :3]

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Until `holds`, which is looked at again and again, since the viewer draws when it likes."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, f"never came: {what}; complaints: {self.complaints()}"
            self.page.wait_for_timeout(100)

    def complaints(self) -> list[str]:
        """What must not have happened: refusals of ours, errors of the viewer, requests to the internet."""
        refused = [f"{one.status} for {one.path}" for one in self.answers if one.status >= 400]
        found = [*refused, *self.errors, *(f"asked for {url}" for url in self.elsewhere)]
        return [one for one in found if not any(part in one for part in self.expected)]

    def _is_ours(self, url: str) -> bool:
        # The browser's own PDF viewer is an extension.
        return url.startswith((f"{self._viewer}/", f"{self._dicomweb}/", "blob:", "data:", "chrome"))

    def _refuse(self, route: Route) -> None:
        self.elsewhere.append(route.request.url)
        route.abort()

    def _answered(self, response: Response) -> None:
        if response.url.startswith(self._dicomweb):
            path, media_type = response.url.removeprefix(self._dicomweb), response.headers.get("content-type", "")
            self.answers.append(Answer(path, response.status, media_type, response.request.headers))

    def _failed(self, request: Request) -> None:
        if self._is_ours(request.url) and request.failure != "net::ERR_ABORTED":
            self.errors.append(f"{request.failure} for {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.errors.append(f"console: {message.text}")
