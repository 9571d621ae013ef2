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
from typing import Any, Final, NamedTuple

import httpx2
import numpy as np
import pytest
from playwright.sync_api import Browser, Error

from tests.browser.conftest import BIRTH_DATE, fresh
from tests.browser.fox import Window as FirefoxWindow
from tests.browser.measure import Pixels, Seen
from tests.browser.stage import Window
from tests.browser.truth import UNREADABLE, Picture, pictures, written
from tests.support.bidi import Refusal, Session
from tests.support.corpus import SHARED, needs_shared, shared
from tests.support.gateway import Gateway, running

EVERY: Final = os.environ.get("PIXEL_TRUTH") == "every"
LEAST: Final = {"chromium": 799, "firefox": 799} if EVERY else {"chromium": 80, "firefox": 25}
_DRAW: Final = """async ([folder, root, uid, frames, at, marked, rendered]) => {
  const [{ Source }, grey, render, { Planes }] = await Promise.all(
    ["source", "grey", "render", "planes"].map((name) => import(`${folder}/${name}.js`)));
  const name = `${uid}:${frames}`;
  if (window.truth?.name !== name) {
    const source = new Source(root, name, { rows: 1, columns: 1 });
    await source.load();
    window.truth = { name, source };
  }
  const { source } = window.truth;
  const described = source.description(at);
  const { signal } = new AbortController();
  const read = (picture, planes) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [picture.width, picture.height];
    const context = copy.getContext("2d");
    context.drawImage(picture, 0, 0);
    for (const path of planes?.overlay.children ?? []) {
      context.fillStyle = path.getAttribute("fill");
      context.fill(new Path2D(path.getAttribute("d")));
    }
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    let text = "";
    for (let at = 0; at < data.length; at += 8192) {
      text += String.fromCharCode(...data.subarray(at, at + 8192));
    }
    return [copy.width, copy.height, btoa(text)];
  };
  const { pixelHeight, raw, voiLut } = described;
  if (!raw || voiLut) {
    return { pixelHeight, drawn: { picture: read(await source.rendered(at, signal)) } };
  }
  const frame = await source.stored(at, signal);
  const table = grey.greyTable(described, described.window ?? grey.automaticWindow(described, frame.samples));
  const drawn = {};
  for (const { kind, canvas, draw } of [render.renderer(() => {}), render.plainRenderer()]) {
    if (kind in drawn) {
      continue; // Without WebGL both are the same.
    }
    draw(frame, table);
    drawn[kind] = read(canvas);
    if (marked) {
      const stack = { index: at, isRaw: () => true, frames: new Map([[String(at), frame]]) };
      const planes = new Planes({ stack, source, layer: document.createElement("g"), addEventListener: () => {} });
      await planes.draw(at, source.dataSet(at), frame.samples, planes.drawn);
      drawn[`${kind} with overlays`] = read(canvas, planes);
    }
    canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  if (rendered) {
    drawn["picture"] = read(await source.rendered(at, signal));
  }
  return { pixelHeight, drawn };
}"""


class Drawn(NamedTuple):
    """A frame as a browser has it: the height of its pixels divided by their width, and each canvas by its kind."""

    height: float
    canvases: dict[str, Pixels]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, list[Picture]]]:
    """What the gateway has taken of the images of the shared data, which must be all of them."""
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
            listed = client.get(f"{gateway.dicomweb}/instances?limit=5000").json()
        placed = {one["00080018"]["Value"][0]: one["00081190"]["Value"][0] for one in listed}
        yield gateway, [picture.placed(placed[picture.uid]) for picture in found]


@pytest.fixture
def code(kept: tuple[Gateway, list[Picture]]) -> str:
    """The access code of a share of them all."""
    gateway, images = kept
    listed = [argument for study in sorted({picture.study for picture in images}) for argument in ("--study", study)]
    return str(gateway.answer("share", "create", *listed, "--birth-date", "19500131")["code"])


