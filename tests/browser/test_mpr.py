"""MPR and MIP: planes show what is where the geometry of the images says; what is no volume is refused in words."""

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import doctor
from tests.browser.axe import violations
from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.stage import wait_for
from tests.browser.unit import run

SOURCE: Final = """
  const { Volume, latticeOf } = it;
  const { AXES, cutOf, sampled, coarseness, painted } = await import("/static/js/tools/cut.js");
  const { cross, plus } = await import("/static/js/viewer/geometry.js");
  const COLUMNS = 12, ROWS = 10;
  // A stack of slices; `value` says in HU what is at a point of the patient. Stored values are HU + 1024.
  const series = ({ right, down, step, origin = [-30, 40, 5], count = 9, spacing = [2, 1.5] }, change = () => {}) => {
    const [rowSpacing, columnSpacing] = spacing;
    const images = [];
    for (let at = 0; at < count; at++) {
      const plane = {
        position: plus(origin, step, at), right, down, normal: cross(right, down),
        columnSpacing, rowSpacing, columns: COLUMNS, rows: ROWS, frameOfReference: "1.2",
      };
      const description = {
        rows: ROWS, columns: COLUMNS, bitsAllocated: 16, bitsStored: 16, highBit: 15, signed: false, slope: 1,
        intercept: -1024, inverted: false, raw: true,
      };
      const image = { plane, description };
      change(image, at);
      images.push(image);
    }
    // As instances come: in no order of place.
    images.reverse();
    return {
      images, total: count, plane: (at) => images[at].plane, description: (at) => images[at].description,
    };
  };
  const filled = (source, value, budget = 1e9) => {
    const lattice = latticeOf(source, budget);
    if (typeof lattice === "string") {
      throw new Error(lattice);
    }
    const volume = new Volume(lattice);
    lattice.images.forEach((image, slice) => {
      const { plane, description } = source.images[image];
      const samples = new Uint16Array(COLUMNS * ROWS);
      for (let row = 0; row < ROWS; row++) {
        for (let column = 0; column < COLUMNS; column++) {
          const along = plus(plane.position, plane.right, column * plane.columnSpacing);
          const hu = value(plus(along, plane.down, row * plane.rowSpacing), column, row, plane);
          samples[row * COLUMNS + column] = Math.round((hu - description.intercept) / description.slope);
        }
      }
      volume.put(slice, { samples, columns: COLUMNS, rows: ROWS }, description);
    });
    return volume;
  };
  const made = (steps) => {
    for (;;) {
      const { done, value } = steps.next();
      if (done) {
        return value;
      }
    }
  };
"""

AXIAL: Final = {"right": [1, 0, 0], "down": [0, 1, 0], "step": [0, 0, 3]}
ACQUISITIONS: Final = {
    "axial": AXIAL,
    "from-the-feet": AXIAL | {"step": [0, 0, -3]},
    "flipped": {"right": [-1, 0, 0], "down": [0, -1, 0], "step": [0, 0, 3]},
    "coronal": {"right": [1, 0, 0], "down": [0, 0, -1], "step": [0, 3, 0]},
    "sagittal": {"right": [0, 1, 0], "down": [0, 0, -1], "step": [-3, 0, 0]},
    "oblique": {"right": [0.8, 0.6, 0], "down": [0, 0, -1], "step": [-1.8, 2.4, 0]},
    "tilted-gantry": {"right": [1, 0, 0], "down": [0, 1, 0], "step": [0, 0.75, 3]},
}


@pytest.fixture
def page(site: Site, visits: Visits, chromium: Browser) -> Page:
    page = visits.patient(chromium)
    page.goto(site.series("volume"))
    return page


