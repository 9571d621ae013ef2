// Planes through a volume, and slabs around them: what each pixel of such an image is.

import { windowed } from "../viewer/grey.js";
import { dot, plus } from "../viewer/geometry.js";
import { interpolated } from "./volume.js";

/** @typedef {import("../viewer/geometry.js").Vector} Vector */
/** @typedef {import("./volume.js").Volume} Volume */

/** @typedef {"axial" | "coronal" | "sagittal"} Name */

/**
 * The directions of a plane: unit vectors at right angles. `letters` are where `right` and `down` lead (PS3.3 C.7.6.1.1.1).
 * @typedef {{right: Vector, down: Vector, through: Vector, letters: {right: string, bottom: string}}} Axes
 */

/** @typedef {"max" | "min" | "mean"} Mode */
/** @typedef {{thickness: number, mode: Mode}} Slab mm; 0 is the plane alone */

/**
 * An image to be made. Vectors lead from the middle of one pixel to that of the next, in mm.
 * @typedef {object} Cut
 * @property {Vector} origin the middle of the first pixel
 * @property {Vector} right
 * @property {Vector} down
 * @property {Vector} through unit vector across the plane
 * @property {number} columns
 * @property {number} rows
 */

/** As radiologists look at them: from the feet, from the front, from the left. */
export const AXES = /** @type {Record<Name, Axes>} */ ({
  axial: { right: [1, 0, 0], down: [0, 1, 0], through: [0, 0, 1], letters: { right: "L", bottom: "P" } },
  coronal: { right: [1, 0, 0], down: [0, 0, -1], through: [0, 1, 0], letters: { right: "L", bottom: "F" } },
  sagittal: { right: [0, 1, 0], down: [0, 0, -1], through: [1, 0, 0], letters: { right: "P", bottom: "F" } },
});

const MOST_SIDE = 768;
const MOST_DEEP = 512;
/** Samples that an image may take before it is there: some 40 ms on a slow machine. */
const QUICK = 1e6;
const BREATH = 20;

/**
 * The corner from which a plane is drawn, and its sides in mm: from every plane of this direction the same part is seen,
 * so that all of the volume's box has room.
 * @param {Volume} volume
 * @param {Axes} axes
 */
export function faceOf({ low, high }, { right, down, through }) {
  const ends = (/** @type {Vector} */ way) => {
    const parts = /** @type {const} */ ([0, 1, 2]).map((axis) => [way[axis] * low[axis], way[axis] * high[axis]]);
    const sum = (/** @type {(...all: number[]) => number} */ pick) => parts.reduce((total, part) => total + pick(...part), 0);
    return { least: sum(Math.min), most: sum(Math.max) };
  };
  const [across, along] = [ends(right), ends(down)];
  const corner = plus(plus(plus([0, 0, 0], right, across.least), down, along.least), through, ends(through).least);
  return { corner, width: across.most - across.least, height: along.most - along.least };
}

/**
 * The whole plane through a point.
 * @param {Volume} volume
 * @param {Axes} axes
 * @param {Vector} point
 * @param {number} [coarse] how much larger than usual its pixels are
 * @returns {Cut}
 */
export function cutOf(volume, axes, point, coarse = 1) {
  const { right, down, through } = axes;
  const { corner, width, height } = faceOf(volume, axes);
  const spacing = Math.max(volume.spacing, Math.max(width, height) / MOST_SIDE) * coarse;
  const columns = Math.max(Math.round(width / spacing), 1);
  const rows = Math.max(Math.round(height / spacing), 1);
  const across = plus([0, 0, 0], right, width / columns);
  const downwards = plus([0, 0, 0], down, height / rows);
  const onPlane = plus(corner, through, dot(plus(point, corner, -1), through));
  const origin = plus(plus(onPlane, across, 0.5), downwards, 0.5);
  return { origin, right: across, down: downwards, through, columns, rows };
}

