// Presentation states: images as somebody has marked them for others, drawn by the server.

import { iconButton } from "./markup.js";

/**
 * As the server's page lists it; `images` says by SOP Instance UID which frames it is for, none for all.
 * @typedef {{series: string, instance: string, label: string, images: Record<string, number[]>}} State
 */

const PEN = "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4";

export class States {
  /**
   * @param {import("./pane.js").Pane} pane
   * @param {HTMLElement} listed
   * @param {import("../page.js").Texts} t
   */
  constructor(pane, listed, t) {
    this.pane = pane;
    this.root = listed.dataset["root"] ?? "";
    /** @type {State[]} */
    this.states = JSON.parse(listed.dataset["states"] ?? "[]");
    this.on = false;
    this.button = iconButton(PEN, t("kinds.marks_of_doctor"));
    this.button.dataset["part"] = "states";
    this.button.addEventListener("click", () => this.set(!this.on));
    pane.section.querySelector(".tools")?.append(this.button);
    pane.addEventListener("change", () => this.changed());
    this.set(false);
  }

  /** @param {boolean} on */
  set(on) {
    this.on = on;
    this.button.setAttribute("aria-pressed", String(on));
    this.pane.stack.present(on ? (at) => this.address(at) : null);
    this.changed();
  }

  changed() {
    const state = this.stateOf(this.pane.stack.index);
    this.button.disabled = !state;
    this.button.title = state?.label ?? "";
    this.pane.stage.dataset["marked"] = String(this.on && !!state);
  }

  /**
   * @param {number} at image, from 0
   * @returns {State | undefined} the last one, which is the newest, for this image
   */
  stateOf(at) {
    const image = this.pane.source.image(at);
    return this.states.filter(({ images }) => {
      const frames = image && images[image.uid];
      return frames && (frames.length === 0 || frames.includes(image.frame));
    }).at(-1);
  }

  /**
   * The picture with the state applied (PS3.18 9.5.1.2).
   * @param {number} at image, from 0
   * @returns {string} empty where there is no state for the image
   */
  address(at) {
    const state = this.stateOf(at);
    const image = this.pane.source.image(at);
    const [, study = "", series = ""] = this.pane.source.root.match(/\/studies\/([^/]+)\/series\/([^/]+)$/) ?? [];
    if (!state || !image) {
      return "";
    }
    const query = new URLSearchParams({
      requestType: "WADO",
      studyUID: study,
      seriesUID: series,
      objectUID: image.uid,
      frameNumber: String(image.frame),
      presentationSeriesUID: state.series,
      presentationUID: state.instance,
    });
    return `${this.root}/wado?${query}`;
  }
}