def test_a_ramp_is_exact_wherever_the_slices_lie(page: Page) -> None:
    """A linear function of the place is what trilinear sampling gives back exactly, in all three planes."""
    script = """
      const ramp = ([x, y, z]) => 8 * x - 4 * y + 16 * z;
      // Stored as whole numbers, as series are: the slope makes them fine enough.
      const fine = ({ description }) => Object.assign(description, { slope: 1 / 32 });
      const volume = filled(series(argument, fine), ramp);
      const { low, high } = volume;
      const point = [0, 1, 2].map((axis) => (low[axis] + high[axis]) / 2 + 0.37);
      const worst = {};
      for (const name of ["axial", "coronal", "sagittal"]) {
        const cut = cutOf(volume, AXES[name], point);
        const values = made(sampled(volume, cut, { thickness: 0, mode: "max" }));
        const off = [];
        values.forEach((value, at) => {
          const across = plus(cut.origin, cut.right, at % cut.columns);
          const here = plus(across, cut.down, Math.floor(at / cut.columns));
          const voxel = volume.toVoxels(here);
          if (voxel.every((part, axis) => part >= 0 && part <= volume.lattice.size[axis] - 1)) {
            off.push(Math.abs(value * volume.slope + volume.intercept - ramp(here)));
          }
        });
        worst[name] = { off: Math.max(...off), count: off.length };
      }
      return worst;
    """
    for acquisition, geometry in ACQUISITIONS.items():
        for name, found in run(page, "tools/volume.js", SOURCE + script, geometry).items():
            assert found["count"] > 40, (acquisition, name)
            assert found["off"] < 0.05, (acquisition, name)


@pytest.mark.parametrize("acquisition", ["axial", "coronal", "sagittal"])
def test_a_bright_voxel_is_seen_by_mip_in_each_plane_at_its_place(page: Page, acquisition: str) -> None:
    script = """
      const spot = (_, column, row, plane) => (column === 7 && row === 3 && plane === bright ? 1000 : 0);
      const source = series(argument);
      const bright = source.images[2].plane;
      const volume = filled(source, spot);
      const at = plus(plus(bright.position, bright.right, 7 * 1.5), bright.down, 3 * 2);
      const far = [0, 1, 2].map((axis) => (at[axis] - volume.low[axis] > 8 ? at[axis] - 6 : at[axis] + 6));
      const found = {};
      for (const name of ["axial", "coronal", "sagittal"]) {
        const cut = cutOf(volume, AXES[name], far);
        const brightest = (mode, thickness) => {
          const values = made(sampled(volume, cut, { thickness, mode }));
          const most = values.indexOf(Math.max(...[...values].filter((value) => !Number.isNaN(value))));
          const here = plus(plus(cut.origin, cut.right, most % cut.columns), cut.down, Math.floor(most / cut.columns));
          const off = plus(here, at, -1).map((part, axis) => (cut.through[axis] ? 0 : Math.abs(part)));
          const hu = values[most] * volume.slope + volume.intercept;
          return { hu, off: Math.max(...off) };
        };
        found[name] = [brightest("max", 14), brightest("max", 0), brightest("min", 14), brightest("mean", 14)];
      }
      return found;
    """
    for name, found in run(page, "tools/volume.js", SOURCE + script, ACQUISITIONS[acquisition]).items():
        slab, thin, least, mean = found
        assert slab["hu"] > 350, name
        assert slab["off"] <= 1.01, name
        assert thin["hu"] == 0, name
        assert least["hu"] == 0, name
        assert 0 < mean["hu"] < slab["hu"] / 2, name
        assert mean["off"] <= 1.01, name


