"""MPR and MIP: what the planes show is where the geometry of the images says, and what is no volume is refused in words."""

from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visits
from tests.browser.stage import wait_for
from tests.browser.unit import run

SOURCE: Final = """
  const { Volume, latticeOf } = it;
  const { cutOf, sampled, coarseness, painted } = await import("/static/js/tools/cut.js");
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
        const cut = cutOf(volume, name, point);
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
        const cut = cutOf(volume, name, far);
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
        const cut = cutOf(volume, name, volume.low);
        const { width, height, corner } = faceOf(volume, name);
        return { width, height, corner, across: Math.hypot(...cut.right) * cut.columns, along: Math.hypot(...cut.down) * cut.rows };
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
        f"(() => {{ let count = 9, change; {change}; return latticeOf(series({{ ...argument, count }}, change), 1e9); }})()"
        for _, change in changes
    )
    script = f"const rounded = ({{ plane }}, at) => {{ plane.position[2] += at % 2 ? 0.02 : 0; }}; "
    script += f"const regular = latticeOf(series(argument, rounded), 1e9); return [typeof regular, {answers}];"
    assert run(page, "tools/volume.js", SOURCE + script, AXIAL) == ["object", *(why for why, _ in changes)]


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
      const slopes = ({ description }, at) => Object.assign(description, { slope: 1 + at, intercept: 0, inverted: true });
      const volume = filled(series(argument, slopes), (point, column, row, plane) => 5040);
      const window = { center: 5040, width: 2, shape: "LINEAR_EXACT" };
      const cut = cutOf(volume, "axial", [-25, 50, 12]);
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
