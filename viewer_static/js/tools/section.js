// One plane of the MPR on the page: its image, letters, crosshair and slider. Fingers, mouse and keys move the crosshair.

import { edges } from "../viewer/orientation.js";
import { dot, plus } from "../viewer/geometry.js";
import { draw, make, slider } from "./build.js";
import { AXES, coarseness, cutOf, faceOf, painted, sampled, unhurried } from "./cut.js";

/** @typedef {import("../viewer/geometry.js").Vector} Vector */
/** @typedef {import("./cut.js").Name} Name */

/**
 * What all planes show.
 * @typedef {object} Sight
 * @property {Vector} point the crosshair, in the patient
 * @property {import("./cut.js").Slab} slab
 * @property {import("../viewer/dicom.js").Window} window
 */

/** Each plane's colour, also of its line in the others. */
const COLOURS = /** @type {Record<Name, string>} */ ({ axial: "#ffd84d", coronal: "#7fe7f2", sagittal: "#ff9fd0" });
const NOTCH = 50;

/** @type {Record<string, [number, number, number]>} Steps to the right, down and through the volume. */
const KEYS = {
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowUp: [0, -1, 0],
  ArrowDown: [0, 1, 0],
  PageUp: [0, 0, 1],
  PageDown: [0, 0, -1],
};

export class Section {
  /**
   * @param {import("./volume.js").Volume} volume
   * @param {Name} name
   * @param {import("./wording.js").Wording} say
   * @param {import("../page.js").Texts} t texts of the room "mpr"
   * @param {(point: Vector) => void} moved where the crosshair is wanted
   */
  constructor(volume, name, say, t, moved) {
    this.volume = volume;
    this.name = name;
    this.say = say;
    this.moved = moved;
    this.face = faceOf(volume, name);
    /** @type {Vector} */
    this.point = volume.low;
    /** Counts what was asked for, so that what is overtaken ends. */
    this.asked = 0;
    this.key = "";
    /** @type {{cut: import("./cut.js").Cut, samples: Float32Array} | null} What is in sight. */
    this.made = null;
    this.wheeled = 0;
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.upright = draw("line", { y1: "0%", y2: "100%" });
    this.level = draw("line", { x1: "0%", x2: "100%" });
    this.box = make("div", { class: "mpr-image" }, this.canvas, draw("svg", { "aria-hidden": "true" }, this.upright, this.level));
    this.box.style.setProperty("--ratio", String(this.face.width / this.face.height));
    const label = t(`mpr.${name}`);
    this.stage = make(
      "div",
      { class: "mpr-stage", tabindex: 0, role: "group", "aria-label": `${label}. ${t("mpr.keys")}`, "data-plane": name },
      this.box,
      ...this.lettered(),
    );
    this.scroll = this.scroller(label);
    this.element = make("div", { class: "mpr-plane" }, this.stage, this.scroll.row);
    this.element.style.setProperty("--plane", COLOURS[name]);
    const [across, along] = /** @type {Name[]} */ (Object.keys(AXES)).filter((other) => other !== name).reverse();
    this.upright.style.stroke = COLOURS[across ?? name];
    this.level.style.stroke = COLOURS[along ?? name];
    this.listen();
  }

  lettered() {
    const sides = edges(AXES[this.name].letters, { rotation: 0, flipped: false });
    return Object.entries(sides).map(([side, letter]) => make("span", { class: `edge edge-${side}`, "aria-hidden": "true" }, letter));
  }

  /** @param {string} label */
  scroller(label) {
    const { through } = AXES[this.name];
    const { low, high, spacing } = this.volume;
    const range = { min: dot(low, through), max: dot(high, through), step: spacing / 4, value: dot(low, through) };
    const worded = () => this.say.along(this.point, through.indexOf(1));
    return slider(label, range, worded, (value) => {
      this.moved(plus(this.point, through, value - dot(this.point, through)));
    });
  }

