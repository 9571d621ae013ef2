// A series as one volume: where its voxels lie in the patient, and what it needs for that to be possible.

import { cross, dot, norm, plus } from "../viewer/geometry.js";
import { value } from "../viewer/grey.js";

/** @typedef {import("../viewer/dicom.js").Description} Description */
/** @typedef {import("../viewer/geometry.js").Plane} Plane */
/** @typedef {import("../viewer/geometry.js").Vector} Vector */
/** @typedef {import("../viewer/source.js").Source} Source */
/** @typedef {Int16Array | Uint16Array | Float32Array} Samples */

/**
 * Equal steps from voxel to voxel, also where a tilted gantry has sheared the stack.
 * @typedef {object} Lattice
 * @property {[number, number, number]} size columns, rows and slices that are kept
 * @property {Vector} origin the middle of the first voxel
 * @property {[Vector, Vector, Vector]} steps mm from voxel to voxel along columns, rows and slices
 * @property {number[]} images which image of the series, from 0, each slice is
 * @property {number} skip of how many pixels, rows and slices one is kept
 * @property {Description} first what is said of the first slice
 * @property {boolean} floats whether slices have modality LUTs of their own, so that what comes out of them is kept
 */

const FEWEST = 8;
/** Numbers of frames are easily claimed. */
const MOST = 5000;
const TOLERANCE = 0.01;
/** Cosines are rounded by scanners. */
const PARALLEL = 0.002;
const BUDGET = 512 << 20;
const SMALL_BUDGET = 192 << 20;

/** Bytes that a volume may have on this device. */
export function budgetHere() {
  const gigabytes = Number(Reflect.get(navigator, "deviceMemory") ?? 8);
  return gigabytes <= 4 ? SMALL_BUDGET : BUDGET;
}

/**
 * @param {Source} source its metadata are there
 * @param {number} budget bytes that the volume may have; what is larger is thinned out
 * @returns {Lattice | string} or the key of the sentence that says why there is no volume
 */
export function latticeOf(source, budget) {
  if (source.total < FEWEST) {
    return "mpr.few";
  }
  if (source.total > MOST) {
    return "mpr.many";
  }
  const slices = [];
  for (let image = 0; image < source.total; image++) {
    const [plane, description] = [source.plane(image), source.description(image)];
    if (!description?.raw) {
      return "mpr.no_values";
    }
    if (!plane) {
      return "mpr.no_place";
    }
    slices.push({ image, plane, description });
  }
  const [first] = slices;
  if (!first || !slices.every((one) => fits(first, one))) {
    return "mpr.mixed";
  }
  const along = (/** @type {{plane: Plane}} */ { plane }) => dot(plane.position, first.plane.normal);
  slices.sort((one, other) => along(one) - along(other));
  const step = stepOf(slices.map(({ plane }) => plane));
  if (typeof step === "string") {
    return step;
  }
  return thinned(slices, step, budget);
}

/** @typedef {{image: number, plane: Plane, description: Description}} Slice */

/**
 * Whether two slices may belong to one volume.
 * @param {Slice} one
 * @param {Slice} other
 */
function fits({ plane: a, description: said }, { plane: b, description }) {
  const near = (/** @type {number} */ x, /** @type {number} */ y) => Math.abs(x - y) <= TOLERANCE * x;
  const same = /** @type {const} */ (["rows", "columns", "bitsAllocated", "signed", "inverted"]);
  return (
    a.frameOfReference === b.frameOfReference &&
    same.every((name) => said[name] === description[name]) &&
    norm(plus(a.right, b.right, -1)) < PARALLEL &&
    norm(plus(a.down, b.down, -1)) < PARALLEL &&
    near(a.columnSpacing, b.columnSpacing) &&
    near(a.rowSpacing, b.rowSpacing)
  );
}

/**
 * From one slice to the next, where every slice lies within 1 % of a step of its place.
 * @param {Plane[]} planes in their order along the normal
 * @returns {Vector | string}
 */
function stepOf(planes) {
  const [first, last] = [planes[0], planes.at(-1)];
  if (!first || !last) {
    return "mpr.few";
  }
  const gaps = planes.slice(1).map((plane, at) => dot(plus(plane.position, planes[at]?.position ?? plane.position, -1), first.normal));
  if (Math.min(...gaps) <= TOLERANCE * Math.max(...gaps)) {
    return "mpr.same_place";
  }
  const way = plus(last.position, first.position, -1);
  /** @type {Vector} */
  const step = [way[0] / gaps.length, way[1] / gaps.length, way[2] / gaps.length];
  const isStack = dot(step, first.normal) > 0.5 * norm(step);
  const isEven = planes.every(({ position }, at) => norm(plus(position, plus(first.position, step, at), -1)) <= TOLERANCE * norm(step));
  return isStack && isEven ? step : "mpr.uneven";
}

/**
 * @param {Slice[]} slices in their order
 * @param {Vector} step
 * @param {number} budget
 * @returns {Lattice | string}
 */
function thinned(slices, step, budget) {
  const [first] = slices;
  if (!first) {
    return "mpr.few";
  }
  const { plane, description } = first;
  const floats = slices.some(({ description: { slope, intercept } }) => slope !== description.slope || intercept !== description.intercept);
  const whole = [description.columns, description.rows, slices.length];
  let skip = 1;
  const kept = () => whole.map((count) => Math.ceil(count / skip));
  while (kept().reduce((product, count) => product * count, floats ? 4 : 2) > budget) {
    skip += 1;
  }
  const [columns = 0, rows = 0, count = 0] = kept();
  return {
    size: [columns, rows, count],
    origin: plane.position,
    steps: [times(plane.right, plane.columnSpacing * skip), times(plane.down, plane.rowSpacing * skip), times(step, skip)],
    images: slices.filter((_, at) => at % skip === 0).map(({ image }) => image),
    skip,
    first: description,
    floats,
  };
}