@pytest.fixture
def chromium_window(kept: tuple[Gateway, list[Picture]], code: str, chromium: Browser) -> Iterator[Window]:
    page = fresh(chromium).new_page()
    page.goto(kept[0].url)
    page.get_by_label("Zugangscode").fill(code)
    page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
    page.get_by_role("button", name="Bilder öffnen").click()
    page.locator("form[action='/logout']").first.wait_for()
    yield page
    page.context.close()


@pytest.fixture
def firefox_window(kept: tuple[Gateway, list[Picture]], code: str, firefox: Session) -> Iterator[Window]:
    window = FirefoxWindow(firefox)
    window.sign_in(kept[0].url, code, BIRTH_DATE)
    yield window
    window.close()


@needs_shared
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_every_image_is_drawn_as_pydicom_shows_it(
    kept: tuple[Gateway, list[Picture]], browser: str, request: pytest.FixtureRequest, record_property: Any
) -> None:
    gateway, images = kept
    if browser == "firefox" and not EVERY:
        images = list({picture.kind: picture for picture in images}.values())
    window: Window = request.getfixturevalue(f"{browser}_window")
    wrong: dict[str, str] = {}
    compared: Counter[str] = Counter()
    unreadable: set[str] = set()
    for picture in images:
        for frame in range(picture.frames if EVERY else 1):
            # How Firefox reads pictures is seen where there is nothing else to draw.
            rendered = picture.is_marked or (EVERY and browser == "chromium")
            drawn, expected = _drawn(gateway, window, picture, frame, rendered=rendered), picture.seen(frame)
            if drawn is None and expected is None:
                unreadable.add(picture.name)
                continue
            faults = _faults(drawn, expected)
            compared.update({"images": frame == 0, "frames": 1, "canvases": len(drawn.canvases) if drawn else 0})
            wrong |= {f"{picture.name}, frame {frame + 1}, {kind}": fault for kind, fault in faults.items()}
    figures = ", ".join(f"{number} {name}" for name, number in compared.items())
    named = f"{len(unreadable)} ({', '.join(sorted(unreadable))})"
    record_property(f"pixel truth in {browser}", f"{figures}; without measure: {named}")
    assert not wrong, "\n".join(f"{name}: {fault}" for name, fault in wrong.items())
    assert unreadable == UNREADABLE
    assert compared["frames"] >= LEAST[browser]


def _drawn(gateway: Gateway, window: Window, picture: Picture, frame: int, *, rendered: bool) -> Drawn | None:
    """A frame (from 0) as each renderer of the browser draws it, None where the gateway says that it cannot be had.

    `rendered` says that the server's picture is wanted too of what the browser draws by itself.
    """
    modules = f"{gateway.url}/static/js/viewer"
    asked = [modules, picture.series, picture.uid, picture.frames, frame, picture.is_marked, rendered]
    try:
        found = window.evaluate(_DRAW, asked)
    except (Error, Refusal):
        return None
    canvases = {
        kind: np.frombuffer(b64decode(encoded), np.uint8).reshape(height, width, 4)[:, :, :3]
        for kind, (width, height, encoded) in found["drawn"].items()
    }
    return Drawn(found["pixelHeight"], canvases)


def _faults(drawn: Drawn | None, expected: Seen | None) -> dict[str, str]:
    """What is wrong with each canvas: all must be the same within 1 of 255."""
    if expected is None or drawn is None:
        return {"": "nothing is drawn" if drawn is None else "drawn, although no decoder reads it"}
    found = {kind: _fault(canvas, _as_in(kind, expected)) for kind, canvas in drawn.canvases.items()}
    if abs(drawn.height / expected.height - 1) > 1e-6:
        found["height"] = f"pixels are {drawn.height} times as high as wide instead of {expected.height}"
    return {kind: fault for kind, fault in found.items() if fault}


def _as_in(kind: str, expected: Seen) -> Pixels:
    if kind == "picture":
        return expected.picture
    return expected.marked if kind.endswith("with overlays") else expected.pixels


def _fault(drawn: Pixels, expected: Pixels) -> str:
    """Empty if they are the same within 1 of 255."""
    if drawn.shape != expected.shape:
        return f"{drawn.shape} instead of {expected.shape}"
    most = int(np.abs(drawn.astype(int) - expected).max())
    return f"{most} of 255" if most > 1 else ""
