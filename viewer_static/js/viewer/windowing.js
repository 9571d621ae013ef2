// Brightness and contrast: presets by plain names, buttons for those who cannot drag, and the drag itself.

import { part } from "../page.js";
import { CT } from "./presets.js";

/** @typedef {import("./dicom.js").Window} Window */

/** @type {Record<string, [number, number]>} Brightness in parts of the window's width, and factor of contrast. */
const NUDGES = { brighter: [0.1, 1], darker: [-0.1, 1], more: [0, 1.2], less: [0, 1 / 1.2] };

export class Windowing {
  /**
   * @param {import("./pane.js").Pane} pane
   * @param {import("../page.js").Texts} t
   */
  constructor({ stack, section, modality }, t) {
    this.stack = stack;
    this.t = t;
    this.panel = part(section, "window-panel", HTMLElement);
    this.presets = part(section, "presets", HTMLElement);
    this.help = part(section, "window-help", HTMLElement);
    for (const [id, [brighter, contrast]] of Object.entries(NUDGES)) {
      this.panel.querySelector(`[data-nudge="${id}"]`)?.addEventListener("click", () => this.change(brighter, contrast));
    }
    for (const preset of ["default", ...(modality === "CT" ? Object.keys(CT) : []), "auto"]) {
      this.addPreset(preset);
    }
    this.press("default");
  }

  /** @param {string} preset */
  addPreset(preset) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset["preset"] = preset;
    button.textContent = this.t(`viewer.preset_${preset}`);
    button.addEventListener("click", () => {
      this.stack.setWindow(preset === "auto" ? this.stack.automatic() : (CT[preset] ?? null));
      this.press(preset);
    });
    this.presets.append(button);
  }

  /** Each image as it wants to be shown. */
  reset() {
    this.stack.setWindow(null);
    this.press("default");
  }

  /**
   * @param {number} brighter in parts of the window's width
   * @param {number} contrast factor
   */
  change(brighter, contrast) {
    const window = this.stack.effectiveWindow;
    if (!window || !this.stack.windowable) {
      return;
    }
    const sign = this.stack.source.description(this.stack.index)?.inverted ? 1 : -1;
    const narrowest = window.shape === "LINEAR" ? 1 : 1e-6;
    this.stack.setWindow({
      ...window,
      center: window.center + sign * brighter * window.width,
      width: Math.max(window.width / contrast, narrowest),
    });
    this.press("");
  }

  /** To be called when the stack has changed. */
  changed() {
    const { windowable, source } = this.stack;
    const key = windowable || !source.dataSets ? "viewer.window_help" : "viewer.window_fixed";
    this.help.textContent = this.t(key);
    for (const button of this.panel.querySelectorAll("button")) {
      button.disabled = !windowable;
    }
  }

  /** @param {string} chosen */
  press(chosen) {
    for (const button of this.presets.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset["preset"] === chosen));
    }
  }
}
