// One place of a layout: empty, or with a pane of a series, taken from that series' own page.

import { leave } from "../idle.js";
import { texts } from "../page.js";
import { Controls } from "../viewer/controls.js";
import { watchForPlanes } from "../viewer/kinds.js";
import { Marks } from "../viewer/marks.js";
import { make } from "../viewer/markup.js";
import { Pane } from "../viewer/pane.js";
import { Progress } from "../viewer/progress.js";
import { pageOf, renamed } from "./elsewhere.js";

/** Several panes share what one has alone. */
const BUDGET = 48 << 20;

export class Cell {
  /**
   * @param {string} prefix of the ids in it
   * @param {import("../page.js").Texts} t
   * @param {() => void} choose called when its button is pressed
   */
  constructor(prefix, t, choose) {
    this.prefix = prefix;
    this.t = t;
    this.button = make("button", { type: "button", class: "choose", click: choose }, t("panes.choose"));
    this.box = make("div", { class: "cell" }, this.button);
    /** @type {Pane | null} */
    this.pane = null;
    /** @type {Controls | null} */
    this.controls = null;
    /** @type {[import("../page.js").Texts, import("../page.js").Texts] | null} Of viewer and kinds. */
    this.words = null;
  }

  /** What the address calls its content: study, series, number of the image; empty without. */
  get held() {
    const [, study, series] = this.pane?.source.root.match(/\/studies\/([^/]+)\/series\/([^/]+)$/) ?? [];
    return this.pane && study ? `${study}/${series}/${this.pane.stack.index + 1}` : "";
  }

  /**
   * The section of a series, ready to be put in.
   * @param {string} address
   * @param {number} [image] from 1
   * @returns {Promise<HTMLElement | null>} null when it cannot be had; the button says so
   */
  async load(address, image) {
    this.button.disabled = true;
    this.words ??= await Promise.all([texts(), texts(document.documentElement.dataset["kinds"])]);
    const page = await pageOf(image ? `${address}?i=${image}` : address);
    const section = page?.getElementById("viewer");
    this.button.disabled = false;
    if (page?.getElementById("login")) {
      leave();
    }
    if (!section) {
      this.button.textContent = this.t("panes.failed");
      return null;
    }
    const mine = renamed(section, this.prefix);
    mine.querySelector(".tools")?.remove();
    delete mine.dataset["parameter"];
    return mine;
  }

  /** @param {HTMLElement} section */
  put(section) {
    const [t] = this.words ?? [];
    if (!t) {
      throw new Error("load comes before put");
    }
    this.release();
    this.box.append(section);
    const pane = new Pane(section);
    pane.stack.pictures.budget = pane.stack.frames.budget = BUDGET;
    this.pane = pane;
    this.controls = new Controls(pane, t);
    this.button.textContent = pane.name;
    this.button.setAttribute("aria-label", this.t("panes.choose_instead", { name: pane.name }));
    return { pane, controls: this.controls };
  }

  async start() {
    const [, kinds] = this.words ?? [];
    const { pane } = this;
    if (!pane || !kinds) {
      return;
    }
    await pane.start();
    new Progress(pane, kinds);
    new Marks(pane, kinds);
    watchForPlanes(pane);
  }

  /** Take the pane out, and let go of its images. */
  release() {
    if (this.pane) {
      const { stack, section } = this.pane;
      section.remove();
      clearTimeout(stack.timer);
      stack.queue.wish([]);
      for (const cache of [stack.pictures, stack.frames]) {
        [...cache.entries.keys()].forEach((key) => cache.drop(key));
      }
    }
    this.pane = this.controls = null;
  }
}
