// What the metadata (DICOM JSON model, PS3.18 F.2) say of showing one frame. The same rules as storage/presentation.py.

/** @typedef {{vr?: string, Value?: unknown[], BulkDataURI?: string, InlineBinary?: string}} Attribute */
/** @typedef {Record<string, Attribute>} DataSet */
/** @typedef {{center: number, width: number, shape: string}} Window window in units of the modality LUT; shape as in (0028,1056) */

/**
 * How a frame is shown. `raw`: its stored values can be fetched and windowed here; otherwise the server renders it.
 * @typedef {object} Description
 * @property {number} rows
 * @property {number} columns
 * @property {number} bitsAllocated
 * @property {number} bitsStored
 * @property {number} highBit
 * @property {boolean} signed
 * @property {number} slope
 * @property {number} intercept
 * @property {boolean} inverted
 * @property {Window | null} window
 * @property {boolean} voiLut a VOI LUT counts before the window until the reader chooses another
 * @property {[number, number] | null} padding range of stored values that are no image
 * @property {boolean} wholeRange without a window, all values are shown, also the rarest
 * @property {number} largest what white means in 8 bits without a window
 * @property {number} pixelHeight height of a pixel divided by its width
 * @property {boolean} profiled whether its colours are meant in a space of their own
 * @property {boolean} raw
 */

/** What phones allow a canvas to have. Larger images are rendered smaller by the server. */
export const MOST_PIXELS = 2 ** 24;

/**
 * @param {DataSet} dataSet
 * @param {number} frame from 1
 * @returns {Description}
 */
export function describe(dataSet, frame) {
  const transformation = group(dataSet, frame, "00289145");
  const voi = group(dataSet, frame, "00289132");
  const bitsAllocated = number(dataSet, "00280100") ?? 16;
  const photometric = text(dataSet, "00280004");
  // A supplemental palette gives colours to some of the values (PS3.3 C.7.6.19).
  const coloured = ["COLOR", "MIXED"].includes(text(dataSet, "00089205")) && "00281101" in dataSet;
  const grey = photometric.startsWith("MONOCHROME") && (number(dataSet, "00280002") ?? 1) === 1 && !coloured;
  const rows = number(dataSet, "00280010") ?? 0;
  const columns = number(dataSet, "00280011") ?? 0;
  const stored = "7FE00010" in dataSet && (bitsAllocated === 8 || bitsAllocated === 16);
  const announced = Math.min(number(dataSet, "00280101") || bitsAllocated, bitsAllocated);
  // Codestreams often hold more bits than announced, and nothing else in the bits above.
  const bitsStored = text(dataSet, "00083002").startsWith("1.2.840.10008.1.2.4.") ? bitsAllocated : announced;
  const highBit = number(dataSet, "00280102") ?? bitsStored - 1;
  const signed = number(dataSet, "00280103") === 1;
  return {
    rows,
    columns,
    bitsAllocated,
    bitsStored,
    // The standard now demands Bits Stored - 1 (PS3.5 8.1.1).
    highBit: bitsStored <= highBit + 1 && highBit < bitsAllocated ? highBit : bitsStored - 1,
    signed,
    slope: number(transformation, "00281053") || 1,
    intercept: number(transformation, "00281052") ?? 0,
    inverted: photometric === "MONOCHROME1" || text(dataSet, "20500020") === "INVERSE",
    window: windowOf(voi),
    voiLut: "00283010" in dataSet,
    padding: paddingOf(dataSet, signed ? 2 ** bitsAllocated : Infinity),
    wholeRange: text(dataSet, "00080060") === "RTDOSE",
    largest: number(dataSet, "0062000E") || 2 ** announced - 1,
    pixelHeight: pixelHeight(dataSet, group(dataSet, frame, "00289110")),
    profiled: [dataSet, ...items(dataSet, "00480105")].some((one) => "00282000" in one),
    raw: grey && stored && !("00283000" in dataSet) && rows * columns <= MOST_PIXELS,
  };
}

/**
 * The item of a functional group sequence (PS3.3 C.7.6.16.2): of the frame, else the shared one, else the data set.
 * @param {DataSet} dataSet
 * @param {number} frame
 * @param {string} tag
 * @returns {DataSet}
 */
export function group(dataSet, frame, tag) {
  const own = items(dataSet, "52009230")[frame - 1];
  const shared = items(dataSet, "52009229")[0];
  for (const groups of [own, shared]) {
    const item = groups && items(groups, tag)[0];
    if (item) {
      return item;
    }
  }
  return dataSet;
}

/**
 * @param {DataSet} dataSet
 * @returns {Window | null}
 */
function windowOf(dataSet) {
  const center = number(dataSet, "00281050");
  const width = number(dataSet, "00281051");
  if (center === undefined || width === undefined || width <= 0) {
    return null;
  }
  return { center, width, shape: text(dataSet, "00281056") || "LINEAR" };
}

/**
 * @param {DataSet} dataSet
 * @param {number} modulus what is too much in a signed value that was written as US
 * @returns {[number, number] | null}
 */
function paddingOf(dataSet, modulus) {
  const value = number(dataSet, "00280120");
  if (value === undefined) {
    return null;
  }
  const ends = [value, number(dataSet, "00280121") ?? value].map((end) => (end >= modulus / 2 ? end - modulus : end));
  return [Math.min(...ends), Math.max(...ends)];
}

/**
 * @param {DataSet} dataSet
 * @param {DataSet} measures
 */
function pixelHeight(dataSet, measures) {
  for (const [source, tag] of /** @type {[DataSet, string][]} */ ([
    [measures, "00280030"],
    [dataSet, "00280030"],
    [dataSet, "00181164"],
    [dataSet, "00182010"],
    [dataSet, "00280034"],
  ])) {
    const [height, width] = (source[tag]?.Value ?? []).map(Number);
    if (height && width && height > 0 && width > 0) {
      const ratio = height / width;
      return ratio > 1 / 50 && ratio < 50 ? ratio : 1;
    }
  }
  return 1;
}

/**
 * @param {DataSet} dataSet
 * @param {string} tag
 * @returns {DataSet[]}
 */
export function items(dataSet, tag) {
  const values = /** @type {DataSet[]} */ (dataSet[tag]?.Value ?? []);
  return values.filter((item) => typeof item === "object" && item !== null);
}

/**
 * @param {DataSet} dataSet
 * @param {string} tag
 * @returns {number | undefined}
 */
export function number(dataSet, tag) {
  const value = dataSet[tag]?.Value?.[0];
  return value === undefined || value === null || !Number.isFinite(Number(value)) ? undefined : Number(value);
}

/**
 * All values of an attribute; none when one of them is no number.
 * @param {DataSet} dataSet
 * @param {string} tag
 * @returns {number[]}
 */
export function numbers(dataSet, tag) {
  const values = dataSet[tag]?.Value ?? [];
  const found = values.map((value) => (value === null ? NaN : Number(value)));
  return found.every(Number.isFinite) ? found : [];
}

/**
 * @param {DataSet} dataSet
 * @param {string} tag
 */
export function text(dataSet, tag) {
  return String(dataSet[tag]?.Value?.[0] ?? "").trim();
}
