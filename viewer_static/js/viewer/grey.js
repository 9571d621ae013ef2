// From stored values to grey, as one table that both renderers look up: what lies above Bits Stored is cut off, then
// modality LUT, window (PS3.3 C.11.2.1.2, C.11.2.1.3) and inversion. The same rules as storage/voi.py.

/** @typedef {import("./dicom.js").Description} Description */
/** @typedef {import("./dicom.js").Window} Window */

/**
 * Grey (0 black to 255 white) for each pattern of bits that a sample can have: 256 or 65536 entries.
 * @param {Description} image
 * @param {Window} window
 */
export function greyTable(image, window) {
  const size = image.bitsAllocated === 8 ? 256 : 65536;
  const table = new Uint8Array(size);
  const [low, high] = image.padding ?? [NaN, NaN];
  for (let pattern = 0; pattern < size; pattern++) {
    const stored = value(image, pattern);
    if (stored >= low && stored <= high) {
      continue; // Padding is no image: black, also where the image is shown inverted (PS3.3 C.7.5.1.1.2).
    }
    const grey = windowed(stored * image.slope + image.intercept, window);
    table[pattern] = Math.round(255 * (image.inverted ? 1 - grey : grey));
  }
  return table;
}

/**
 * The stored value that a pattern of bits stands for.
 * @param {Description} image
 * @param {number} pattern
 */
export function value(image, pattern) {
  const above = 31 - image.highBit;
  const spare = 32 - image.bitsStored;
  return image.signed ? (pattern << above) >> spare : (pattern << above) >>> spare;
}

/**
 * Grey from 0 to 1. LINEAR with a width below 1 is read as LINEAR_EXACT, since nothing else can be meant.
 * @param {number} x
 * @param {Window} window
 */
export function windowed(x, { center, width, shape }) {
  if (shape === "SIGMOID") {
    return 1 / (1 + Math.exp((-4 * (x - center)) / width));
  }
  let middle = center;
  let span = width;
  if (shape !== "LINEAR_EXACT" && width >= 1) {
    middle -= 0.5;
    span -= 1;
    if (span === 0) {
      return x > middle ? 1 : 0;
    }
  }
  return Math.min(Math.max((x - middle) / span + 0.5, 0), 1);
}

// So many values, evenly spread, stand for all of them: as many as the server takes, so that its pictures look the same.
const SAMPLED = 65536;

/**
 * The window for an image that names none: all that 8 bits hold, else from the 1st to the 99th percentile.
 * @param {Description} image
 * @param {Uint8Array | Uint16Array} samples
 * @returns {Window}
 */
export function automaticWindow(image, samples) {
  if (image.bitsAllocated === 8 && !image.signed) {
    return between(image, 0, image.largest);
  }
  const counts = histogram(image, samples, 1);
  const sampled = histogram(image, samples, Math.max(Math.floor(total(counts) / SAMPLED), 1) | 1);
  const last = total(sampled) - 1;
  const [low, high] = [percentile(sampled, 0.01 * last), percentile(sampled, 0.99 * last)];
  const usual = high > low && !image.wholeRange;
  return usual ? between(image, low, high) : between(image, counts[0]?.[0] ?? 0, counts.at(-1)?.[0] ?? 0);
}

/** @param {[number, number][]} counts */
function total(counts) {
  return counts.reduce((sum, [, count]) => sum + count, 0);
}

/**
 * How often each stored value occurs that is no padding, in ascending order.
 * @param {Description} image
 * @param {Uint8Array | Uint16Array} samples
 * @param {number} step every how many of them counts
 * @returns {[number, number][]}
 */
function histogram(image, samples, step) {
  const patterns = new Uint32Array(image.bitsAllocated === 8 ? 256 : 65536);
  const [low, high] = image.padding ?? [NaN, NaN];
  let at = 0;
  for (const sample of samples) {
    const stored = value(image, sample);
    if (!(stored >= low && stored <= high) && at++ % step === 0) {
      patterns[sample] = (patterns[sample] ?? 0) + 1;
    }
  }
  /** @type {Map<number, number>} */
  const counts = new Map();
  patterns.forEach((count, pattern) => {
    if (count) {
      const stored = value(image, pattern);
      counts.set(stored, (counts.get(stored) ?? 0) + count);
    }
  });
  return [...counts].sort(([one], [other]) => one - other);
}

/**
 * The value at a rank from 0 on; between two ranks, in between.
 * @param {[number, number][]} counts
 * @param {number} rank
 */
function percentile(counts, rank) {
  const lower = ranked(counts, Math.floor(rank));
  return lower + (ranked(counts, Math.ceil(rank)) - lower) * (rank - Math.floor(rank));
}

/**
 * @param {[number, number][]} counts
 * @param {number} rank a whole number from 0 on
 */
function ranked(counts, rank) {
  let before = 0;
  for (const [stored, count] of counts) {
    before += count;
    if (before > rank) {
      return stored;
    }
  }
  return 0;
}

/**
 * The window from black at one stored value to white at the other; a flat image becomes black.
 * @param {Description} image
 * @param {number} one
 * @param {number} other
 * @returns {Window}
 */
function between(image, one, other) {
  const [from, to] = [one * image.slope + image.intercept, other * image.slope + image.intercept];
  const width = Math.abs(to - from);
  return { center: width ? (from + to) / 2 : from + 0.5, width: width || 1, shape: "LINEAR_EXACT" };
}