/**
 * How deep a slab is sampled: as finely as the volume is.
 * @param {Volume} volume
 * @param {Slab} slab
 */
function depthOf({ spacing }, { thickness }) {
  const count = thickness > 0 ? Math.min(Math.ceil(thickness / spacing) + 1, MOST_DEEP) : 1;
  return { count, step: count > 1 ? thickness / (count - 1) : 0 };
}

/**
 * How much larger pixels must be for an image that is there at once; 1 when it is in any case.
 * @param {Volume} volume
 * @param {Cut} cut
 * @param {Slab} slab
 */
export function coarseness(volume, { columns, rows }, slab) {
  return Math.max(Math.sqrt((columns * rows * depthOf(volume, slab).count) / QUICK), 1);
}

/**
 * The samples of an image, row by row: each step makes one.
 * @param {Volume} volume
 * @param {Cut} cut
 * @param {Slab} slab
 * @returns {Generator<void, Float32Array>} NaN where there is no volume
 */
export function* sampled(volume, cut, slab) {
  const { columns, rows, origin, right, down, through } = cut;
  const { count, step } = depthOf(volume, slab);
  const made = new Float32Array(columns * rows);
  const across = volume.turned(right);
  const deep = volume.turned(plus([0, 0, 0], through, step));
  for (let row = 0; row < rows; row++) {
    const begin = volume.toVoxels(plus(plus(origin, down, row), through, (-step * (count - 1)) / 2));
    fill(volume, made.subarray(row * columns, (row + 1) * columns), begin, across, deep, count, slab.mode);
    yield;
  }
  return made;
}

/**
 * @param {Volume} volume
 * @param {Float32Array} line
 * @param {Vector} begin in voxels
 * @param {Vector} across from pixel to pixel
 * @param {Vector} deep from sample to sample of one pixel
 * @param {number} count
 * @param {Mode} mode
 */
function fill({ samples, lattice }, line, begin, across, deep, count, mode) {
  const [columns, rows, slices] = lattice.size;
  const sign = mode === "min" ? -1 : 1;
  for (let column = 0; column < line.length; column++) {
    let x = begin[0] + column * across[0];
    let y = begin[1] + column * across[1];
    let z = begin[2] + column * across[2];
    let [most, sum, found] = [-Infinity, 0, 0];
    for (let at = 0; at < count; at++) {
      const sample = interpolated(samples, columns, rows, slices, x, y, z);
      if (sample === sample) {
        most = sample * sign > most ? sample * sign : most;
        sum += sample;
        found += 1;
      }
      x += deep[0];
      y += deep[1];
      z += deep[2];
    }
    line[column] = found === 0 ? NaN : mode === "mean" ? sum / found : most * sign;
  }
}

/**
 * Do all steps, with pauses in which the page answers.
 * @template T
 * @param {Generator<void, T>} steps
 * @param {() => boolean} stale asked after each pause whether the result is still wanted
 * @returns {Promise<T | null>} null when it is not
 */
export async function unhurried(steps, stale) {
  for (let until = performance.now() + BREATH; ; ) {
    const { done, value } = steps.next();
    if (done) {
      return value;
    }
    if (performance.now() > until) {
      await new Promise((resolve) => setTimeout(resolve));
      if (stale()) {
        return null;
      }
      until = performance.now() + BREATH;
    }
  }
}

/**
 * Samples in the grey of a window; black where there is no volume.
 * @param {Volume} volume
 * @param {Cut} cut
 * @param {Float32Array} samples
 * @param {import("../viewer/dicom.js").Window} window
 */
export function painted({ slope, intercept, lattice }, { columns, rows }, samples, window) {
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const { inverted } = lattice.first;
  for (let at = 0; at < pixels.length; at++) {
    const sample = samples[at] ?? NaN;
    const part = windowed(sample * slope + intercept, window);
    const grey = sample === sample ? Math.round(255 * (inverted ? 1 - part : part)) : 0;
    pixels[at] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return image;
}