  listen() {
    const { stage } = this;
    const follow = (/** @type {PointerEvent} */ event) => {
      const { left, top, width, height } = this.box.getBoundingClientRect();
      this.aim((event.clientX - left) / width, (event.clientY - top) / height);
    };
    stage.addEventListener("pointerdown", (event) => {
      if (event.isPrimary && event.button === 0) {
        stage.setPointerCapture(event.pointerId);
        follow(event);
      }
    });
    stage.addEventListener("pointermove", (event) => {
      if (event.isPrimary && stage.hasPointerCapture(event.pointerId)) {
        follow(event);
      }
    });
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("keydown", (event) => {
      const steps = KEYS[event.key];
      if (steps) {
        event.preventDefault();
        this.step(steps, event.shiftKey ? 10 : 1);
      }
    });
  }

  /**
   * @param {number} x part of the width, from the left
   * @param {number} y
   */
  aim(x, y) {
    const { right, down, through } = AXES[this.name];
    const { corner, width, height } = this.face;
    const inside = (/** @type {number} */ part) => Math.min(Math.max(part, 0), 1);
    const onFace = plus(plus(corner, right, inside(x) * width), down, inside(y) * height);
    this.moved(plus(onFace, through, dot(this.point, through) - dot(onFace, through)));
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    this.wheeled += event.deltaMode === 0 ? event.deltaY : event.deltaY * NOTCH;
    const notches = Math.trunc(this.wheeled / NOTCH);
    this.wheeled -= notches * NOTCH;
    if (notches) {
      this.step([0, 0, -1], notches);
    }
  }

  /**
   * @param {[number, number, number]} steps
   * @param {number} times
   */
  step([across, along, deep], times) {
    const { right, down, through } = AXES[this.name];
    const far = this.volume.spacing * times;
    this.moved(plus(plus(plus(this.point, right, across * far), down, along * far), through, deep * far));
  }

  /** @param {Sight} sight */
  show({ point, slab, window }) {
    const { corner, width, height } = this.face;
    const { right, down, through } = AXES[this.name];
    this.point = point;
    const from = plus(point, corner, -1);
    const [x, y] = [`${(100 * dot(from, right)) / width}%`, `${(100 * dot(from, down)) / height}%`];
    this.upright.setAttribute("x1", x);
    this.upright.setAttribute("x2", x);
    this.level.setAttribute("y1", y);
    this.level.setAttribute("y2", y);
    this.scroll.tell(dot(point, through));
    const key = [dot(point, through), slab.thickness, slab.thickness > 0 && slab.mode].join(" ");
    if (key !== this.key) {
      this.key = key;
      void this.make({ point, slab, window });
    } else {
      this.paint(window);
    }
  }

  /** @param {Sight} sight */
  async make(sight) {
    const { volume, name } = this;
    const asked = ++this.asked;
    const stale = () => asked !== this.asked;
    this.window = sight.window;
    this.stage.dataset["quality"] = "preview";
    const fine = cutOf(volume, name, sight.point);
    const coarse = coarseness(volume, fine, sight.slab);
    for (const cut of coarse > 1 ? [cutOf(volume, name, sight.point, coarse), fine] : [fine]) {
      const samples = await unhurried(sampled(volume, cut, sight.slab), stale);
      if (!samples) {
        return;
      }
      this.made = { cut, samples };
      this.paint(this.window);
      if (cut !== fine) {
        await new Promise((resolve) => setTimeout(resolve));
        if (stale()) {
          return;
        }
      }
    }
    this.stage.dataset["quality"] = "full";
  }

  /** @param {import("../viewer/dicom.js").Window} window */
  paint(window) {
    this.window = window;
    const context = this.canvas.getContext("2d", { alpha: false });
    if (!this.made || !context) {
      return;
    }
    const { cut, samples } = this.made;
    if (this.canvas.width !== cut.columns || this.canvas.height !== cut.rows) {
      this.canvas.width = cut.columns;
      this.canvas.height = cut.rows;
    }
    context.putImageData(painted(this.volume, cut, samples, window), 0, 0);
  }
}
