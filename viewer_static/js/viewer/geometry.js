// Where a frame lies in the patient (PS3.3 C.7.6.2, C.7.6.16.2.3, C.7.6.16.2.4), and arithmetic of vectors in mm.
// Points of an image are in its own pixels, the outer corner of the first one being {0, 0}, as in View.

import { group, numbers, text } from "./dicom.js";

/** @typedef {import("./dicom.js").DataSet} DataSet */
/** @typedef {import("./view.js").Point} Point */
/** @typedef {[number, number, number]} Vector to the patient's left, back, and head */

/**
 * The plane of a frame.
 * @typedef {object} Plane
 * @property {Vector} position the middle of the first pixel
 * @property {Vector} right unit vector in which columns ascend
 * @property {Vector} down unit vector in which rows ascend
 * @property {Vector} normal right x down
 * @property {number} columnSpacing mm between the middles of two columns
 * @property {number} rowSpacing
 * @property {number} columns
 * @property {number} rows
 * @property {string} frameOfReference UID; empty when it is not said
 */

/**
 * @param {DataSet} dataSet
 * @param {number} frame from 1
 * @returns {Plane | null} null when the data set does not say, or says what cannot be
 */
export function planeOf(dataSet, frame) {
  const position = numbers(group(dataSet, frame, "00209113"), "00200032");
  const cosines = numbers(group(dataSet, frame, "00209116"), "00200037");
  const [rowSpacing = 0, columnSpacing = 0] = numbers(group(dataSet, frame, "00289110"), "00280030");
  const [columns = 0] = numbers(dataSet, "00280011");
  const [rows = 0] = numbers(dataSet, "00280010");
  const right = vector(cosines.slice(0, 3));
  const down = vector(cosines.slice(3, 6));
  const where = vector(position);
  if (!right || !down || !where || !(rowSpacing > 0) || !(columnSpacing > 0)) {
    return null;
  }
  if (!areAxes(right, down)) {
    return null;
  }
  const axes = { right: unit(right), down: unit(down), normal: unit(cross(right, down)) };
  const frameOfReference = text(dataSet, "00200052");
  return { position: where, ...axes, columnSpacing, rowSpacing, columns, rows, frameOfReference };
}

// Scanners round the cosines, so a little is forgiven.
/**
 * @param {Vector} right
 * @param {Vector} down
 */
function areAxes(right, down) {
  const isUnit = (/** @type {Vector} */ axis) => Math.abs(norm(axis) - 1) < 0.01;
  return isUnit(right) && isUnit(down) && Math.abs(dot(right, down)) < 0.01;
}

/**
 * @param {Plane} plane
 * @param {Point} point
 * @returns {Vector}
 */
export function toPatient({ position, right, down, columnSpacing, rowSpacing }, { x, y }) {
  return plus(plus(position, right, (x - 0.5) * columnSpacing), down, (y - 0.5) * rowSpacing);
}

/**
 * The foot of the perpendicular from a point of the patient, and how far in front of the plane (along its normal) it is.
 * @param {Plane} plane
 * @param {Vector} point
 * @returns {Point & {distance: number}}
 */
export function fromPatient({ position, right, down, normal, columnSpacing, rowSpacing }, point) {
  const from = plus(point, position, -1);
  return {
    x: dot(from, right) / columnSpacing + 0.5,
    y: dot(from, down) / rowSpacing + 0.5,
    distance: dot(from, normal),
  };
}

/**
 * The middle of the image in the patient.
 * @param {Plane} plane
 */
export function middleOf(plane) {
  return toPatient(plane, { x: plane.columns / 2, y: plane.rows / 2 });
}

/**
 * Where another image cuts this one.
 * @param {Plane} here
 * @param {Plane} other
 * @returns {[Point, Point] | null} null when it does not
 */
export function intersection(here, other) {
  const { columns, rows } = other;
  const corners = [{ x: 0, y: 0 }, { x: columns, y: 0 }, { x: columns, y: rows }, { x: 0, y: rows }];
  const placed = corners.map((corner) => fromPatient(here, toPatient(other, corner)));
  /** @type {Point[]} */
  const cuts = [];
  placed.forEach((from, at) => {
    const to = placed[(at + 1) % 4] ?? from;
    if (from.distance > 0 !== to.distance > 0) {
      const part = from.distance / (from.distance - to.distance);
      cuts.push({ x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part });
    }
  });
  const [one, two] = cuts;
  return one && two ? [one, two] : null;
}

/**
 * @param {number[]} values
 * @returns {Vector | null}
 */
export function vector([x, y, z]) {
  return x === undefined || y === undefined || z === undefined ? null : [x, y, z];
}

/**
 * @param {Vector} one
 * @param {Vector} other
 * @param {number} [times]
 * @returns {Vector} one + times * other
 */
export function plus(one, other, times = 1) {
  return [one[0] + times * other[0], one[1] + times * other[1], one[2] + times * other[2]];
}

/**
 * @param {Vector} one
 * @param {Vector} other
 */
export function dot(one, other) {
  return one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
}

/**
 * @param {Vector} one
 * @param {Vector} other
 * @returns {Vector}
 */
export function cross([a, b, c], [x, y, z]) {
  return [b * z - c * y, c * x - a * z, a * y - b * x];
}

/** @param {Vector} one */
export function norm(one) {
  return Math.hypot(...one);
}

/**
 * @param {Vector} one
 * @returns {Vector}
 */
export function unit(one) {
  const length = norm(one) || 1;
  return [one[0] / length, one[1] / length, one[2] / length];
}
