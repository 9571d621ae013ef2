// How many millimetres a pixel is, and how far that may be believed (PS3.3 10.7, C.8.5.5).

import { group, items, number, numbers, text } from "../viewer/dicom.js";

/** @typedef {import("../viewer/dicom.js").DataSet} DataSet */
/** @typedef {import("../viewer/view.js").Point} Point */

/**
 * Size of a pixel in `unit`. `note` says what a reader must know, as a key of the texts; empty where nothing.
 * @typedef {{x: number, y: number, unit: "mm" | "px", note: string}} Scale
 */

/** Shadows, larger than what casts them. */
const PROJECTIONS = new Set(["CR", "DX", "MG", "XA", "RF", "IO", "PX"]);
const CENTIMETRES = 3;
const TWO_DIMENSIONAL = 1;

/**
 * @param {DataSet} dataSet
 * @param {number} frame from 1
 * @param {Point[]} points where something is measured: regions of an ultrasound image have scales of their own
 * @returns {Scale}
 */
export function scaleAt(dataSet, frame, points) {
  const regions = items(dataSet, "00186011");
  if (regions.length) {
    return scaleOfRegion(regions, points);
  }
  const projected = PROJECTIONS.has(text(dataSet, "00080060"));
  const plain = spacing(group(dataSet, frame, "00289110"), "00280030") ?? spacing(dataSet, "00280030");
  const detector = spacing(dataSet, "00181164");
  const calibrated = text(dataSet, "00280A02") !== "";
  if (plain && (!projected || calibrated)) {
    return { ...plain, unit: "mm", note: calibrated ? "tools.note_calibrated" : "" };
  }
  const atDetector = plain ?? detector;
  if (atDetector) {
    return { ...atDetector, unit: "mm", note: "tools.note_projected" };
  }
  const scanned = spacing(dataSet, "00182010");
  return scanned
    ? { ...scanned, unit: "mm", note: "tools.note_scanned" }
    : { ...aspect(dataSet), unit: "px", note: "tools.note_uncalibrated" };
}

/**
 * @param {DataSet[]} regions
 * @param {Point[]} points
 * @returns {Scale}
 */
function scaleOfRegion(regions, points) {
  const found = regions.find((region) => points.every((point) => isInside(region, point)));
  const x = Math.abs(found ? (number(found, "0018602C") ?? 0) : 0);
  const y = Math.abs(found ? (number(found, "0018602E") ?? 0) : 0);
  const isLength =
    !!found &&
    number(found, "00186012") === TWO_DIMENSIONAL &&
    number(found, "00186024") === CENTIMETRES &&
    number(found, "00186026") === CENTIMETRES;
  return isLength && x > 0 && y > 0
    ? { x: x * 10, y: y * 10, unit: "mm", note: "" }
    : { x: 1, y: 1, unit: "px", note: "tools.note_region" };
}

/**
 * @param {DataSet} region
 * @param {Point} point
 */
function isInside(region, { x, y }) {
  const [left = 0, top = 0, right = 0, bottom = 0] = ["00186018", "0018601A", "0018601C", "0018601E"].map(
    (tag) => number(region, tag) ?? NaN,
  );
  return x >= left && x <= right + 1 && y >= top && y <= bottom + 1;
}

/**
 * @param {DataSet} dataSet
 * @param {string} tag
 * @returns {Point | null}
 */
function spacing(dataSet, tag) {
  const [y = 0, x = 0] = numbers(dataSet, tag);
  return x > 0 && y > 0 ? { x, y } : null;
}

/** @param {DataSet} dataSet */
function aspect(dataSet) {
  const [height = 1, width = 1] = numbers(dataSet, "00280034");
  return height > 0 && width > 0 ? { x: 1, y: height / width } : { x: 1, y: 1 };
}