def test_planes_keep_the_proportions_of_the_body(page: Page) -> None:
    """Anisotropic voxels: 12 x 1.5 mm, 10 x 2 mm, 9 x 3 mm are 18 x 20 x 27 mm in each plane, from the right corner."""
    script = """
      const { faceOf } = await import("/static/js/tools/cut.js");
      const volume = filled(series(argument), () => 0);
      return ["axial", "coronal", "sagittal"].map((name) => {
        const cut = cutOf(volume, AXES[name], volume.low);
        const { width, height, corner } = faceOf(volume, AXES[name]);
        const [across, along] = [Math.hypot(...cut.right) * cut.columns, Math.hypot(...cut.down) * cut.rows];
        return { width, height, corner, across, along };
      });
    """
    found = run(page, "tools/volume.js", SOURCE + script, AXIAL)
    # From the middle of the first voxel, -30, 40, 5, half a voxel outwards.
    low, high = (-30.75, 39.0, 3.5), (-12.75, 59.0, 30.5)
    expected = [(18, 20, low), (18, 27, (low[0], low[1], high[2])), (20, 27, (low[0], low[1], high[2]))]
    for plane, (width, height, corner) in zip(found, expected, strict=True):
        assert (plane["width"], plane["height"]) == pytest.approx((width, height))
        assert (plane["across"], plane["along"]) == pytest.approx((width, height))
        assert plane["corner"] == pytest.approx(corner)


REFUSED: Final = {
    "mpr.few": "count = 7",
    "mpr.many": "count = 5001",
    "mpr.uneven": "change = ({ plane }, at) => { plane.position[2] += at === 4 ? 0.05 : 0; }",
    "mpr.same_place": "change = ({ plane }, at) => { plane.position[2] -= at % 2 ? 3 : 0; }",
    "mpr.mixed": "change = ({ plane }, at) => { plane.right = at === 3 ? [0.8, 0.6, 0] : plane.right; }",
    "mpr.no_place": "change = (image, at) => { image.plane = at === 3 ? null : image.plane; }",
    "mpr.no_values": "change = ({ description }, at) => { description.raw = at !== 3; }",
}
ALSO_MIXED: Final = ("plane.frameOfReference = '1.3'", "description.rows = 9", "plane.rowSpacing = 2.1")


def test_what_is_no_regular_volume_is_refused_with_its_reason(page: Page) -> None:
    mixed = [f"change = ({{ plane, description }}, at) => {{ if (at === 3) {{ {also}; }} }}" for also in ALSO_MIXED]
    changes = [*REFUSED.items(), *(("mpr.mixed", change) for change in mixed)]
    answers = ", ".join(
        f"(() => {{ let count = 9, change; {change};"
        " return latticeOf(series({ ...argument, count }, change), 1e9); })()"
        for _, change in changes
    )
    script = "const rounded = ({ plane }, at) => { plane.position[2] += at % 2 ? 0.02 : 0; }; "
    script += f"const regular = latticeOf(series(argument, rounded), 1e9); return [typeof regular, {answers}];"
    assert run(page, "tools/volume.js", SOURCE + script, AXIAL) == ["object", *(why for why, _ in changes)]


def test_frames_of_an_enhanced_object_are_slices_too(page: Page) -> None:
    script = """
      const { Source } = await import("/static/js/viewer/source.js");
      const source = new Source("", "1.2:9", { rows: 10, columns: 12 });
      const value = (...Value) => ({ Value });
      const placed = (at) => ({ "00209113": value({ "00200032": value(1, 2, 30 - 3 * at) }) });
      const frames = [...Array(9).keys()].map(placed);
      source.dataSets = new Map([["1.2", {
        "00280004": value("MONOCHROME2"), "00280010": value(10), "00280011": value(12), "00280100": value(16),
        "7FE00010": {}, "52009230": value(...frames),
        "52009229": value({
          "00209116": value({ "00200037": value(1, 0, 0, 0, 1, 0) }), "00289110": value({ "00280030": value(2, 1.5) }),
        }),
      }]]);
      const { size, origin, steps, images } = it.latticeOf(source, 1e9);
      return { size, origin, steps, images };
    """
    assert run(page, "tools/volume.js", script) == {
        "size": [12, 10, 9],
        "origin": [1, 2, 6],
        "steps": [[1.5, 0, 0], [0, 2, 0], [0, 0, 3]],
        "images": [8, 7, 6, 5, 4, 3, 2, 1, 0],
    }


