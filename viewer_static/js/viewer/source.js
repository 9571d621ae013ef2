// Frames of a series from the gateway's DICOMweb routes (PS3.18 10.4).

import { MOST_PIXELS, describe } from "./dicom.js";

/** @typedef {import("./dicom.js").Description} Description */
/** @typedef {import("./dicom.js").Window} Window */
/** @typedef {import("./render.js").Frame} Frame */

const SCREEN = 1024;
const PNG_UP_TO = 4e6;

/** An answer that will not become another by asking again. */
export class Refused extends Error {}

/** The session has ended. */
export class SignedOut extends Error {}

export class Source {
  /**
   * @param {string} root address of the series
   * @param {string} instances "UID UID:frames …" in their order
   * @param {{rows: number, columns: number}} first size of the image that the page was opened with
   */
  constructor(root, instances, first) {
    this.root = root;
    this.first = first;
    /** @type {{uid: string, frame: number}[]} */
    this.images = instances.split(" ").flatMap((listed) => {
      const [uid = "", frames = "1"] = listed.split(":");
      return Array.from({ length: Number(frames) }, (_, at) => ({ uid, frame: at + 1 }));
    });
    /** @type {Map<string, import("./dicom.js").DataSet> | null} */
    this.dataSets = null;
    /** @type {Map<number, Description>} */
    this.descriptions = new Map();
  }

  /** Fetch what the metadata say of all images. */
  async load() {
    const answer = await ask(`${this.root}/metadata`, "application/dicom+json");
    /** @type {import("./dicom.js").DataSet[]} */
    const dataSets = await answer.json();
    this.dataSets = new Map(dataSets.map((dataSet) => [String(dataSet["00080018"]?.Value?.[0] ?? ""), dataSet]));
  }

  /**
   * @param {number} at image, from 0
   * @returns {Description | undefined} undefined until the metadata are there
   */
  description(at) {
    const known = this.descriptions.get(at);
    const image = this.images[at];
    const dataSet = image && this.dataSets?.get(image.uid);
    if (known || !image || !dataSet) {
      return known;
    }
    const description = describe(dataSet, image.frame);
    this.descriptions.set(at, description);
    return description;
  }

  /**
   * A JPEG that fits a screen. A viewport also enlarges what is smaller, so only large images get one.
   * @param {number} at
   * @param {Window | null} window
   * @param {AbortSignal} signal
   */
  async preview(at, window, signal) {
    const { rows, columns } = this.description(at) ?? this.first;
    const viewport = Math.max(rows, columns) > SCREEN ? `&viewport=${SCREEN},${SCREEN}` : "";
    return this.picture(`${this.frame(at)}/rendered?quality=80${viewport}`, "jpeg", window, signal);
  }

  /**
   * The picture at its full size: lossless unless it is huge.
   * @param {number} at
   * @param {AbortSignal} signal
   */
  async rendered(at, signal) {
    const { rows = 0, columns = 0 } = this.description(at) ?? {};
    const large = rows * columns > PNG_UP_TO;
    const viewport = rows * columns > MOST_PIXELS ? "&viewport=4096,4096" : "";
    return this.picture(`${this.frame(at)}/rendered?quality=95${viewport}`, large ? "jpeg" : "png", null, signal);
  }

  /**
   * The stored values, decompressed by the server. Signed ones come as their bit patterns.
   * @param {number} at
   * @param {AbortSignal} signal
   * @returns {Promise<Frame>}
   */
  async stored(at, signal) {
    const described = this.description(at);
    if (!described) {
      throw new Refused("no metadata");
    }
    const { rows, columns, bitsAllocated } = described;
    const explicit = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1";
    const bytes = await (await ask(this.frame(at), explicit, signal)).arrayBuffer();
    if (bytes.byteLength < (rows * columns * bitsAllocated) / 8) {
      throw new Refused("short frame");
    }
    const kind = bitsAllocated === 8 ? Uint8Array : Uint16Array;
    return { samples: new kind(bytes, 0, rows * columns), columns, rows };
  }

  /** @param {number} at */
  frame(at) {
    const image = this.images[at];
    return `${this.root}/instances/${image?.uid}/frames/${image?.frame}`;
  }

  /**
   * @param {string} url
   * @param {string} kind
   * @param {Window | null} window
   * @param {AbortSignal} signal
   */
  async picture(url, kind, window, signal) {
    const answer = await ask(url + (window ? `&window=${parameter(window)}` : ""), `image/${kind}`, signal);
    return createImageBitmap(await answer.blob());
  }
}

/**
 * The window as the parameter of a rendered resource (PS3.18 8.3.5.1.4).
 * @param {Window} window
 */
export function parameter({ center, width, shape }) {
  return `${round(center)},${round(width)},${shape.toLowerCase().replace("_", "-")}`;
}

/** @param {number} value */
function round(value) {
  return Number(value.toPrecision(6));
}

/**
 * @param {string} url
 * @param {string} accept
 * @param {AbortSignal} [signal]
 */
async function ask(url, accept, signal) {
  const answer = await fetch(url, { headers: { Accept: accept }, signal: signal ?? null });
  if (answer.status === 401) {
    throw new SignedOut();
  }
  // Too busy now (also a proxy that waits for the gateway to start again) may become an image later.
  if ([429, 502, 503, 504].includes(answer.status)) {
    throw new Error(String(answer.status));
  }
  if (!answer.ok) {
    throw new Refused(String(answer.status));
  }
  return answer;
}
