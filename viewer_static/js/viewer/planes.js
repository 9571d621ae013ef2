// Overlay planes and display shutters, drawn over stored values as the server draws them into its pictures
// (storage/imaging/overlays.py and shutters.py; PS3.3 C.9.2, C.7.6.11).

import { draw } from "./markup.js";
import { number, numbers } from "./dicom.js";

/** @typedef {import("./dicom.js").DataSet} DataSet */

const GROUPS = Array.from({ length: 16 }, (_, at) => (0x6000 + 2 * at).toString(16));
const MOST_KEPT = 40;
const MOST_VERTICES = 10000;

/**
 * Where one plane draws: rows of bits as bytes 0 and 1, at a place of the image.
 * @typedef {{bits: Uint8Array, rows: number, columns: number, top: number, left: number}} Plane
 */

export class Planes {
  /** @param {import("./pane.js").Pane} pane */
  constructor(pane) {
    this.pane = pane;
    this.overlay = draw("g", { class: "overlay" });
    this.shutter = draw("g", { class: "shutter" });
    /** @type {Map<string, Promise<Uint8Array | null>>} Overlay Data by address. */
    this.kept = new Map();
    this.drawn = "";
    pane.layer.prepend(this.overlay, this.shutter);
    pane.addEventListener("change", () => this.changed());
    this.changed();
  }

  changed() {
    const { stack, source } = this.pane;
    const at = stack.index;
    const dataSet = source.dataSet(at);
    const raw = !!dataSet && stack.isRaw(at);
    const frame = stack.frames.has(String(at)) ? stack.frames.get(String(at)) : undefined;
    const key = raw ? `${at} ${frame ? "stored" : ""}` : "";
    if (key === this.drawn) {
      return;
    }
    this.drawn = key;
    this.shutter.replaceChildren(...(raw ? this.shutters(at, dataSet) : []));
    this.overlay.replaceChildren();
    if (raw) {
      void this.draw(at, dataSet, frame?.samples, key);
    }
  }

  /**
   * @param {number} at
   * @param {DataSet} dataSet
   * @param {Uint8Array | Uint16Array | undefined} samples
   * @param {string} key
   */
  async draw(at, dataSet, samples, key) {
    for (const group of GROUPS.filter((one) => `${one}0010` in dataSet)) {
      const plane =
        `${group}3000` in dataSet ? await this.stored(at, dataSet, group) : this.embedded(at, dataSet, group, samples);
      if (plane && this.drawn === key) {
        this.overlay.append(draw("path", { d: runs(plane), fill: "#ffffff", "shape-rendering": "crispEdges" }));
      }
    }
  }

  /**
   * @param {number} at
   * @param {DataSet} dataSet
   * @param {string} group
   * @returns {Promise<Plane | null>}
   */
  async stored(at, dataSet, group) {
    const [rows, columns] = [number(dataSet, `${group}0010`) ?? 0, number(dataSet, `${group}0011`) ?? 0];
    const frames = number(dataSet, `${group}0015`) ?? 1;
    const origin = number(dataSet, `${group}0051`);
    // One plane without an origin of frames is for all of them.
    const every = frames === 1 && origin === undefined;
    const frame = every ? 0 : (this.pane.source.image(at)?.frame ?? 1) - (origin ?? 1);
    const data = await this.data(at, dataSet, `${group}3000`);
    const [first, count] = [frame * rows * columns, rows * columns];
    if (!data || !count || frame < 0 || frame >= frames || first + count > data.length * 8) {
      return null;
    }
    const bits = new Uint8Array(count);
    for (let bit = 0; bit < count; bit++) {
      bits[bit] = ((data[(first + bit) >> 3] ?? 0) >> ((first + bit) & 7)) & 1;
    }
    return { bits, rows, columns, ...place(dataSet, group) };
  }

  /**
   * The retired form: a bit of each pixel that Bits Stored leaves free.
   * @param {number} at
   * @param {DataSet} dataSet
   * @param {string} group
   * @param {Uint8Array | Uint16Array | undefined} samples
   * @returns {Plane | null}
   */
  embedded(at, dataSet, group, samples) {
    const described = this.pane.source.description(at);
    const position = number(dataSet, `${group}0102`);
    if (!samples || !described || position === undefined) {
      return null;
    }
    const { highBit, bitsStored, bitsAllocated, rows, columns } = described;
    const isPixel = position >= highBit + 1 - bitsStored && position <= highBit;
    if (isPixel || position < 0 || position >= bitsAllocated) {
      return null;
    }
    const bits = Uint8Array.from(samples, (sample) => (sample >> position) & 1);
    return { bits, rows, columns, ...place(dataSet, group) };
  }