def test_a_volume_beyond_the_budget_is_thinned_out(page: Page) -> None:
    script = """
      const ramp = ([x, y, z]) => 8 * x - 4 * y + 16 * z;
      const volume = filled(series(argument), (at) => Math.round(ramp(at)), 12 * 10 * 9);
      const { size, skip, images } = volume.lattice;
      const point = plus(volume.lattice.origin, [3, 4, 6], 1.5);
      return { size, skip, images, bytes: volume.samples.byteLength, off: Math.abs(volume.at(point) - ramp(point)) };
    """
    found = run(page, "tools/volume.js", SOURCE + script, AXIAL)
    assert found["off"] < 1
    assert found | {"off": 0} == {"size": [6, 5, 5], "skip": 2, "images": [8, 6, 4, 2, 0], "bytes": 300, "off": 0}


def test_slopes_of_their_own_and_inverted_values(page: Page) -> None:
    """PET has a slope for each slice; MONOCHROME1 shows the least as white; outside of the volume it is black."""
    script = """
      const own = { intercept: 0, inverted: true };
      const slopes = ({ description }, at) => Object.assign(description, { ...own, slope: 1 + at });
      const volume = filled(series(argument, slopes), (point, column, row, plane) => 5040);
      const window = { center: 5040, width: 2, shape: "LINEAR_EXACT" };
      const cut = cutOf(volume, AXES.axial, [-25, 50, 12]);
      const samples = made(sampled(volume, cut, { thickness: 0, mode: "max" }));
      samples[1] = NaN;
      samples[2] = 5039;
      const grey = [0, 1, 2].map((at) => painted(volume, cut, samples, window).data[4 * at]);
      return { value: volume.at([-25, 50, 12.3]), outside: volume.at([0, 0, 0]), grey };
    """
    found = run(page, "tools/volume.js", SOURCE + script, AXIAL)
    assert found["value"] == pytest.approx(5040)
    assert found["outside"] != found["outside"]
    assert found["grey"] == [128, 0, 255]


def open_planes(page: Page) -> None:
    page.locator("#doctors-tools").click()
    page.locator("#doctor summary").filter(has_text=re.compile("^MPR ")).click()
    page.locator("#open-mpr").click()


def _is_done(page: Page) -> None:
    expect(page.locator(".mpr-body")).to_have_attribute("data-settled", "true")
    for name in ("axial", "coronal", "sagittal"):
        expect(page.locator(f"[data-plane={name}]")).to_have_attribute("data-quality", "full")


def _place(page: Page) -> tuple[float, list[float]]:
    """The value at the crosshair, and the place: towards left, back and head in mm."""
    _is_done(page)
    text = page.locator("[data-part=mpr-place]").inner_text().replace("\u00a0", " ").replace(".", "").replace(",", ".")
    found = re.fullmatch(r"(-?[\d.]+) HU · ([LR]) ([\d.]+) · ([PA]) ([\d.]+) · ([HF]) ([\d.]+) mm", text)
    assert found, text
    value, *parts = found.groups()
    return float(value), [
        float(mm) * (1 if side in "LPH" else -1) for side, mm in zip(parts[::2], parts[1::2], strict=True)
    ]


def _ramp(place: list[float]) -> float:
    """What the volume holds there in HU, outside of its cube."""
    index = [(mm - begin) / step for mm, begin, step in zip(place, doctor.ORIGIN, doctor.SPACING, strict=True)]
    return 10 * index[0] + 7 * index[1] - 12 * index[2]


def _grey(page: Page, name: str, x: float, y: float) -> int:
    """The grey of a plane's canvas at a part of its width and height."""
    script = """(canvas, [x, y]) => canvas.getContext("2d").getImageData(
      Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data[0]"""
    grey: int = page.locator(f"[data-plane={name}] canvas").evaluate(script, [x, y])
    return grey


