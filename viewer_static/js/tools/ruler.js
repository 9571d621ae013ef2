// Lengths in the planes of the MPR: between two points of the patient, so in real millimetres whatever the plane.

import { dot, norm, plus } from "../viewer/geometry.js";

/** @typedef {import("../viewer/geometry.js").Vector} Vector */
/** @typedef {{from: Vector, to: Vector}} Length */

/** Sends "change" when lengths come, go or grow, and when it is taken or put away. */
export class Ruler extends EventTarget {
  /** @param {number} reach mm from a plane up to which a point still lies in it */
  constructor(reach) {
    super();
    this.reach = reach;
    /** Whether hands draw. */
    this.taken = false;
    /** @type {Length[]} */
    this.lengths = [];
    /** @type {Length | null} One whose end follows the hand. */
    this.draft = null;
  }

  /** @param {boolean} taken */
  take(taken) {
    this.taken = taken;
    this.draft = null;
    this.changed();
  }

  /** @param {Vector} point the next end of a length, the first one or the other */
  put(point) {
    if (this.draft) {
      this.finish(point);
    } else {
      this.draft = { from: point, to: point };
      this.changed();
    }
  }

  /** @param {Vector} point where the hand is */
  follow(point) {
    if (this.draft) {
      this.draft.to = point;
      this.changed();
    }
  }

  /** @param {Vector} point */
  finish(point) {
    if (this.draft) {
      this.lengths.push({ from: this.draft.from, to: point });
      this.draft = null;
      this.changed();
    }
  }

  cancel() {
    this.draft = null;
    this.changed();
  }

  /** @param {Length} length */
  remove(length) {
    this.lengths = this.lengths.filter((one) => one !== length);
    this.changed();
  }

  /**
   * Those that lie in the plane through `point` with the normal `through`.
   * @param {Vector} point
   * @param {Vector} through
   */
  inPlane(point, through) {
    const isNear = (/** @type {Vector} */ end) => Math.abs(dot(plus(end, point, -1), through)) <= this.reach;
    return [...this.lengths, ...(this.draft ? [this.draft] : [])].filter(({ from, to }) => isNear(from) && isNear(to));
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {Length} length */
export function millimetres({ from, to }) {
  return norm(plus(to, from, -1));
}
