// What others have drawn for a series, asked of the portal (gateway/portal/regions.py, storage/pixels.py).

import { leave } from "../idle.js";

/**
 * A segment or ROI. `images` are the first and last of each row of images on which it lies, from 0.
 * @typedef {{number: number, name: string, colour: string, images: [number, number][]}} Region
 */

/**
 * A segmentation or structure set; without regions when it cannot be read.
 * @typedef {object} RegionSet
 * @property {string} address
 * @property {string} name of its series
 * @property {string} label
 * @property {boolean} readable
 * @property {Region[]} regions
 * @property {number} more regions that are not listed
 * @property {number} parts of how many frames or contours it is made
 * @property {number} left_out those that lie on none of the images
 */

/** @typedef {{number: number, left: number, top: number, width: number, height: number, values: string}} Mask */
/** @typedef {{number: number, form: "closed" | "open" | "point", points: number[]}} Shape x and y behind one another */
/** @typedef {{masks?: Mask[], shapes?: Shape[], complete: boolean}} Outlines what is to be drawn on one image */

/**
 * Those sets of the study that are for the images of a series, one asked for after the other.
 * @param {import("../viewer/source.js").Source} source
 * @returns {Promise<RegionSet[] | null>} null when they cannot be had
 */
export async function setsOf({ root }) {
  const [, path = ""] = root.match(/(\/studies\/[^/]+\/series\/[^/]+)$/) ?? [];
  /** @type {{address: string, name: string}[] | null} */
  const listed = await ask(`${path}/regions`);
  if (!listed) {
    return null;
  }
  const found = [];
  for (const one of listed) {
    /** @type {(RegionSet & {concerns: boolean}) | null} */
    const said = await ask(one.address);
    if (!said) {
      found.push({ ...one, label: "", readable: false, regions: [], more: 0, parts: 0, left_out: 0 });
    } else if (said.concerns) {
      found.push({ ...said, ...one, readable: true });
    }
  }
  // What can be seen comes first.
  return found.sort((one, other) => Number(isSeen(other)) - Number(isSeen(one)));
}

/** @param {RegionSet} set */
function isSeen({ regions }) {
  return regions.some(({ images }) => images.length > 0);
}

/**
 * @param {Region} region
 * @param {number} at image, from 0
 */
export function liesOn({ images }, at) {
  return images.some(([first, last]) => first <= at && at <= last);
}

/**
 * What of a set lies on one image.
 * @param {RegionSet} set
 * @param {number} at image, from 0
 * @param {AbortSignal} signal
 * @returns {Promise<Outlines | null>} null when it cannot be had
 */
export async function outlinesOf({ address }, at, signal) {
  return ask(`${address}?image=${at + 1}`, signal);
}

/**
 * @param {string} address
 * @param {AbortSignal} [signal]
 */
async function ask(address, signal) {
  const answer = await fetch(address, { signal: signal ?? null }).catch(() => null);
  if (answer?.redirected) {
    leave();
  }
  return answer?.ok && !answer.redirected ? answer.json() : null;
}