  /**
   * @param {number} at
   * @param {DataSet} dataSet
   * @param {string} tag
   * @returns {Promise<Uint8Array | null>}
   */
  async data(at, dataSet, tag) {
    const inline = dataSet[tag]?.InlineBinary;
    if (inline !== undefined) {
      return Uint8Array.from(atob(inline), (letter) => letter.charCodeAt(0));
    }
    const url = `${this.pane.source.root}/instances/${this.pane.source.image(at)?.uid}/bulkdata/${tag}`;
    const kept = this.kept.get(url) ?? fetched(url);
    this.kept.set(url, kept);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MOST_KEPT) {
        break;
      }
      this.kept.delete(oldest);
    }
    return kept;
  }

  /**
   * @param {number} at
   * @param {DataSet} dataSet
   */
  shutters(at, dataSet) {
    const { rows = 0, columns = 0 } = this.pane.source.description(at) ?? {};
    const grey = Math.min(Math.max(number(dataSet, "00181622") ?? 0, 0), 65535) >> 8;
    const shapes = (dataSet["00181600"]?.Value ?? []).map((shape) => opening(dataSet, String(shape).trim()));
    return shapes
      .filter((open) => open !== "")
      .map((open) => draw("path", { d: `M0 0H${columns}V${rows}H0Z${open}`, "fill-rule": "evenodd", fill: `rgb(${grey} ${grey} ${grey})` }));
  }
}

/**
 * @param {string} url
 * @returns {Promise<Uint8Array | null>} null where it cannot be had
 */
async function fetched(url) {
  try {
    const answer = await fetch(url, { headers: { Accept: "application/octet-stream" } });
    return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

/**
 * Row and column of the upper left corner, from 1 in the data set.
 * @param {DataSet} dataSet
 * @param {string} group
 */
function place(dataSet, group) {
  const [row = 1, column = 1] = numbers(dataSet, `${group}0050`);
  return { top: row - 1, left: column - 1 };
}

/**
 * The set bits as a path of horizontal strips.
 * @param {Plane} plane
 */
function runs({ bits, rows, columns, top, left }) {
  const strips = [];
  for (let row = 0; row < rows; row++) {
    let begin = -1;
    for (let column = 0; column <= columns; column++) {
      const set = column < columns && bits[row * columns + column] === 1;
      if (set && begin < 0) {
        begin = column;
      } else if (!set && begin >= 0) {
        strips.push(`M${left + begin} ${top + row}h${column - begin}v1h${begin - column}z`);
        begin = -1;
      }
    }
  }
  return strips.join("");
}

/**
 * What a shape leaves open, as a path; rows and columns of the standard begin with 1, and whole pixels are meant.
 * @param {DataSet} dataSet
 * @param {string} shape
 */
function opening(dataSet, shape) {
  if (shape === "RECTANGULAR") {
    const [left, right, upper, lower] = ["02", "04", "06", "08"].map((last) => number(dataSet, `001816${last}`));
    const whole = left !== undefined && right !== undefined && upper !== undefined && lower !== undefined;
    return whole && right >= left && lower >= upper ? `M${left - 1} ${upper - 1}H${right}V${lower}H${left - 1}Z` : "";
  }
  if (shape === "CIRCULAR") {
    const [y, x] = numbers(dataSet, "00181610");
    const r = (number(dataSet, "00181612") ?? 0) + 0.5;
    const known = x !== undefined && y !== undefined && r > 0.5;
    return known ? `M${x - 0.5 - r} ${y - 0.5}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z` : "";
  }
  if (shape === "POLYGONAL") {
    const vertices = numbers(dataSet, "00181620").slice(0, 2 * MOST_VERTICES);
    const points = [];
    for (let at = 0; at + 1 < vertices.length; at += 2) {
      points.push(`${(vertices[at + 1] ?? 0) - 0.5} ${(vertices[at] ?? 0) - 0.5}`);
    }
    return points.length > 2 ? `M${points.join("L")}Z` : "";
  }
  return "";
}
