// Frames of a series from the gateway's DICOMweb routes (PS3.18 10.4).

import { MOST_PIXELS, describe } from "./dicom.js";
import { planeOf } from "./geometry.js";

/** @typedef {import("./dicom.js").Description} Description */
/** @typedef {import("./dicom.js").Window} Window */
/** @typedef {import("./render.js").Frame} Frame */

/** Longest side of a picture that fits a screen. */
export const SCREEN = 1024;
const PNG_UP_TO = 4e6; // pixels in colour

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
    /** @type {string[]} */
    this.uids = [];
    /** @type {number[]} For each instance, how many images there are up to its last one. */
    this.ends = [];
    for (const listed of instances.split(" ")) {
      const [uid = "", frames = "1"] = listed.split(":");
      this.uids.push(uid);
      this.ends.push(this.total + Number(frames));
    }
    /** @type {Map<string, import("./dicom.js").DataSet> | null} */
    this.dataSets = null;
    /** @type {Map<number, Description>} */
    this.descriptions = new Map();
    /** @type {Map<number, import("./geometry.js").Plane | null>} */
    this.planes = new Map();
  }

  /** Whether the reader has asked the browser to save data. */
  get savesData() {
    const connection = /** @type {{saveData?: boolean} | undefined} */ (Reflect.get(navigator, "connection"));
    return connection?.saveData ?? false;
  }

  get total() {
    return this.ends.at(-1) ?? 0;
  }

  /**
   * The instance that holds an image, and where it begins and ends.
   * @param {number} at image, from 0
   * @returns {{uid: string, first: number, last: number} | undefined}
   */
  span(at) {
    let [low, high] = [0, this.ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      [low, high] = (this.ends[middle] ?? 0) > at ? [low, middle] : [middle + 1, high];
    }
    const uid = this.uids[low];
    return uid === undefined || at < 0 ? undefined : { uid, first: this.ends[low - 1] ?? 0, last: (this.ends[low] ?? 0) - 1 };
  }

  /**
   * @param {number} at image, from 0
   * @returns {{uid: string, frame: number} | undefined} frame from 1
   */
  image(at) {
    const span = this.span(at);
    return span && { uid: span.uid, frame: at - span.first + 1 };
  }

  /** Fetch what the metadata say of all images. */
  async load() {
    const answer = await ask(`${this.root}/metadata`, "application/dicom+json");
    /** @type {import("./dicom.js").DataSet[]} */
    const dataSets = await answer.json();
    if (!Array.isArray(dataSets)) {
      throw new Refused("no list");
    }
    this.dataSets = new Map(dataSets.map((dataSet) => [String(dataSet["00080018"]?.Value?.[0] ?? ""), dataSet]));
  }

  /**
   * @param {number} at image, from 0
   * @returns {Description | undefined} undefined until the metadata are there
   */
  description(at) {
    const known = this.descriptions.get(at);
    const image = this.image(at);
    const dataSet = image && this.dataSets?.get(image.uid);
    if (known || !image || !dataSet) {
      return known;
    }
    const description = describe(dataSet, image.frame);
    this.descriptions.set(at, description);
    return description;
  }

  /**
   * @param {number} at image, from 0
   * @returns {import("./dicom.js").DataSet | undefined} undefined until the metadata are there
   */
  dataSet(at) {
    return this.dataSets?.get(this.image(at)?.uid ?? "");
  }

  /**
   * Where an image lies in the patient.
   * @param {number} at image, from 0
   * @returns {import("./geometry.js").Plane | null} null where it is not said, or not known yet
   */
  plane(at) {
    const known = this.planes.get(at);
    const image = this.image(at);
    const dataSet = this.dataSet(at);
    if (known !== undefined || !image || !dataSet) {
      return known ?? null;
    }
    const plane = planeOf(dataSet, image.frame);
    this.planes.set(at, plane);
    return plane;
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
   * The picture at its full size: lossless unless it is huge; for what is grey, unless no canvas holds it. In sRGB,
   * since browsers make dark grey of the black of some profiles.
   * @param {number} at
   * @param {AbortSignal} signal
   */
  async rendered(at, signal) {
    const { rows = 0, columns = 0, raw = false, profiled = false } = this.description(at) ?? {};
    const large = rows * columns > (raw ? MOST_PIXELS : PNG_UP_TO);
    const viewport = rows * columns > MOST_PIXELS ? "&viewport=4096,4096" : "";
    const space = profiled ? "&iccprofile=srgb" : "";
    return this.picture(`${this.frame(at)}/rendered?quality=95${viewport}${space}`, large ? "jpeg" : "png", null, signal);
  }

  /**
   * The stored values, decompressed by the server. Signed ones come as their bit patterns.
   * @param {number} at
   * @param {AbortSignal} signal
   * @param {(part: number) => void} [arrived] told again and again how much of it is there, from 0 to 1
   * @returns {Promise<Frame>}
   */
  async stored(at, signal, arrived = () => {}) {
    const described = this.description(at);
    if (!described) {
      throw new Refused("no metadata");
    }
    const { rows, columns, bitsAllocated } = described;
    const explicit = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1";
    const bytes = new Uint8Array((rows * columns * bitsAllocated) / 8);
    const answer = await ask(this.frame(at), explicit, signal);
    if ((await fill(bytes, answer, arrived)) < bytes.length) {
      throw new Refused("short frame");
    }
    return { samples: bitsAllocated === 8 ? bytes : new Uint16Array(bytes.buffer), columns, rows };
  }

  /** @param {number} at */
  frame(at) {
    const image = this.image(at);
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
 * @param {Uint8Array} bytes to be filled with the answer, as far as it goes
 * @param {Response} answer
 * @param {(part: number) => void} arrived
 * @returns {Promise<number>} how many bytes of them there were
 */
async function fill(bytes, answer, arrived) {
  const reader = answer.body?.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || !value) {
      return length;
    }
    bytes.set(value.subarray(0, bytes.length - length), length);
    length = Math.min(length + value.length, bytes.length);
    arrived(length / bytes.length);
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
