// A plane in any direction: two angles turn it out of the axial one.

import { cross, dot, norm, plus, unit } from "../viewer/geometry.js";
import { letters } from "../viewer/orientation.js";

/** @typedef {import("../viewer/geometry.js").Vector} Vector */
/** @typedef {import("./cut.js").Axes} Axes */

/**
 * Degrees from -90 to 90. `forwards` turns about the axis from the patient's right to left, so that the head end comes
 * to the front; then `sideways` turns about the one from front to back, so that it comes to the left.
 * @typedef {{forwards: number, sideways: number}} Angles
 */

/** As long as the vectors that it is measured by. */
const LEAST = 1e-6;

/**
 * @param {Angles} angles
 * @returns {Axes}
 */
export function axesAt({ forwards, sideways }) {
  const [a, b] = [(forwards * Math.PI) / 180, (sideways * Math.PI) / 180];
  /** @type {Vector} */
  const right = [Math.cos(b), 0, -Math.sin(b)];
  /** @type {Vector} */
  const down = [Math.sin(a) * Math.sin(b), Math.cos(a), Math.sin(a) * Math.cos(b)];
  return { right, down, through: cross(right, down), letters: { right: letters(right), bottom: letters(down) } };
}

/**
 * The angles of the plane with this normal, whichever way it points.
 * @param {Vector} normal
 * @returns {Angles}
 */
export function anglesOf(normal) {
  const [x, y, z] = plus([0, 0, 0], unit(normal), normal[2] < 0 ? -1 : 1);
  const degrees = (/** @type {number} */ angle) => (angle * 180) / Math.PI;
  return { forwards: degrees(Math.asin(Math.min(Math.max(-y, -1), 1))), sideways: degrees(Math.atan2(x, z)) };
}

/**
 * Where one plane cuts another, seen in the latter.
 * @param {Axes} seen
 * @param {Axes} other
 * @returns {Vector | null} unit vector; null when they are parallel
 */
export function crossing({ through }, other) {
  const along = cross(other.through, through);
  return norm(along) > LEAST ? unit(along) : null;
}

/**
 * The normal of `other` turned about that of `seen`, so that where it cuts it points from `from` to `to`.
 * @param {Axes} seen
 * @param {Axes} other
 * @param {Vector} from in the plane of `seen`, as is `to`
 * @param {Vector} to
 * @returns {Vector}
 */
export function turnedNormal({ through }, other, from, to) {
  const angle = Math.atan2(dot(cross(from, to), through), dot(from, to));
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const normal = other.through;
  const across = plus(plus([0, 0, 0], normal, cosine), cross(through, normal), sine);
  return plus(across, through, dot(through, normal) * (1 - cosine));
}
