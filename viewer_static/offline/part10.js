// Reads a DICOM file (PS3.10 7) in Explicit or Implicit VR Little Endian up to its Pixel Data, as the DICOM JSON model
// has it (PS3.18 F.2). Whatever the file says of lengths is checked against what there is.

/** @typedef {import("../js/viewer/dicom.js").DataSet} DataSet */
/** @typedef {import("../js/viewer/dicom.js").Attribute} Attribute */

/** @typedef {{dataSet: DataSet, pixels: number, pixelLength: number}} Part10 pixels: where native Pixel Data begin, -1 without */

const EXPLICIT = "1.2.840.10008.1.2.1";
const IMPLICIT = "1.2.840.10008.1.2";
const UNDEFINED = 0xffffffff;
const DEEPEST = 16;
const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const TEXTS = new Set(["AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UI"]);
const NUMBERS = new Set(["DS", "IS"]);

/** @type {Record<string, [number, (view: DataView, at: number) => number]>} Bytes of a binary number, and how it is read. */
const BINARY = {
  US: [2, (view, at) => view.getUint16(at, true)],
  SS: [2, (view, at) => view.getInt16(at, true)],
  UL: [4, (view, at) => view.getUint32(at, true)],
  SL: [4, (view, at) => view.getInt32(at, true)],
  FL: [4, (view, at) => view.getFloat32(at, true)],
  FD: [8, (view, at) => view.getFloat64(at, true)],
};

/** @type {Record<string, string>} What showing an image needs, where the file does not say its VR. */
const IMPLICIT_VRS = {
  ...Object.fromEntries(["00280002", "00280010", "00280011", "00280100", "00280101", "00280102", "00280103", "00280120",
    "00280121", "0062000E"].map((tag) => [tag, "US"])),
  ...Object.fromEntries(["00181164", "00182010", "00280030", "00281050", "00281051", "00281052", "00281053"].map(
    (tag) => [tag, "DS"])),
  ...Object.fromEntries(["00080060", "00280004", "00281056", "20500020"].map((tag) => [tag, "CS"])),
  ...Object.fromEntries(["00283000", "00283010", "00289110", "00289132", "00289145", "52009229", "52009230"].map(
    (tag) => [tag, "SQ"])),
  "00080018": "UI",
  "00280008": "IS",
  "00280034": "IS",
};

/** The bytes at hand end before the Pixel Data begin. */
export class TooShort extends Error {}

/** This is no file that can be read here. */
export class Unreadable extends Error {}

/**
 * @param {ArrayBuffer} buffer the beginning of a file
 * @returns {Part10}
 */
export function parse(buffer) {
  const reader = new Reader(buffer);
  if (buffer.byteLength < 132) {
    throw new TooShort();
  }
  if (reader.text(128, 4) !== "DICM") {
    throw new Unreadable("no DICOM file");
  }
  /** @type {DataSet} */
  const meta = {};
  let at = 132;
  while (at + 2 <= buffer.byteLength && reader.view.getUint16(at, true) === 2) {
    at = reader.element(at, true, meta, 0).end;
  }
  const syntax = String(meta["00020010"]?.Value?.[0] ?? "");
  if (syntax !== EXPLICIT && syntax !== IMPLICIT) {
    throw new Unreadable(`transfer syntax ${syntax}`);
  }
  return reader.dataSet(at, syntax === EXPLICIT);
}

