"""INDEX.HTM in Firefox, from the disk.

Nobody can drive Debian's Firefox from outside, so a copy of the page gets a script that does what a reader does and
tells what it sees to a port of this test; the policy of the copy allows just that.
"""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from string import Template
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.browser.conftest import Site

FIREFOX: Final = shutil.which("firefox-esr") or shutil.which("firefox")
SECONDS: Final = 90
PREFERENCES: Final = {
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}

# A finger, a folder and a pair of eyes: waits until the stage says so, and notes what it says then.
READER: Final = Template("""
(async () => {
  const told = { problems: [] };
  addEventListener("error", (event) => told.problems.push(event.message));
  addEventListener("securitypolicyviolation", (event) => told.problems.push(event.violatedDirective));
  const stage = () => document.querySelector("[data-part=stage]").dataset;
  const until = async (holds) => {
    for (let turn = 0; turn < 600 && !holds(); turn++) {
      await new Promise((done) => setTimeout(done, 50));
    }
  };
  try {
    told.heading = document.querySelector("h1").textContent;
    told.notice = document.getElementById("notice").textContent;
    document.querySelector(".tile").click();
    await until(() => stage().shown === "61");
    told.first = { ...stage() };
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    await until(() => stage().shown === "62");
    told.second = { ...stage() };
    const bytes = Uint8Array.from(atob("$file"), (character) => character.charCodeAt(0));
    const file = new File([bytes], "$name");
    Object.defineProperty(file, "webkitRelativePath", { value: "Meine-Bilder/$path" });
    const example = new File([], "IN000001");
    Object.defineProperty(example, "webkitRelativePath", { value: "Meine-Bilder/DICOM/ST000001/SE000001/IN000001" });
    const folder = document.getElementById("folder");
    Object.defineProperty(folder, "files", { value: [example, file] });
    folder.dispatchEvent(new Event("change"));
    await until(() => stage().quality === "full");
    told.full = { ...stage() };
    const canvas = [...document.querySelectorAll("[data-part=stage] canvas")].find((one) => !one.hidden);
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    copy.getContext("2d").drawImage(canvas, 0, 0);
    const { data } = copy.getContext("2d").getImageData(0, 0, copy.width, copy.height);
    told.sum = data.reduce((sum, value, at) => sum + (at % 4 === 0 ? value : 0), 0);
  } catch (problem) {
    told.problems.push(String(problem));
  }
  new Image().src = "$beacon?told=" + encodeURIComponent(JSON.stringify(told));
})();
""")


@contextmanager
def listening() -> Iterator[tuple[str, "threading.Event", list[dict[str, Any]]]]:
    """An address of this machine, an event that somebody has told something there, and what that was."""
    told: list[dict[str, Any]] = []
    arrived = threading.Event()

    class Beacon(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.append(json.loads(parse_qs(urlsplit(self.path).query)["told"][0]))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Beacon) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/beacon", arrived, told
        finally:
            server.shutdown()
            serving.join()


def with_reader(page: str, script: str, beacon: str) -> str:
    """The page with one more script, and a policy that knows it."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = page.replace("script-src ", f"script-src &#x27;sha256-{digest}&#x27; ", 1)
    page = page.replace("img-src ", f"img-src {beacon} ", 1)
    return page.replace("</body>", f"<script>{script}</script></body>", 1)


@pytest.mark.skipif(FIREFOX is None, reason="firefox-esr is not installed")
def test_it_opens_from_the_disk_in_firefox_and_shows_originals(site: Site, unpacked: Path, tmp_path: Path) -> None:
    assert FIREFOX
    folder = tmp_path / "Meine-Bilder"
    shutil.copytree(unpacked, folder)
    path = "DICOM/ST000001/SE000001/IN000062"
    content = base64.b64encode((folder / path).read_bytes()).decode()
    profile = tmp_path / "profile"
    profile.mkdir()
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items())
    (profile / "user.js").write_text("\n".join(lines))
    with listening() as (beacon, arrived, told):
        script = READER.substitute(file=content, name="IN000062", path=path, beacon=beacon)
        index = folder / "INDEX.HTM"
        index.write_text(with_reader(index.read_text("utf-8"), script, beacon), encoding="utf-8")
        command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), index.as_uri()]
        firefox = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert arrived.wait(SECONDS), "Firefox told nothing"
        finally:
            firefox.terminate()
            firefox.wait()
    (seen,) = told
    assert seen["problems"] == []
    assert re.search("Erika Muster", seen["heading"]) and seen["notice"]
    assert (seen["first"]["shown"], seen["first"]["quality"]) == ("61", "preview")
    assert (seen["second"]["shown"], seen["second"]["quality"]) == ("62", "preview")
    assert (seen["full"]["shown"], seen["full"]["quality"]) == ("62", "full")
    assert seen["full"]["renderer"] in ("canvas2d", "webgl2")
    assert seen["sum"] == pytest.approx(_sum(site.studies["stack"][61]), rel=1e-3)


def _sum(image: Dataset) -> float:
    """All grey values of the image together in its own window."""
    values = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
    grey = (values - (float(image.WindowCenter) - 0.5)) / (float(image.WindowWidth) - 1) + 0.5
    return float(np.rint(np.clip(grey, 0, 1) * 255).sum())
