// Which image is asked for, which one is in sight, and what is to be fetched meanwhile: JPEGs while the reader moves,
// stored values when he rests, then outwards from there.

import { Cache, Queue } from "./cache.js";
import { automaticWindow, greyTable } from "./grey.js";
import { leave } from "../idle.js";
import { Refused, SCREEN, SignedOut, parameter } from "./source.js";

/** @typedef {import("./dicom.js").Window} Window */
/** @typedef {import("./render.js").Frame} Frame */
/** @typedef {import("./source.js").Source} Source */
/** @typedef {import("./cache.js").Job} Job */

const REST = 140;
const AGAIN = 3000;
/** Problems that asking again will not help: the last two are a picture and metadata that cannot be read. */
const FINAL = [SignedOut, Refused, DOMException, SyntaxError];
const AHEAD = 24;
const MEGABYTE = 1 << 20;

/**
 * Where the stack shows its images.
 * @typedef {object} Stage
 * @property {(frame: Frame, table: Uint8Array, pixelHeight: number) => void} exact
 * @property {(picture: ImageBitmap) => void} picture
 * @property {(columns: number, rows: number) => void} measure the size of the image that comes, in its own pixels
 * @property {() => void} changed what is asked for or in sight has changed
 */

export class Stack {
  /**
   * @param {Source} source
   * @param {Stage} screen
   * @param {number} index image to begin with, from 0
   */
  constructor(source, screen, index) {
    this.source = source;
    this.screen = screen;
    this.index = index;
    this.first = index;
    /** Image in sight, from 0; -1 before the first. */
    this.shown = -1;
    /** @type {"none" | "preview" | "full"} */
    this.quality = "none";
    /** @type {Window | null} The reader's window; null for each image's own. */
    this.window = null;
    /** How much of the stored values of the image asked for is there, from 0 to 1. */
    this.arrived = 0;
    /** @type {((at: number) => string) | null} Where the server shows images as somebody has marked them, "" for none. */
    this.presented = null;
    this.direction = 1;
    this.resting = true;
    this.offline = false;
    /** @type {Set<string>} What was refused and is not asked for again. */
    this.refused = new Set();
    /** @type {Cache<ImageBitmap>} */
    this.pictures = new Cache(96 * MEGABYTE, (bitmap) => bitmap.close());
    /** @type {Cache<Frame>} */
    this.frames = new Cache(96 * MEGABYTE);
    /** @type {{first: number, last: number, loop: boolean} | null} What is played as a film. */
    this.playing = null;
    this.queue = new Queue(6);
    this.timer = 0;
    /** The next animation frame, 0 while none is waited for, and whether it is to paint again. */
    this.painting = 0;
    this.stale = false;
    this.tableKey = "";
    /** @type {Uint8Array} */
    this.table = new Uint8Array(0);
  }

  get total() {
    return this.source.total;
  }

  /** Whether nothing can be had of the image that is asked for. */
  get failed() {
    return this.refused.has(this.previewKey(this.index)) && this.shown !== this.index;
  }

