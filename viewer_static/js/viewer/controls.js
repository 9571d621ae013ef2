// Gestures, slider, messages and announcements of one pane.

import { keep, query } from "./address.js";
import { Input } from "./input.js";
import { part } from "../page.js";
import { Windowing } from "./windowing.js";

/** @typedef {import("./pane.js").Pane} Pane */

const PATIENCE = 250;
const SETTLED = 350;

export class Controls {
  /**
   * @param {Pane} pane
   * @param {import("../page.js").Texts} t
   */
  constructor(pane, t) {
    this.pane = pane;
    this.stack = pane.stack;
    this.view = pane.view;
    this.stage = pane.stage;
    this.t = t;
    this.slider = this.part("slider", HTMLInputElement);
    this.windowing = new Windowing(pane, t);
    this.windowMode = false;
    this.waitingSince = 0;
    this.settling = 0;
    this.told = -1;
    this.actions = this.gestures();
    this.prepareStage();
    this.addBrowsing();
    pane.addEventListener("change", () => this.changed());
    this.changed();
  }

  /**
   * @template {Element} T
   * @param {string} name
   * @param {new () => T} kind
   */
  part(name, kind) {
    return part(this.pane.section, name, kind);
  }

  /** @returns {import("./input.js").Actions} */
  gestures() {
    const { stack, view } = this;
    return {
      step: (images) => stack.show(stack.index + images),
      edge: (last) => stack.show(last ? stack.total - 1 : 0),
      window: (right, up) => this.windowing.change(up / 250, Math.exp(right / 200)),
      zoom: (factor, client) => view.zoomBy(factor, client),
      pan: (x, y) => view.pan(x, y),
      reset: () => this.reset(),
      isZoomed: () => view.zoom > 1,
      isWindowing: () => this.windowMode,
      total: () => stack.total,
      hasKeys: () => this.pane.active,
      pen: () => this.pane.pen,
      film: () => this.pane.film,
      help: document.getElementById("keyboard") && (() => void this.help()),
    };
  }

  prepareStage() {
    const { stage } = this;
    new Input(stage, this.actions);
    stage.classList.add("live");
    stage.tabIndex = 0;
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label", this.t("viewer.stage"));
  }

  // What keys do, in the language of the page.
  async help() {
    const { showKeys } = await import("./help.js");
    await showKeys(this.actions, document.getElementById("keyboard")?.dataset["texts"] ?? "");
  }

  addBrowsing() {
    const { stack, slider } = this;
    for (const [id, by] of /** @type {[string, number][]} */ ([["previous", -1], ["next", 1]])) {
      this.part(id, HTMLAnchorElement).addEventListener("click", (event) => {
        event.preventDefault();
        stack.show(stack.index + by);
      });
    }
    slider.addEventListener("input", () => stack.show(Number(slider.value) - 1));
    slider.hidden = stack.total < 2;
  }

  reset() {
    this.view.reset();
    this.windowing.reset();
  }

  /** @param {boolean} on whether dragging changes brightness and contrast */
  setWindowMode(on) {
    this.windowMode = on;
    this.part("window-panel", HTMLElement).hidden = !on;
    this.stage.classList.toggle("windowing", on);
  }

  changed() {
    this.tellState();
    this.windowing.changed();
    if (this.told !== this.stack.index) {
      this.told = this.stack.index;
      this.tellIndex();
    }
  }

  tellState() {
    const { stack, stage, t } = this;
    const waiting = stack.shown !== stack.index && !stack.failed;
    this.waitingSince = waiting ? this.waitingSince || Date.now() : 0;
    setTimeout(() => {
      const long = this.waitingSince > 0 && Date.now() - this.waitingSince >= PATIENCE;
      this.part("busy", HTMLElement).hidden = !long;
    }, PATIENCE + 1);
    const key = stack.offline ? "viewer.offline" : stack.failed ? "viewer.failed" : "";
    const message = this.part("stage-message", HTMLElement);
    message.hidden = !key;
    message.textContent = key && t(key);
    stage.classList.toggle("failed", stack.failed);
    stage.dataset["shown"] = String(stack.shown + 1);
    stage.dataset["quality"] = stack.quality;
    const window = stack.windowable ? stack.effectiveWindow : null;
    stage.dataset["window"] = window ? `${window.center} ${window.width}` : "";
  }

  tellIndex() {
    const { stack, slider, t } = this;
    const where = { i: stack.index + 1, n: stack.total };
    this.part("count", HTMLElement).textContent = t("viewer.image_of", where);
    slider.value = String(where.i);
    slider.setAttribute("aria-valuetext", t("viewer.image_of", where));
    for (const canvas of this.stage.querySelectorAll("canvas")) {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", t("viewer.image_alt", { ...where, name: this.pane.name }));
    }
    this.point("previous", where.i - 1);
    this.point("next", where.i + 1);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), SETTLED);
  }

  /**
   * Where a link to another image leads; nowhere beyond the ends.
   * @param {string} id
   * @param {number} image from 1
   */
  point(id, image) {
    const link = this.part(id, HTMLAnchorElement);
    if (image >= 1 && image <= this.stack.total) {
      link.href = this.address(image);
      link.removeAttribute("aria-disabled");
    } else {
      link.removeAttribute("href");
      link.setAttribute("aria-disabled", "true");
    }
  }

  // What would be too much for every image on the way: speech, the address, the links to other languages.
  settle() {
    const image = this.stack.index + 1;
    if (document.activeElement !== this.slider) {
      this.part("live", HTMLElement).textContent = this.t("viewer.image_of", { i: image, n: this.stack.total });
    }
    keep(this.address(image));
  }

  /**
   * The page with another image in this pane; those of other panes stay.
   * @param {number} image from 1
   */
  address(image) {
    const { parameter } = this.pane;
    return query(parameter ? { [parameter]: String(image) } : {});
  }
}
