// Brightness and contrast of a pane: exactly on stored values, about on pictures.

import { automaticWindow } from "../js/viewer/grey.js";
import { CT } from "../js/viewer/presets.js";

/** @typedef {import("../js/viewer/dicom.js").Window} Window */
/** @typedef {import("./originals.js").Original} Original */

/** @type {Record<string, [number, number]>} Brightness in parts of the window's width, and factor of contrast. */
export const NUDGES = { brighter: [0.1, 1], darker: [-0.1, 1], more: [0, 1.2], less: [0, 1 / 1.2] };

export class Light {
  constructor() {
    this.brightness = 0;
    this.contrast = 1;
    /** Name of a window of CT, or empty for each image's own. */
    this.preset = "";
  }

  reset() {
    this.brightness = 0;
    this.contrast = 1;
    this.preset = "";
  }

  /** Whether images are shown as they want to be. */
  get untouched() {
    return this.brightness === 0 && this.contrast === 1 && !this.preset;
  }

  /**
   * @param {number} brighter in parts of the window's width
   * @param {number} contrast factor
   */
  change(brighter, contrast) {
    this.brightness = Math.min(Math.max(this.brightness + brighter, -2), 2);
    this.contrast = Math.min(Math.max(this.contrast * contrast, 1 / 16), 16);
  }

  /** @param {string} preset */
  choose(preset) {
    this.reset();
    this.preset = preset;
  }

  /**
   * @param {Original} original
   * @returns {Window}
   */
  window({ description, frame }) {
    const own = description.window ?? automaticWindow(description, frame.samples);
    const base = CT[this.preset] ?? own;
    const sign = description.inverted ? 1 : -1;
    return {
      ...base,
      center: base.center + sign * this.brightness * base.width,
      width: Math.max(base.width / this.contrast, base.shape === "LINEAR" ? 1 : 1e-6),
    };
  }

  /** The same, about, as a CSS filter. */
  get filter() {
    return this.untouched ? "" : `brightness(${(2 ** (this.brightness * 1.5)).toFixed(3)}) contrast(${this.contrast.toFixed(3)})`;
  }
}