  /**
   * The server's picture is there already; it goes on with what the line is needed for most. Resolved when the metadata
   * are there, or are refused: while the line is gone they are asked for again.
   */
  async start() {
    while (await this.lacksMetadata()) {
      this.show(this.index);
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
    this.show(this.index);
  }

  /** @returns {Promise<boolean>} whether the metadata could not be had this time */
  async lacksMetadata() {
    try {
      await this.source.load();
      this.offline = false;
      return false;
    } catch (problem) {
      return this.failing(problem, "");
    }
  }

  /** @param {number} index whoever asks for an image himself ends a film */
  show(index) {
    this.playing = null;
    this.go(index);
  }

  /** @param {number} index */
  go(index) {
    const next = Math.min(Math.max(index, 0), this.total - 1);
    if (next !== this.index) {
      this.direction = Math.sign(next - this.index);
      this.index = next;
      this.arrived = 0;
      this.move();
    }
    this.paint();
    this.plan();
    this.screen.changed();
  }

  /** @param {Window | null} window */
  setWindow(window) {
    this.window = window;
    this.move();
    this.paint();
    this.plan();
    this.screen.changed();
  }

  /** @param {((at: number) => string) | null} presented */
  present(presented) {
    this.presented = presented;
    this.paint();
    this.plan();
    this.screen.changed();
  }

  /** Whether the reader may choose another window for the image that is asked for. */
  get windowable() {
    return !this.presented?.(this.index) && (this.source.description(this.index)?.raw ?? false);
  }

  /** @returns {Window | null} the window in force, if it is known */
  get effectiveWindow() {
    const described = this.source.description(this.index);
    return this.window ?? described?.window ?? this.automatic();
  }

  /** @returns {Window | null} a window by the values of the image, once they are there */
  automatic() {
    const described = this.source.description(this.index);
    const frame = this.frames.get(String(this.index));
    return described && frame ? automaticWindow(described, frame.samples) : null;
  }

  // While the reader moves, large frames are not worth fetching.
  move() {
    this.resting = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.resting = true;
      this.plan();
    }, REST);
  }

  // Once a frame: what comes while it is painted waits for the next.
  paint() {
    this.stale = this.painting !== 0;
    if (this.stale) {
      return;
    }
    this.draw();
    this.painting = requestAnimationFrame(() => {
      this.painting = 0;
      if (this.stale || this.reached() !== this.shown) {
        this.paint();
        this.screen.changed();
      }
    });
  }

  /** Show the best that is there of the image asked for, or on the way to it; nothing changes when nothing is. */
  draw() {
    const at = this.reached();
    const described = this.source.description(at);
    const { columns, rows } = described ?? this.source.first;
    this.screen.measure(columns, rows);
    const frame = this.isRaw(at) ? this.frames.get(String(at)) : undefined;
    const full = this.isRaw(at) ? undefined : this.pictures.get(this.fullKey(at));
    const preview = this.pictures.get(this.previewKey(at));
    if (described && frame) {
      this.screen.exact(frame, this.tableFor(at, frame), described.pixelHeight);
      this.sees(at, "full");
    } else if (full) {
      this.screen.picture(full);
      this.sees(at, "full");
    } else if (preview && !(this.shown === at && this.quality === "full")) {
      this.screen.picture(preview);
      this.sees(at, "preview");
    }
  }

  /** The image asked for or, while it is not there and the reader moves, the next on the way to it. */
  reached() {
    if (this.resting || this.isThere(this.index)) {
      return this.index;
    }
    const behind = (this.index - this.shown) * this.direction;
    for (let back = Math.min(behind - 1, AHEAD); back > 0; back--) {
      const at = this.index - back * this.direction;
      if (this.isThere(at)) {
        return at;
      }
    }
    return this.shown < 0 ? this.index : this.shown;
  }

  /**
   * @param {number} at
   * @param {"preview" | "full"} quality
   */
  sees(at, quality) {
    this.shown = at;
    this.quality = quality;
  }

  /**
   * @param {number} at
   * @param {Frame} frame
   */
  tableFor(at, frame) {
    const described = this.source.description(at);
    if (!described) {
      return this.table;
    }
    const window = this.window ?? described.window ?? automaticWindow(described, frame.samples);
    const { bitsAllocated, bitsStored, highBit, signed, slope, intercept, inverted, padding } = described;
    const encoding = [bitsAllocated, bitsStored, highBit, signed, slope, intercept, inverted, padding];
    const key = [...encoding, ...Object.values(window)].join(" ");
    if (key !== this.tableKey) {
      this.table = greyTable(described, window);
      this.tableKey = key;
    }
    return this.table;
  }

  /**
   * Whether image `at` is shown from its stored values; otherwise the server renders it.
   * @param {number} at
   */
  isRaw(at) {
    const described = this.source.description(at);
    return (
      !!described?.raw && !this.presented?.(at) && (this.window !== null || !described.voiLut) && !this.refused.has(`stored ${at}`)
    );
  }

  /** @param {number} at */
  fullKey(at) {
    return `full ${at}${this.presented?.(at) ?? ""}`;
  }

  /** @param {number} at */
  previewKey(at) {
    if (this.presented?.(at)) {
      return this.fullKey(at);
    }
    return `preview ${at} ${this.window && this.source.description(at)?.raw ? parameter(this.window) : ""}`;
  }

  /**
   * Whether something of an image is there to be shown at once.
   * @param {number} at
   */
  isThere(at) {
    const whole = this.isRaw(at) ? this.frames.has(String(at)) : this.pictures.has(this.fullKey(at));
    return whole || this.pictures.has(this.previewKey(at));
  }

  /** @param {{first: number, last: number, loop: boolean} | null} range */
  play(range) {
    this.playing = range;
    this.move();
    this.plan();
    this.screen.changed();
  }

  /** The images that a film shows next, as many as there is room for. */
  coming() {
    const { first, last, loop } = this.playing ?? { first: 0, last: -1, loop: false };
    const { rows, columns } = this.source.description(this.index) ?? this.source.first;
    const room = Math.floor((this.pictures.budget * 0.8) / Math.max(Math.min(rows, SCREEN) * Math.min(columns, SCREEN) * 4, 1));
    const reach = Math.max(Math.min(AHEAD * 2, room, last - first), 1);
    const found = [];
    for (let at = this.index + 1; found.length < reach && (at <= last || loop); at++) {
      found.push(at <= last ? at : first + ((at - first) % (last - first + 1)));
    }
    return found;
  }

  /** Tell the queue what is wanted now. */
  plan() {
    if (this.playing) {
      this.queue.wish(this.previewJobs([this.index, ...this.coming()]));
      return;
    }
    // The page has come with a picture of its first image, and what is asked for next is better.
    const comes = this.index === this.first && !!this.source.description(this.index) && !this.refused.size;
    const here = this.shown < 0 && comes ? [] : this.previewJobs([this.index]);
    if (!this.resting) {
      this.queue.wish([...here, ...this.previewJobs(this.onwards())]);
      return;
    }
    const first = [...here, ...this.fullJobs([this.index])];
    const near = this.source.savesData ? [] : this.outwards(AHEAD * 2);
    // What is in sight does not share the line with what may come later.
    const rest = first.length ? [] : [...this.previewJobs(near), ...this.fullJobs(this.worthwhile(near))];
    this.queue.wish([...first, ...rest]);
  }

  /** Indices that come next if the reader goes on as he does, then those behind him. */
  onwards() {
    const near = this.source.savesData ? [] : this.outwards(AHEAD);
    const isAhead = (/** @type {number} */ at) => (at - this.index) * this.direction > 0;
    return [...near.filter(isAhead), ...near.filter((at) => !isAhead(at))];
  }

  /**
   * Indices around the present one, nearest first, the direction of movement before the other.
   * @param {number} reach
   */
  outwards(reach) {
    const found = [];
    for (let distance = 1; distance <= reach; distance++) {
      found.push(this.index + distance * this.direction, this.index - distance * this.direction);
    }
    return found.filter((at) => at >= 0 && at < this.total);
  }

  /**
   * Those of `near` whose stored values fit into memory together.
   * @param {number[]} near
   */
  worthwhile(near) {
    const { rows = 0, columns = 0, bitsAllocated = 16 } = this.source.description(this.index) ?? {};
    const fitting = Math.floor((this.frames.budget * 0.8) / Math.max((rows * columns * bitsAllocated) / 8, 1));
    return near.slice(0, fitting);
  }

  /**
   * @param {number[]} wanted
   * @returns {Job[]}
   */
  previewJobs(wanted) {
    const presented = wanted.filter((at) => this.presented?.(at)).map((at) => this.renderedJob(at));
    const previews = wanted
      .filter((at) => !this.presented?.(at))
      .filter((at) => !(this.isRaw(at) && this.frames.has(String(at))) && !this.pictures.has(this.fullKey(at)))
      .map((at) => ({ at, key: this.previewKey(at) }))
      .filter(({ key }) => !this.pictures.has(key) && !this.refused.has(key))
      .map(({ at, key }) => {
        const window = key.endsWith(" ") ? null : this.window;
        return this.job(key, at, async (signal) => {
          const picture = await this.source.preview(at, window, signal);
          this.pictures.set(key, picture, picture.width * picture.height * 4);
        });
      });
    return [...presented.filter((job) => job !== null), ...previews];
  }

  /**
   * @param {number[]} wanted
   * @returns {Job[]}
   */
  fullJobs(wanted) {
    return wanted
      .filter((at) => this.source.description(at))
      .map((at) => (this.isRaw(at) ? this.storedJob(at) : this.renderedJob(at)))
      .filter((job) => job !== null);
  }

  /**
   * @param {number} at
   * @returns {Job | null}
   */
  storedJob(at) {
    if (this.frames.has(String(at))) {
      return null;
    }
    return this.job(`stored ${at}`, at, async (signal) => {
      const frame = await this.source.stored(at, signal, (part) => this.arrives(at, part));
      this.frames.set(String(at), frame, frame.samples.byteLength);
    });
  }

  /**
   * @param {number} at
   * @param {number} part
   */
  arrives(at, part) {
    if (at === this.index) {
      this.arrived = part;
      this.screen.changed();
    }
  }

  /**
   * @param {number} at
   * @returns {Job | null}
   */
  renderedJob(at) {
    const key = this.fullKey(at);
    if (this.pictures.has(key) || this.refused.has(key)) {
      return null;
    }
    return this.job(key, at, async (signal) => {
      const address = this.presented?.(at);
      const rendering = address ? this.source.picture(address, "png", null, signal) : this.source.rendered(at, signal);
      const picture = await rendering;
      this.pictures.set(key, picture, picture.width * picture.height * 4);
    });
  }

  /**
   * @param {string} key
   * @param {number} at
   * @param {(signal: AbortSignal) => Promise<void>} fetch
   * @returns {Job}
   */
  job(key, at, fetch) {
    return {
      key,
      small: key.startsWith("preview"),
      run: async (signal) => {
        try {
          await fetch(signal);
          this.offline = false;
        } catch (problem) {
          if (!signal.aborted) {
            this.failing(problem, key);
          }
        }
        if ((at === this.index || !this.resting) && !signal.aborted) {
          this.paint();
          this.screen.changed();
        }
        if (at === this.index && this.resting) {
          this.plan();
        }
      },
    };
  }

  /**
   * @param {unknown} problem
   * @param {string} key
   * @returns {boolean} whether it may be had another time
   */
  failing(problem, key) {
    const later = !FINAL.some((kind) => problem instanceof kind);
    if (later) {
      this.offline = true;
      setTimeout(() => this.plan(), AGAIN);
    } else if (problem instanceof SignedOut) {
      leave();
    } else {
      this.refused.add(key);
      this.plan();
    }
    this.screen.changed();
    return later;
  }
}
