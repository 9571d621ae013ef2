// Which image of another series shows the same place.

import { dot, fromPatient, middleOf } from "./geometry.js";

/** @typedef {import("./pane.js").Pane} Pane */

const PARALLEL = 0.95;

/**
 * By the patient's own coordinates where both series share them; else as many mm further as the leader has gone, where
 * both are cut alike; else the same part of the series further.
 * @param {Pane} leader
 * @param {number} from image of the leader when both were joined
 * @param {Pane} pane
 * @param {number} start image of the pane when both were joined
 * @returns {number | null} null to stay: the leader is cut across, so its place is one of all images
 */
export function samePlace({ source, stack }, from, pane, start) {
  const here = source.plane(stack.index);
  const there = pane.source.plane(pane.stack.index);
  const began = source.plane(from);
  if (!here || !there || !began) {
    return byPart(stack.index - from, stack.total, start, pane.stack.total);
  }
  const alike = Math.abs(dot(here.normal, there.normal)) > PARALLEL;
  if (here.frameOfReference && here.frameOfReference === there.frameOfReference) {
    return alike ? nearest(pane, (plane) => fromPatient(plane, middleOf(here)).distance) : null;
  }
  const origin = pane.source.plane(start);
  if (!alike || !origin) {
    return byPart(stack.index - from, stack.total, start, pane.stack.total);
  }
  const gone = -fromPatient(began, here.position).distance * Math.sign(dot(here.normal, there.normal));
  return nearest(pane, (plane) => fromPatient(origin, plane.position).distance + gone);
}

/**
 * @param {number} gone images
 * @param {number} total
 * @param {number} start
 * @param {number} others
 */
function byPart(gone, total, start, others) {
  const at = Math.round(start + (gone * others) / Math.max(total, 1));
  return Math.min(Math.max(at, 0), others - 1);
}

/**
 * @param {Pane} pane
 * @param {(plane: import("./geometry.js").Plane) => number} distance
 * @returns {number | null}
 */
function nearest({ source, stack }, distance) {
  let best = Infinity;
  let found = null;
  for (let at = 0; at < stack.total; at++) {
    const plane = source.plane(at);
    const far = plane ? Math.abs(distance(plane)) : Infinity;
    if (far < best) {
      best = far;
      found = at;
    }
  }
  return found;
}