class Reader {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    this.view = new DataView(buffer);
    this.size = buffer.byteLength;
  }

  /**
   * @param {number} at
   * @param {boolean} explicit
   * @returns {Part10}
   */
  dataSet(at, explicit) {
    /** @type {DataSet} */
    const dataSet = {};
    for (;;) {
      const header = this.header(at, explicit);
      if (header.tag === "7FE00010") {
        if (header.length === UNDEFINED) {
          throw new Unreadable("compressed");
        }
        dataSet["7FE00010"] = { vr: "OW" };
        return { dataSet, pixels: header.begin, pixelLength: header.length };
      }
      if (header.tag > "7FE00010") {
        return { dataSet, pixels: -1, pixelLength: 0 };
      }
      at = this.element(at, explicit, dataSet, 0).end;
    }
  }

  /**
   * @param {number} at
   * @param {boolean} explicit
   */
  header(at, explicit) {
    this.need(at, 8);
    const { view } = this;
    const tag = hex(view.getUint16(at, true)) + hex(view.getUint16(at + 2, true));
    if (!explicit || tag.startsWith("FFFE")) {
      return { tag, vr: IMPLICIT_VRS[tag] ?? "UN", length: view.getUint32(at + 4, true), begin: at + 8 };
    }
    const vr = this.text(at + 4, 2);
    if (!LONG.has(vr)) {
      return { tag, vr, length: view.getUint16(at + 6, true), begin: at + 8 };
    }
    this.need(at, 12);
    return { tag, vr, length: view.getUint32(at + 8, true), begin: at + 12 };
  }

  /**
   * Read an element into `dataSet`.
   * @param {number} at
   * @param {boolean} explicit
   * @param {DataSet} dataSet
   * @param {number} depth
   */
  element(at, explicit, dataSet, depth) {
    const header = this.header(at, explicit);
    const { tag, vr, length, begin } = header;
    if (vr === "SQ" || length === UNDEFINED) {
      // Items of what is UN with undefined length are in Implicit VR (PS3.5 6.2.2).
      const { items, end } = this.items(begin, length, explicit && vr === "SQ", depth + 1);
      dataSet[tag] = { vr: "SQ", Value: items };
      return { ...header, end };
    }
    this.need(begin, length);
    const value = this.value(vr, begin, length);
    dataSet[tag] = value.length ? { vr, Value: value } : { vr };
    return { ...header, end: begin + length };
  }

  /**
   * @param {number} at
   * @param {number} length
   * @param {boolean} explicit
   * @param {number} depth
   */
  items(at, length, explicit, depth) {
    if (depth > DEEPEST) {
      throw new Unreadable("nested too deeply");
    }
    const end = length === UNDEFINED ? Infinity : at + length;
    /** @type {DataSet[]} */
    const items = [];
    while (at < end) {
      const item = this.header(at, false);
      at = item.begin;
      if (item.tag === "FFFEE0DD") {
        break;
      }
      if (item.tag !== "FFFEE000") {
        throw new Unreadable("no item");
      }
      /** @type {DataSet} */
      const dataSet = {};
      at = this.item(at, item.length, explicit, dataSet, depth);
      items.push(dataSet);
    }
    return { items, end: at };
  }

  /**
   * @param {number} at
   * @param {number} length
   * @param {boolean} explicit
   * @param {DataSet} dataSet
   * @param {number} depth
   */
  item(at, length, explicit, dataSet, depth) {
    const end = length === UNDEFINED ? Infinity : at + length;
    while (at < end) {
      if (this.header(at, explicit).tag === "FFFEE00D") {
        return at + 8;
      }
      at = this.element(at, explicit, dataSet, depth).end;
    }
    return at;
  }

  /**
   * The values of an element; none of what nobody asks for here.
   * @param {string} vr
   * @param {number} at
   * @param {number} length
   * @returns {(string | number)[]}
   */
  value(vr, at, length) {
    const binary = BINARY[vr];
    if (binary) {
      const [size, read] = binary;
      return Array.from({ length: Math.floor(length / size) }, (_, number) => read(this.view, at + number * size));
    }
    if (!TEXTS.has(vr) && !NUMBERS.has(vr)) {
      return [];
    }
    const texts = this.text(at, length).replace(/[\0 ]+$/, "").split("\\").map((text) => text.trim());
    const given = texts.length > 1 || texts[0] ? texts : [];
    return NUMBERS.has(vr) ? given.map(Number) : given;
  }

  /**
   * @param {number} at
   * @param {number} length
   */
  text(at, length) {
    return new TextDecoder("latin1").decode(new Uint8Array(this.view.buffer, at, length));
  }

  /**
   * @param {number} at
   * @param {number} length
   */
  need(at, length) {
    if (at + length > this.size) {
      throw new TooShort();
    }
  }
}

/** @param {number} value */
function hex(value) {
  return value.toString(16).toUpperCase().padStart(4, "0");
}
