"""Pixel truth over the real images of the shared data: the viewer's modules against pydicom, by every renderer.

One page does it all: it asks the gateway for each image as the viewer does and draws it with the viewer's modules.
Chromium draws with WebGL2 and Canvas2D, Firefox with Canvas2D. `make pixel-truth` looks at every frame of every image,
and this module by itself at first frames: in Chromium at one of each description and encoding of pixels, in Firefox,
which gets them decoded by the same server, at one of each description.
"""

import os
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import numpy as np
import pytest
from playwright.sync_api import Browser, Error

from tests.browser.conftest import BIRTH_DATE, fresh
from tests.browser.fox import Window as FirefoxWindow
from tests.browser.stage import Window
from tests.browser.truth import Oracle, Picture, Pixels, pictures, written
from tests.support.bidi import Refusal, Session
from tests.support.corpus import SHARED, needs_shared, shared
from tests.support.gateway import running

EVERY: Final = os.environ.get("PIXEL_TRUTH") == "every"
LEAST: Final = {"chromium": 700, "firefox": 700} if EVERY else {"chromium": 75, "firefox": 20}
_DRAW: Final = """async ([folder, root, uid, frames, at]) => {
  const [{ Source }, grey, render] = await Promise.all(
    ["source", "grey", "render"].map((name) => import(`${folder}/${name}.js`)));
  const source = new Source(root, `${uid}:${frames}`, { rows: 1, columns: 1 });
  await source.load();
  const described = source.description(at);
  const { signal } = new AbortController();
  const read = (drawn) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [drawn.width, drawn.height];
    const context = copy.getContext("2d");
    context.drawImage(drawn, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    let text = "";
    for (let at = 0; at < data.length; at += 8192) {
      text += String.fromCharCode(...data.subarray(at, at + 8192));
    }
    return [copy.width, copy.height, btoa(text)];
  };
  if (!described.raw || described.voiLut) {
    return { named: false, drawn: { picture: read(await source.rendered(at, signal)) } };
  }
  const frame = await source.stored(at, signal);
  const table = grey.greyTable(described, described.window ?? grey.automaticWindow(described, frame.samples));
  const drawn = {};
  for (const { kind, canvas, draw } of [render.renderer(() => {}), render.plainRenderer()]) {
    draw(frame, table);
    drawn[kind] = read(canvas);
    canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return { named: described.window !== null, drawn };
}"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Oracle, list[Picture]]]:
    """What the gateway has taken of the images of the shared data."""
    folder = tmp_path_factory.mktemp("truth")
    (inbox := folder / "inbox").mkdir()
    # Of what is broken nobody can say how it looks.
    images = pictures([path for path in shared(".") if path.relative_to(SHARED).parts[0] != "broken"])
    if not EVERY:
        images = list({picture.encoding: picture for picture in images if picture.is_small}.values())
    found = list(written(images, inbox))
    with running(folder) as gateway:
        gateway.run("import", str(inbox))
        token = gateway.answer("token", "create", "truth", "--allow", "read")["token"]
        with httpx2.Client(headers={"Authorization": f"Bearer {token}"}) as client:
            oracle = Oracle(gateway, client)
            yield oracle, [picture for picture in found if oracle.keeps(picture)]


@pytest.fixture
def code(kept: tuple[Oracle, list[Picture]]) -> str:
    """The access code of a share of them all."""
    oracle, images = kept
    studies = {str(picture.data_set.StudyInstanceUID) for picture in images}
    listed = [argument for study in sorted(studies) for argument in ("--study", study)]
    return str(oracle.gateway.answer("share", "create", *listed, "--birth-date", "19500131")["code"])


@pytest.fixture
def chromium_window(kept: tuple[Oracle, list[Picture]], code: str, chromium: Browser) -> Iterator[Window]:
    page = fresh(chromium).new_page()
    page.goto(kept[0].gateway.url)
    page.get_by_label("Zugangscode").fill(code)
    page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
    page.get_by_role("button", name="Bilder öffnen").click()
    page.locator("form[action='/logout']").first.wait_for()
    yield page
    page.context.close()


@pytest.fixture
def firefox_window(kept: tuple[Oracle, list[Picture]], code: str, firefox: Session) -> Iterator[Window]:
    window = FirefoxWindow(firefox)
    window.sign_in(kept[0].gateway.url, code, BIRTH_DATE)
    yield window
    window.close()


@needs_shared
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_every_image_is_drawn_as_pydicom_shows_it(
    kept: tuple[Oracle, list[Picture]], browser: str, request: pytest.FixtureRequest, record_property: Any
) -> None:
    oracle, images = kept
    if browser == "firefox" and not EVERY:
        images = list({picture.kind: picture for picture in images}.values())
    window: Window = request.getfixturevalue(f"{browser}_window")
    wrong: dict[str, str] = {}
    compared: Counter[str] = Counter()
    unmeasured: Counter[str] = Counter()
    for picture in images:
        for frame in range(picture.frames if EVERY else 1):
            named, drawn = _drawn(oracle, window, picture, frame)
            expected = oracle.expected(picture, frame, named=named)
            if isinstance(expected, str):
                unmeasured[expected] += 1
                continue
            compared.update({"images": frame == 0, "frames": 1, "canvases": len(drawn)})
            faults = {kind: _fault(canvas, expected) for kind, canvas in drawn.items()} or {"": "nothing is drawn"}
            wrong |= {f"{picture.name}, frame {frame + 1}, {kind}": fault for kind, fault in faults.items() if fault}
    figures = ", ".join(f"{number} {name}" for name, number in compared.items())
    record_property(f"pixel truth in {browser}", f"{figures}; nobody is the measure: {dict(unmeasured) or 0}")
    assert not wrong, "\n".join(f"{name}: {fault}" for name, fault in wrong.items())
    assert compared["frames"] >= LEAST[browser]


def _drawn(oracle: Oracle, window: Window, picture: Picture, frame: int) -> tuple[bool, dict[str, Pixels]]:
    """Whether the image names a window, and its frame (from 0) as each renderer of the browser draws it."""
    root, modules = f"/dicom-web{picture.series}", f"{oracle.gateway.url}/static/js/viewer"
    try:
        found = window.evaluate(_DRAW, [modules, root, picture.uid, picture.frames, frame])
    except (Error, Refusal):
        return False, {}
    return found["named"], {
        kind: np.frombuffer(b64decode(encoded), np.uint8).reshape(height, width, 4)[:, :, :3]
        for kind, (width, height, encoded) in found["drawn"].items()
    }


def _fault(drawn: Pixels, expected: Pixels) -> str:
    """Empty if they are the same within 1 of 255."""
    if drawn.shape != expected.shape:
        return f"{drawn.shape} instead of {expected.shape}"
    most = int(np.abs(drawn.astype(int) - expected).max())
    return f"{most} of 255" if most > 1 else ""