export class Volume {
  /** @param {Lattice} lattice */
  constructor(lattice) {
    this.lattice = lattice;
    const { size, steps, origin, first, floats } = lattice;
    const [columns, rows, slices] = size;
    const Kind = floats ? Float32Array : first.signed ? Int16Array : Uint16Array;
    /** @type {Samples} Columns fastest, then rows, then slices; all 0 before the slices have come. */
    this.samples = new Kind(columns * rows * slices);
    this.slope = floats ? 1 : first.slope;
    this.intercept = floats ? 0 : first.intercept;
    /** The least and the greatest of the samples that have come. */
    this.range = { low: Infinity, high: -Infinity };
    const [a, b, c] = steps;
    const space = dot(a, cross(b, c));
    /** Rows of the matrix from mm to voxels. */
    this.inverse = /** @type {[Vector, Vector, Vector]} */ ([cross(b, c), cross(c, a), cross(a, b)].map((row) => times(row, 1 / space)));
    /** mm of the shortest step. */
    this.spacing = Math.min(...steps.map(norm));
    const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((corner) =>
      steps.reduce((at, way, axis) => plus(at, way, (corner >> axis) & 1 ? (size[axis] ?? 1) - 0.5 : -0.5), origin),
    );
    const ends = (/** @type {(...all: number[]) => number} */ pick) =>
      /** @type {Vector} */ ([0, 1, 2].map((axis) => pick(...corners.map((corner) => corner[axis] ?? 0))));
    /** The box along the patient's axes that holds all voxels. */
    this.low = ends(Math.min);
    this.high = ends(Math.max);
  }

  /**
   * Take in the values of a slice.
   * @param {number} slice from 0
   * @param {import("../viewer/render.js").Frame} frame
   * @param {Description} description
   */
  put(slice, { samples, columns: width }, description) {
    const { size: [columns, rows], skip, floats } = this.lattice;
    const [slope, intercept] = floats ? [description.slope, description.intercept] : [1, 0];
    let { low, high } = this.range;
    let to = slice * columns * rows;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const stored = value(description, samples[row * skip * width + column * skip] ?? 0) * slope + intercept;
        this.samples[to++] = stored;
        low = stored < low ? stored : low;
        high = stored > high ? stored : high;
      }
    }
    this.range = { low, high };
  }

  /**
   * A point of the patient in voxels; whole numbers are their middles.
   * @param {Vector} point
   * @returns {Vector}
   */
  toVoxels(point) {
    return this.turned(plus(point, this.lattice.origin, -1));
  }

  /**
   * @param {Vector} way in mm
   * @returns {Vector} the same way in voxels
   */
  turned(way) {
    const [x, y, z] = this.inverse;
    return [dot(x, way), dot(y, way), dot(z, way)];
  }

  /**
   * What the modality LUT makes of the samples at a point of the patient.
   * @param {Vector} point
   * @returns {number} NaN outside of the volume
   */
  at(point) {
    return interpolated(this.samples, ...this.lattice.size, ...this.toVoxels(point)) * this.slope + this.intercept;
  }
}

/**
 * Trilinear, in voxels; beyond the middles of the outermost voxels, their values go on to their edges.
 * @param {Samples} samples
 * @param {number} columns
 * @param {number} rows
 * @param {number} slices
 * @param {number} x
 * @param {number} y
 * @param {number} z
 * @returns {number} NaN outside
 */
export function interpolated(samples, columns, rows, slices, x, y, z) {
  if (!(x >= -0.5 && y >= -0.5 && z >= -0.5 && x <= columns - 0.5 && y <= rows - 0.5 && z <= slices - 0.5)) {
    return NaN;
  }
  const i = x <= 0 ? 0 : x >= columns - 1 ? columns - 1 : x;
  const j = y <= 0 ? 0 : y >= rows - 1 ? rows - 1 : y;
  const k = z <= 0 ? 0 : z >= slices - 1 ? slices - 1 : z;
  const left = i | 0;
  const upper = j | 0;
  const front = k | 0;
  const u = i - left;
  const v = j - upper;
  const w = k - front;
  const right = u > 0 ? 1 : 0;
  const lower = v > 0 ? columns : 0;
  const back = w > 0 ? columns * rows : 0;
  // Where a weight is 0, the neighbour is the voxel itself: all eight are there, and the compiler need not ask.
  const near = (front * rows + upper) * columns + left;
  const far = near + back;
  const s = /** @type {Record<number, any>} */ (samples);
  const nearUpper = s[near] + (s[near + right] - s[near]) * u;
  const nearLower = s[near + lower] + (s[near + lower + right] - s[near + lower]) * u;
  const farUpper = s[far] + (s[far + right] - s[far]) * u;
  const farLower = s[far + lower] + (s[far + lower + right] - s[far + lower]) * u;
  const nearer = nearUpper + (nearLower - nearUpper) * v;
  const farther = farUpper + (farLower - farUpper) * v;
  return nearer + (farther - nearer) * w;
}

/**
 * @param {Vector} one
 * @param {number} factor
 * @returns {Vector}
 */
function times(one, factor) {
  return plus([0, 0, 0], one, factor);
}
