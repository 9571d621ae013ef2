// The patient's buttons below the image: brightness, larger, smaller, reset, for the pane that is worked with.

import { part } from "../page.js";

/** @typedef {import("./controls.js").Controls} Controls */

export class Toolbar {
  /**
   * @param {HTMLElement} section where the buttons are
   * @param {Controls[]} controls of all panes that they may be for
   */
  constructor(section, controls) {
    this.controls = controls;
    this.windowing = false;
    this.button = part(section, "mode-window", HTMLButtonElement);
    /** @type {Record<string, (pane: Controls) => void>} */
    const actions = {
      "zoom-in": ({ view }) => view.zoomBy(1.5),
      "zoom-out": ({ view }) => view.zoomBy(1 / 1.5),
      reset: (pane) => pane.reset(),
    };
    for (const [name, action] of Object.entries(actions)) {
      const act = () => this.controls.filter(({ pane }) => pane.active).forEach(action);
      part(section, name, HTMLButtonElement).addEventListener("click", act);
    }
    this.button.addEventListener("click", () => {
      this.windowing = !this.windowing;
      this.show();
    });
    part(section, "tools", HTMLElement).hidden = false;
  }

  /** To be called when another pane is worked with. */
  show() {
    this.button.setAttribute("aria-pressed", String(this.windowing));
    this.button.setAttribute("aria-expanded", String(this.windowing));
    this.controls.forEach((one) => one.setWindowMode(this.windowing && one.pane.active));
  }
}
