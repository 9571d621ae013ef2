// What the stored values inside of a shape amount to.

import { value } from "../viewer/grey.js";

/** @typedef {import("../viewer/dicom.js").Description} Description */
/** @typedef {import("../viewer/render.js").Frame} Frame */
/** @typedef {import("../viewer/view.js").Point} Point */

/** @typedef {{count: number, mean: number, sd: number, min: number, max: number}} Statistics rescaled values; sd of the whole */

/**
 * Over all pixels whose middle lies in the shape between two corners, padding left out.
 * @param {"rectangle" | "ellipse"} shape
 * @param {Point} one
 * @param {Point} other
 * @param {Description} image
 * @param {Frame} frame
 * @returns {Statistics | null} null where there is no such pixel
 */
export function statistics(shape, one, other, image, { samples, columns, rows }) {
  const [left, right] = ascending(one.x, other.x);
  const [top, bottom] = ascending(one.y, other.y);
  const reach = { x: (right - left) / 2 || 1e-9, y: (bottom - top) / 2 || 1e-9 };
  const [low, high] = image.padding ?? [NaN, NaN];
  let [count, sum, squares, min, max] = [0, 0, 0, Infinity, -Infinity];
  for (let row = Math.max(Math.ceil(top - 0.5), 0); row + 0.5 < bottom && row < rows; row++) {
    const down = (row + 0.5 - (top + bottom) / 2) / reach.y;
    for (let column = Math.max(Math.ceil(left - 0.5), 0); column + 0.5 < right && column < columns; column++) {
      const across = (column + 0.5 - (left + right) / 2) / reach.x;
      const stored = value(image, samples[row * columns + column] ?? 0);
      if ((shape === "ellipse" && across ** 2 + down ** 2 > 1) || (stored >= low && stored <= high)) {
        continue;
      }
      count++;
      sum += stored;
      squares += stored ** 2;
      min = Math.min(min, stored);
      max = Math.max(max, stored);
    }
  }
  if (!count) {
    return null;
  }
  // Sums of 16-bit values are exact, so the difference of squares loses nothing.
  const variance = Math.max(squares / count - (sum / count) ** 2, 0);
  const [from, to] = ascending(rescaled(image, min), rescaled(image, max));
  return {
    count,
    mean: rescaled(image, sum / count),
    sd: Math.sqrt(variance) * Math.abs(image.slope),
    min: from,
    max: to,
  };
}

/**
 * The rescaled value of the pixel at a point.
 * @param {Point} point
 * @param {Description} image
 * @param {Frame} frame
 * @returns {number | null} null outside of the image
 */
export function valueAt({ x, y }, image, { samples, columns, rows }) {
  if (!(x >= 0 && y >= 0 && x < columns && y < rows)) {
    return null;
  }
  return rescaled(image, value(image, samples[Math.floor(y) * columns + Math.floor(x)] ?? 0));
}

/**
 * @param {Description} image
 * @param {number} stored
 */
function rescaled({ slope, intercept }, stored) {
  return stored * slope + intercept;
}

/**
 * @param {number} one
 * @param {number} other
 * @returns {[number, number]}
 */
function ascending(one, other) {
  return one < other ? [one, other] : [other, one];
}