def test_the_doctors_way_through_the_planes(site: Site, page: Page) -> None:
    page.goto(f"{site.series('volume')}?i=10")
    wait_for(page, shown="10", quality="full")
    open_planes(page)
    _is_done(page)
    expect(page.locator("dialog.mpr").get_by_text("Nicht zur Befundung geeignet.")).to_be_visible()
    axial, coronal = page.locator("[data-plane=axial]"), page.locator("[data-plane=coronal]")
    expect(axial).to_be_focused()
    assert [axial.locator(f".edge-{side}").inner_text() for side in ("left", "right", "top", "bottom")] == list("RLAP")
    assert [coronal.locator(f".edge-{side}").inner_text() for side in ("left", "right", "top", "bottom")] == list(
        "RLHF"
    )
    box: Any = axial.locator(".mpr-image").bounding_box()
    assert box["width"] == pytest.approx(box["height"], rel=0.01)
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
    expect(page.locator("[data-part=mpr-place]")).to_contain_text("R 8,")
    value, place = _place(page)
    assert place == pytest.approx([-8.75, 5.0, 123.75], abs=0.3)
    assert value == pytest.approx(_ramp(place), abs=1.5)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    page.keyboard.press("Shift+ArrowUp")
    moved = [place[0] + 1.5, place[1] - 15, place[2] + 1.5]
    value, place = _place(page)
    assert place == pytest.approx(moved, abs=0.15)
    assert value == pytest.approx(_ramp(place), abs=1.5)
    told = page.locator(".mpr-plane", has=coronal).locator("output")
    before = told.inner_text()
    coronal.hover()
    page.mouse.wheel(0, 100)
    expect(told).not_to_have_text(before)
    assert _place(page)[1][1] == pytest.approx(moved[1] - 3, abs=0.15)


def test_a_slab_shows_what_the_thin_plane_misses_and_closing_ends_it(site: Site, page: Page) -> None:
    page.goto(f"{site.series('volume')}?i=10")
    wait_for(page, shown="10", quality="full")
    open_planes(page)
    _is_done(page)
    cube = (22.5 / doctor.COLUMNS, 11.5 / doctor.ROWS)
    assert _grey(page, "axial", *cube) == 255
    page.locator(".mpr-plane", has=page.locator("[data-plane=axial]")).locator("input").press("Home")
    _is_done(page)
    assert _grey(page, "axial", *cube) < 128
    page.locator("[data-part=mpr-thickness]").press("End")
    _is_done(page)
    assert _grey(page, "axial", *cube) == 255
    page.locator("[data-part=mpr-mode]").select_option("mean")
    _is_done(page)
    assert 0 < _grey(page, "axial", *cube) < 255
    assert violations(page) == ""
    page.locator("dialog.mpr .close").click()
    expect(page.locator("dialog.mpr")).to_have_count(0)
    expect(page.locator("#open-mpr")).to_be_focused()


def test_leaving_ends_what_is_still_fetched_and_one_image_is_no_volume(
    site: Site, visits: Visits, chromium: Browser
) -> None:
    page = visits.patient(chromium, locale="en-GB", **PHONE)
    held: list[Route] = []
    ended: list[str] = []
    page.on("requestfailed", lambda request: ended.append(request.url))
    page.route(re.compile("/frames/1$"), lambda route: held.append(route))
    page.goto(f"{site.series('volume')}?i=10")
    open_planes(page)
    expect(page.locator("#mpr-progress")).to_have_text("Image 0 of 20 is loaded.")
    with page.expect_event("requestfailed"):
        page.locator("dialog.mpr .close").click()
    assert all(url.endswith("/frames/1") for url in ended)
    page.unroute_all()
    page.goto(site.series("radiograph"))
    wait_for(page, quality="full")
    open_planes(page)
    expect(page.locator("dialog.mpr").get_by_role("alert")).to_contain_text("it takes at least 8 slices")
