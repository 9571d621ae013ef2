// The slices of a volume, fetched through the queue that the viewer has for its images.

import { leave } from "../idle.js";
import { Queue } from "../viewer/cache.js";
import { Refused, SignedOut } from "../viewer/source.js";

/** @typedef {import("./volume.js").Volume} Volume */

const PLACES = 6;
const PATIENCE = 5;
const AGAIN = 2000;

export class Gathering {
  /**
   * @param {import("../viewer/pane.js").Pane} pane what it has already is taken from there
   * @param {Volume} volume to be filled
   * @param {(part: number) => void} progressed told from 0 to 1
   */
  constructor(pane, volume, progressed) {
    this.pane = pane;
    this.volume = volume;
    this.progressed = progressed;
    this.queue = new Queue(PLACES);
    this.stopped = false;
    /** @type {Set<number>} Slices that are still to come. */
    this.missing = new Set(volume.lattice.images.keys());
  }

  /** @returns {Promise<boolean>} whether all slices are there; false when it was stopped, or one cannot be had */
  all() {
    return new Promise((resolve) => {
      this.settle = resolve;
      this.queue.wish([...this.missing].map((slice) => this.job(slice)));
    });
  }

  stop() {
    this.end(false);
  }

  /** @param {boolean} whole */
  end(whole) {
    this.stopped = true;
    this.queue.wish([]);
    this.settle?.(whole);
  }

  /**
   * @param {number} slice
   * @returns {import("../viewer/cache.js").Job}
   */
  job(slice) {
    return { key: String(slice), small: false, run: (signal) => this.fetch(slice, signal) };
  }

  /**
   * @param {number} slice
   * @param {AbortSignal} signal
   */
  async fetch(slice, signal) {
    const { source, stack } = this.pane;
    const image = this.volume.lattice.images[slice] ?? -1;
    for (let tries = 1; !this.stopped; tries++) {
      try {
        const frame = stack.frames.get(String(image)) ?? (await source.stored(image, signal));
        this.take(slice, image, frame);
        return;
      } catch (problem) {
        if (signal.aborted || this.stopped) {
          return;
        }
        if (problem instanceof SignedOut) {
          leave();
        }
        if (problem instanceof Refused || problem instanceof SignedOut || tries === PATIENCE) {
          this.end(false);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
    }
  }

  /**
   * @param {number} slice
   * @param {number} image
   * @param {import("../viewer/render.js").Frame} frame
   */
  take(slice, image, frame) {
    const description = this.pane.source.description(image);
    if (this.stopped || !description) {
      return;
    }
    this.volume.put(slice, frame, description);
    this.missing.delete(slice);
    this.progressed(1 - this.missing.size / this.volume.lattice.images.length);
    if (this.missing.size === 0) {
      this.end(true);
    }
  }
}
