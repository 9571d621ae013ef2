// Where left, right, front, back, head and feet lie on the stage, by what the data set says of the image.

import { planeOf } from "./geometry.js";
import { group, items, numbers, text } from "./dicom.js";

/** @typedef {import("./dicom.js").DataSet} DataSet */
/** @typedef {{top: string, right: string, bottom: string, left: string}} Edges letters of PS3.3 C.7.6.1.1.1 */

/** @type {Record<string, string>} */
const OPPOSITE = { R: "L", L: "R", A: "P", P: "A", H: "F", F: "H" };
// Of a direction that is a mixture, what is less than a quarter of it is not worth a letter.
const WORTH = 0.25;

/**
 * Towards where columns and rows ascend.
 * @param {DataSet} dataSet
 * @param {number} frame from 1
 * @returns {{right: string, bottom: string} | null} null where the data set does not say
 */
export function directions(dataSet, frame) {
  if (text(dataSet, "00102210") === "QUADRUPED") {
    return null;
  }
  const cosines = numbers(group(dataSet, frame, "00209116"), "00200037");
  const said = (dataSet["00200020"]?.Value ?? []).map((value) => String(value ?? "").trim());
  const right = cosines.length === 6 ? letters(cosines.slice(0, 3)) : known(said[0]);
  const bottom = cosines.length === 6 ? letters(cosines.slice(3)) : known(said[1]);
  return right && bottom ? { right, bottom } : null;
}

/** @param {number[]} direction towards left, back, head */
export function letters([x = 0, y = 0, z = 0]) {
  return [{ part: x, letter: x > 0 ? "L" : "R" }, { part: y, letter: y > 0 ? "P" : "A" }, { part: z, letter: z > 0 ? "H" : "F" }]
    .filter(({ part }) => Math.abs(part) >= WORTH)
    .sort((one, other) => Math.abs(other.part) - Math.abs(one.part))
    .map(({ letter }) => letter)
    .join("");
}

/** @param {string | undefined} said */
function known(said) {
  return said && [...said].every((letter) => letter in OPPOSITE) ? said : "";
}

/** @param {string} direction */
function opposite(direction) {
  return [...direction].map((letter) => OPPOSITE[letter]).join("");
}

/**
 * @param {{right: string, bottom: string}} directions of the image as it is stored
 * @param {{rotation: number, flipped: boolean}} view
 * @returns {Edges} as it is shown
 */
export function edges({ right, bottom }, { rotation, flipped }) {
  const across = flipped ? opposite(right) : right;
  // Clockwise from the top.
  const around = [opposite(bottom), across, bottom, opposite(across)];
  const turns = 4 - ((rotation / 90) % 4);
  const [top = "", rightmost = "", lowest = "", left = ""] = around.map((_, at) => around[(at + turns) % 4] ?? "");
  return { top, right: rightmost, bottom: lowest, left };
}

/**
 * How many mm of the patient one column of the image is.
 * @param {DataSet} dataSet
 * @param {number} frame from 1
 * @returns {{mm: number, exact: boolean} | null} not exact where it was measured at the detector, behind the patient
 */
export function columnSpacing(dataSet, frame) {
  const plane = planeOf(dataSet, frame);
  const [, spacing = 0] = numbers(group(dataSet, frame, "00289110"), "00280030");
  const mm = plane?.columnSpacing || spacing || ultrasoundSpacing(dataSet);
  if (mm > 0) {
    return { mm, exact: true };
  }
  const [, imager = 0] = numbers(dataSet, "00181164");
  const [magnification = 0] = numbers(dataSet, "00181114");
  return imager > 0 ? { mm: magnification > 0 ? imager / magnification : imager, exact: magnification > 0 } : null;
}

/**
 * By the regions of an ultrasound image that show tissue in cm (PS3.3 C.8.5.5), where all of them agree.
 * @param {DataSet} dataSet
 */
function ultrasoundSpacing(dataSet) {
  const found = items(dataSet, "00186011")
    .filter((region) => numbers(region, "00186012")[0] === 1 && numbers(region, "00186024")[0] === 3)
    .map((region) => Math.abs(numbers(region, "0018602C")[0] ?? 0) * 10);
  const [first = 0] = found;
  return found.every((one) => Math.abs(one - first) < first * 0.01) ? first : 0;
}

/**
 * A round length that fits.
 * @param {number} most mm
 */
export function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((nice) => nice * power).find((length) => length <= most) ?? power;
}
