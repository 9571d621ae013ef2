"""The patient's viewer in Debian's Firefox, which has no WebGL here: the way in, gestures, pixels, and the disk."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import StorageState

from tests.browser.axe import violations_in_firefox
from tests.browser.conftest import BIRTH_DATE, Site, issued
from tests.browser.fox import DESKTOP, PHONE, Point, Window
from tests.browser.pictures import VARIANTS, expected
from tests.browser.stage import grey
from tests.support.bidi import Session
from tests.support.firefox import running

STAGE = "[data-part=stage]"
_CHANGED = """(before) => {
  const now = { ...document.querySelector("[data-part=stage]").dataset };
  return Object.entries(before).every(([name, value]) => now[name] !== value) && now;
}"""
# Once all has come that the page fetches for the next one.
_AHEAD = """() => new Promise((done) => {
  const wanted = document.querySelector("[data-later]").dataset.later.split(" ");
  const look = () => {
    const came = performance.getEntriesByType("resource").filter((one) => one.responseEnd);
    if (wanted.every((url) => came.some((one) => one.name.endsWith(url)))) {
      done();
    }
  };
  new PerformanceObserver(look).observe({ type: "resource", buffered: true });
})"""
# How many of the viewer's scripts came out of the browser's store, once that are more than `least`.
_KEPT = """(least) => new Promise((done) => {
  const look = () => {
    const kept = performance.getEntriesByType("resource")
      .filter((one) => one.name.includes("/js/viewer/") && one.transferSize === 0 && one.decodedBodySize > 0);
    if (kept.length > least) {
      done(kept.length);
    }
  };
  new PerformanceObserver(look).observe({ type: "resource", buffered: true });
})"""


@pytest.fixture
def window(firefox: Session) -> Iterator[Window]:
    """In which nobody has signed in."""
    window = Window(firefox)
    yield window
    window.close()
    assert window.complaints == []


@pytest.fixture(params=[DESKTOP], ids=["desktop"])
def patient(firefox: Session, session: StorageState, request: pytest.FixtureRequest) -> Iterator[Window]:
    """In which the patient has signed in already."""
    window = Window(firefox, request.param)
    window.restore(session)
    yield window
    window.close()
    assert window.complaints == []


phone = pytest.mark.parametrize("patient", [PHONE], indirect=True, ids=["phone"])


def _shows(window: Window, number: int) -> None:
    assert window.wait_for(shown=str(number), quality="full")["renderer"] == "canvas2d"
    assert abs(int(grey(window)[5, 5]) - 2 * number) <= 1, "image n is of the grey 2n"
    assert window.evaluate("() => document.querySelector('#count').innerText") == f"Bild {number} von 120"


def _asked_for(window: Window) -> int:
    return int(window.read("() => document.querySelector('#slider').value"))


def _center(window: Window) -> float:
    """Of the window, once it is another than that of the image."""
    return float(window.until(_CHANGED, {"window": "128 256"})["window"].split()[0])


def _begin(window: Window, site: Site) -> Point:
    """At image 60 of the stack; the middle of the stage."""
    window.goto(f"{site.series('stack')}?i=60")
    _shows(window, 60)
    return window.find(STAGE)


def test_from_the_code_to_an_image_and_out_again(site: Site, window: Window) -> None:
    window.sign_in(site.gateway.url, issued(site.gateway)[0], BIRTH_DATE)
    assert "Erika Muster" in window.evaluate("() => document.querySelector('h1').innerText")
    window.until("() => document.querySelector('.hero-picture img').naturalWidth > 0")
    assert violations_in_firefox(window) == ""
    window.evaluate(_AHEAD)
    with window.leaving():
        window.click(".hero a.primary")
    _shows(window, 61)
    assert window.evaluate(_KEPT, 20) > 20, "the page before has fetched the viewer's scripts already"
    window.press("ArrowDown")
    _shows(window, 62)
    assert violations_in_firefox(window) == ""
    with window.leaving():
        window.click("form[action='/logout'] button")
    window.until("() => document.querySelector('[role=alert]')?.innerText.includes('Sie sind abgemeldet')")
    # The viewer still fetched ahead.
    assert all(complaint.startswith("401 for ") for complaint in window.complaints)
    window.complaints.clear()


def test_without_script(site: Site, tmp_path: Path) -> None:
    with running(tmp_path, **{"javascript.enabled": False}) as session:
        window = Window(session, PHONE)
        window.sign_in(site.gateway.url, issued(site.gateway)[0], BIRTH_DATE)
        with window.leaving():
            window.drag(window.middle(".hero a.primary"))
        assert window.read("() => document.querySelector('#count').innerText") == "Bild 61 von 120"
        before = window.seen()
        with window.leaving():
            window.drag(window.middle("a[rel=next]"))
        assert window.read("() => document.querySelector('#count').innerText") == "Bild 62 von 120"
        x, y = window.middle("#picture")
        painted = [int(shot[int(y), int(x), 0]) for shot in (before, window.seen())]
        assert painted == pytest.approx([122, 124], abs=1), "image n is of the grey 2n"
        assert window.complaints == []


def test_keys_and_wheel(site: Site, patient: Window) -> None:
    middle = _begin(patient, site)
    for key, number in (("ArrowDown", 61), ("ArrowLeft", 60), ("PageDown", 70), ("Home", 1), ("End", 120)):
        patient.press(key)
        _shows(patient, number)
    patient.wheel(middle, *(-100,) * 5)
    _shows(patient, 115)
    patient.wheel(middle, *(10,) * 8)
    _shows(patient, 117)


def test_mouse(site: Site, patient: Window) -> None:
    x, y = _begin(patient, site)
    patient.drag((x, y), (x, y - 10), (x, y - 130))
    assert 60 < _asked_for(patient) <= 90
    _shows(patient, _asked_for(patient))
    patient.drag((x, y), (x, y - 80), button=2)
    assert _center(patient) < 128
    patient.drag((x, y), times=2)
    patient.wait_for(zoom="2.50")


@phone
def test_fingers(site: Site, patient: Window) -> None:
    x, y = _begin(patient, site)
    patient.touch(((x, y), (x, y - 10), (x, y - 40), (x, y - 70)))
    assert _asked_for(patient) > 60, "up is forward"
    _shows(patient, _asked_for(patient))
    patient.touch(((x, y), (x, y + 10), (x, y + 40), (x, y + 70)))
    _shows(patient, 60)
    spread = (30, 40, 60, 80, 90)
    patient.touch(tuple((x - one, y) for one in spread), tuple((x + one, y) for one in spread))
    patient.until("() => Number(document.querySelector('[data-part=stage]').dataset.zoom) > 2.5")
    assert float(patient.wait_for(shown="60")["zoom"]) < 3.5
    patient.touch(((x, y),), times=2)
    patient.wait_for(zoom="1.00", shown="60")
    patient.touch(((x, y), (x, y - 20), (x, y - 60)), still=0.65)
    assert _center(patient) < 128, "a long press changes brightness"
    assert _asked_for(patient) == 60


def test_every_encoding_equals_pydicom(site: Site, patient: Window) -> None:
    patient.goto(f"{site.series('encodings')}?i=1")
    differences = {}
    for number, (variant, data_set) in enumerate(zip(VARIANTS, site.studies["encodings"], strict=True), 1):
        if number > 1:
            patient.press("ArrowDown")
        patient.wait_for(shown=str(number), quality="full", renderer="canvas2d")
        differences[variant.name] = int(np.abs(grey(patient).astype(int) - expected(data_set)).max())
    assert max(differences.values()) <= 1, differences


def test_from_the_disk(site: Site, window: Window, unpacked: Path) -> None:
    window.goto(unpacked.joinpath("INDEX.HTM").as_uri())
    assert "Erika Muster" in window.evaluate("() => document.querySelector('h1').innerText")
    assert "Nicht zur Befundung geeignet" in window.evaluate("() => document.querySelector('#notice').innerText")
    window.click(".tile")
    window.wait_for(shown="61", quality="preview")
    window.press("ArrowDown")
    window.wait_for(shown="62", quality="preview")
    # The dialog for folders gives each file its path in there, which nobody but the dialog can do.
    window.evaluate(
        """() => {
          const get = function () { return `Meine-Bilder/DICOM/ST000001/SE000001/${this.name}`; };
          Object.defineProperty(File.prototype, "webkitRelativePath", { get });
        }"""
    )
    window.choose("#folder", *sorted((unpacked / "DICOM" / "ST000001" / "SE000001").iterdir()))
    window.wait_for(shown="62", quality="full", renderer="canvas2d")
    assert np.abs(grey(window).astype(int) - expected(site.studies["stack"][61])).max() <= 1
