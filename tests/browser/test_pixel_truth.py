"""Pixel truth over the real images of the shared data: the viewer's modules against pydicom, by both renderers.

One page does it all: it asks the gateway for each image as the viewer does and draws it with the viewer's modules. What
pydicom does not say (the window of images that name none, functional groups, lossy colour) is measured by the server's
rendered resource, which the tests of storage hold to pydicom and to golden pictures.
"""

from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from tests.browser.conftest import BIRTH_DATE
from tests.browser.pictures import shown_by_pydicom
from tests.support.corpus import needs_shared, shared
from tests.support.gateway import Gateway, running

FOLDERS: Final = ("modality", "transfer_syntax", "colour", "odd_legal", "objects")
_MOST_PIXELS: Final = 1 << 21
_LOSSY: Final = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in ("50", "51", "81", "91", "93", "203", "112"))
_SHAPES: Final = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing")
_DRAW: Final = """async ([folder, root, uid]) => {
  const [{ Source }, grey, render] = await Promise.all(
    ["source", "grey", "render"].map((name) => import(`${folder}/${name}.js`)));
  const source = new Source(root, uid, { rows: 1, columns: 1 });
  await source.load();
  const described = source.description(0);
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
    return { named: false, drawn: { picture: read(await source.rendered(0, signal)) } };
  }
  const frame = await source.stored(0, signal);
  const table = grey.greyTable(described, described.window ?? grey.automaticWindow(described, frame.samples));
  const drawn = {};
  for (const { kind, canvas, draw } of [render.renderer(() => {}), render.plainRenderer()]) {
    draw(frame, table);
    drawn[kind] = read(canvas);
    canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return { named: described.window !== null, drawn };
}"""

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that keeps the images of the shared data."""
    with running(tmp_path_factory.mktemp("truth")) as gateway:
        gateway.run("import", *map(str, {path.parent for path in _files()}))
        yield gateway


@needs_shared
def test_every_image_is_drawn_as_pydicom_shows_it(archive: Gateway, chromium: Browser) -> None:
    images = {str(data_set.SOPInstanceUID): data_set for data_set in map(_read, _files()) if data_set is not None}
    page = _signed_in(archive, chromium, {str(data_set.StudyInstanceUID) for data_set in images.values()})
    wrong: dict[str, Any] = {}
    compared = 0
    for uid, data_set in images.items():
        series = f"/studies/{data_set.StudyInstanceUID}/series/{data_set.SeriesInstanceUID}"
        if page.request.get(f"{archive.dicomweb}{series}/instances/{uid}/metadata").status != 200:
            continue
        root = f"/dicom-web{series}"
        found = page.evaluate(_DRAW, [f"{archive.url}/static/js/viewer", root, uid])
        expected = _expected(page, f"{archive.url}{root}/instances/{uid}", data_set, named=found["named"])
        for kind, (width, height, encoded) in found["drawn"].items():
            drawn = np.frombuffer(b64decode(encoded), np.uint8).reshape(height, width, 4)[:, :, :3]
            if expected is None:
                continue
            compared += 1
            if drawn.shape != expected.shape:
                wrong[f"{data_set.filename} {kind}"] = (drawn.shape, expected.shape)
            elif (most := int(np.abs(drawn.astype(int) - expected).max())) > 1:
                wrong[f"{data_set.filename} {kind}"] = most
    page.context.close()
    assert not wrong, "\n".join(f"{name}: {most}" for name, most in wrong.items())
    assert compared > 100


def _files() -> list[Path]:
    return [path for path in shared(*FOLDERS) if "video" not in path.name]


def _read(path: Path) -> Dataset | None:
    """What is an image of a reasonable size that pydicom decodes too."""
    try:
        data_set = pydicom.dcmread(path)
        small = 0 < data_set.Rows * data_set.Columns <= _MOST_PIXELS
        if not small or "PixelData" not in data_set or "StudyInstanceUID" not in data_set:
            return None
        pixel_array(data_set, index=0)
    except Exception:
        return None
    return data_set


def _signed_in(gateway: Gateway, chromium: Browser, studies: set[str]) -> Page:
    listed = [argument for study in sorted(studies) for argument in ("--study", study)]
    code = gateway.answer("share", "create", *listed, "--birth-date", "19500131")["code"]
    page = chromium.new_context(locale="de-DE").new_page()
    page.goto(gateway.url)
    page.get_by_label("Zugangscode").fill(code)
    page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
    page.get_by_role("button", name="Bilder öffnen").click()
    page.get_by_role("link", name="Abmelden").or_(page.get_by_role("button", name="Abmelden")).first.wait_for()
    return page


def _expected(page: Page, address: str, data_set: Dataset, *, named: bool) -> Pixels | None:
    """Rows x columns x red, green, blue; None where nobody is the measure.

    That is where a browser follows a colour profile, and where the server draws overlays or stretches pixels that are
    not square.
    """
    if "ICCProfile" in data_set:
        return None
    said = _by_pydicom(data_set, named=named)
    if said is None:
        stretched = any(len({*data_set.get(keyword, ())}) > 1 for keyword in _SHAPES)
        if stretched or 0x60000010 in data_set:
            return None
        answer = page.request.get(f"{address}/frames/1/rendered?accept=image/png")
        said = np.asarray(Image.open(BytesIO(answer.body())).convert("RGB"))
    return said if said.ndim == 3 else np.repeat(said[:, :, np.newaxis], 3, axis=2)


def _by_pydicom(data_set: Dataset, *, named: bool) -> Pixels | None:
    """None for what pydicom says nothing of, or what its decoders round differently."""
    if "SharedFunctionalGroupsSequence" in data_set or data_set.file_meta.TransferSyntaxUID in _LOSSY:
        return None
    if data_set.SamplesPerPixel == 3 and data_set.BitsStored == 8:
        return np.asarray(pixel_array(data_set, index=0), np.uint8)
    if data_set.PhotometricInterpretation == "PALETTE COLOR" and "RedPaletteColorLookupTableData" in data_set:
        colours = apply_color_lut(pixel_array(data_set, index=0), data_set)
        return (colours >> 8).astype(np.uint8) if colours.dtype.itemsize == 2 else np.asarray(colours, np.uint8)
    return shown_by_pydicom(pixel_array(data_set, index=0), data_set) if named else None
