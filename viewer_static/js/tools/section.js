// One plane of the MPR on the page: its image, letters, crosshair and slider. Fingers, mouse and keys move the crosshair,
// turn the oblique plane by the handles of its line, and draw lengths while the ruler is taken.

import { edges } from "../viewer/orientation.js";
import { dot, plus, unit } from "../viewer/geometry.js";
import { make } from "../viewer/markup.js";
import { slider } from "./build.js";
import { coarseness, cutOf, faceOf, painted, sampled, unhurried } from "./cut.js";
import { crossing, turnedNormal } from "./oblique.js";
import { SectionLines } from "./section_lines.js";
import { Zooming } from "./zooming.js";

/** @typedef {import("../viewer/geometry.js").Vector} Vector */
/** @typedef {import("./cut.js").Axes} Axes */

/**
 * What all planes show.
 * @typedef {object} Sight
 * @property {Vector} point the crosshair, in the patient
 * @property {import("./cut.js").Slab} slab
 * @property {import("../viewer/dicom.js").Window} window
 * @property {Axes | null} oblique the plane whose line is drawn in the others
 */

/**
 * What they have in common, and whom they tell.
 * @typedef {object} Company
 * @property {import("./volume.js").Volume} volume
 * @property {import("./wording.js").Wording} say
 * @property {import("../page.js").Texts} t texts of the room "mpr"
 * @property {import("./ruler.js").Ruler} ruler
 * @property {(point: Vector) => void} moved where the crosshair is wanted
 * @property {(normal: Vector) => void} turned how the oblique plane is wanted
 * @property {(section: Section) => void} touched which one is worked with
 */

/** @typedef {{name: string, axes: Axes, colour: string, across: string, along: string}} Design colours of it and its cross */

const NOTCH = 50;
const ZOOM_STEP = 1.25;
/** Half of a target of 44 CSS pixels. */
const REACH = 22;
/** Where handles are, in parts of the shorter side. */
const ARM = 0.3;

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
   * @param {Company} company
   * @param {Design} design
   */
  constructor(company, { name, axes, colour, across, along }) {
    this.company = company;
    this.volume = company.volume;
    this.colour = colour;
    this.axes = axes;
    this.face = faceOf(this.volume, axes);
    /** @type {Vector} */
    this.point = this.volume.low;
    /** @type {Sight | null} */
    this.sight = null;
    /** Counts what was asked for, so that what is overtaken ends. */
    this.asked = 0;
    this.key = "";
    /** @type {{cut: import("./cut.js").Cut, samples: Float32Array} | null} What is in sight. */
    this.made = null;
    this.wheeled = 0;
    /** @type {"" | "aim" | "measure" | "turn"} What the hand does. */
    this.hand = "";
    /** Which end of the oblique plane's line is in the hand: 1 or -1. */
    this.end = 1;
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.lines = new SectionLines(this, across, along);
    this.box = make("div", { class: "mpr-image" }, this.canvas, this.lines.svg);
    this.letters = make("div", {});
    const label = company.t(`mpr.${name}`);
    const described = `${label}. ${company.t("mpr.keys")}`;
    const properties = { class: "mpr-stage", tabindex: 0, role: "group", "aria-label": described, "data-plane": name };
    this.stage = make("div", properties, this.box, this.letters);
    this.scroll = this.scroller(label);
    this.element = make("div", { class: "mpr-plane" }, this.stage, this.scroll.row);
    this.element.style.setProperty("--plane", colour);
    this.before = this.point;
    this.zooming = new Zooming(this.stage, this.box, () => this.pinched());
    this.turnTo(axes);
    this.listen();
  }

  /** @param {Axes} axes */
  turnTo(axes) {
    this.axes = axes;
    this.face = faceOf(this.volume, axes);
    this.box.style.setProperty("--ratio", String(this.face.width / this.face.height));
    const sides = Object.entries(edges(axes.letters, { rotation: 0, flipped: false }));
    this.letters.replaceChildren(
      ...sides.map(([side, letter]) => make("span", { class: `edge edge-${side}`, "aria-hidden": "true" }, letter)),
    );
    const { least, most } = this.ends();
    Object.assign(this.scroll.field, { min: String(least), max: String(most) });
    this.zooming.apply();
  }

  /** From where to where it can be scrolled, in mm along its normal. */
  ends() {
    const { corner } = this.face;
    const { through } = this.axes;
    const opposite = faceOf(this.volume, { ...this.axes, right: through, down: this.axes.right, through: this.axes.down });
    const least = dot(corner, through);
    return { least, most: least + opposite.width };
  }

  /** @param {string} label */
  scroller(label) {
    const { least, most } = this.ends();
    const range = { min: least, max: most, step: this.volume.spacing / 4, value: least };
    return slider(label, range, () => this.depth(), (value) => {
      const { through } = this.axes;
      this.company.moved(plus(this.point, through, value - dot(this.point, through)));
    });
  }

  /** How deep it lies in the words of the patient where it is square to one of his axes, else in mm from his origin. */
  depth() {
    const { through } = this.axes;
    const axis = through.findIndex((part) => Math.abs(part) > 1 - 1e-9);
    const { say } = this.company;
    return axis < 0 ? say.number(dot(this.point, through), 1, "mm") : say.along(this.point, axis);
  }

  listen() {
    const { stage } = this;
    stage.addEventListener("pointerdown", (event) => {
      this.company.touched(this);
      if (event.isPrimary && event.button === 0 && !this.zooming.busy) {
        stage.setPointerCapture(event.pointerId);
        this.down(event);
      }
    });
    stage.addEventListener("pointermove", (event) => {
      if (event.isPrimary && this.hand && !this.zooming.busy) {
        this.move(event);
      }
    });
    stage.addEventListener("pointerup", (event) => {
      if (this.hand === "measure" && !this.zooming.busy) {
        this.company.ruler.finish(this.placeOf(event));
      }
      this.hand = "";
    });
    stage.addEventListener("focusin", () => this.company.touched(this));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("keydown", (event) => {
      if (this.pressed(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
    });
    this.company.ruler.addEventListener("change", () => this.lines.drawLengths());
  }

  /** @param {PointerEvent} event */
  down(event) {
    this.before = this.point;
    const end = this.handleAt(event);
    this.hand = end ? "turn" : this.company.ruler.taken ? "measure" : "aim";
    this.end = end || 1;
    if (this.hand === "measure") {
      this.company.ruler.cancel();
      this.company.ruler.put(this.placeOf(event));
    } else {
      this.move(event);
    }
  }

  /** @param {PointerEvent} event */
  move(event) {
    const there = this.placeOf(event);
    if (this.hand === "aim") {
      this.company.moved(there);
    } else if (this.hand === "measure") {
      this.company.ruler.follow(there);
    } else {
      this.turn(there);
    }
  }

  /** @param {Vector} there where the handle is wanted */
  turn(there) {
    const oblique = this.sight?.oblique;
    const along = oblique && crossing(this.axes, oblique);
    const way = plus(there, this.point, -1);
    if (oblique && along && dot(way, way) > 0) {
      this.company.turned(turnedNormal(this.axes, oblique, plus([0, 0, 0], along, this.end), unit(way)));
    }
  }

  pinched() {
    if (this.hand === "aim") {
      this.company.moved(this.before);
    }
    this.company.ruler.cancel();
    this.hand = "";
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {boolean} whether it was for this
   */
  pressed({ key, shiftKey, ctrlKey, altKey, metaKey }) {
    const { ruler } = this.company;
    const steps = KEYS[key];
    if (ctrlKey || altKey || metaKey) {
      return false;
    }
    if (steps) {
      this.step(steps, shiftKey ? 10 : 1);
      if (ruler.draft) {
        ruler.follow(this.point);
      }
    } else if (key === "+" || key === "=" || key === "-") {
      this.zooming.by(key === "-" ? 1 / ZOOM_STEP : ZOOM_STEP);
    } else if (key === "0") {
      this.zooming.reset();
    } else if (key === "Enter" && ruler.taken) {
      ruler.put(this.point);
    } else if (key === "Escape" && ruler.taken) {
      ruler.take(ruler.draft !== null);
    } else {
      return false;
    }
    return true;
  }

  /**
   * Which point of the plane lies there, inside of its face.
   * @param {{clientX: number, clientY: number}} event
   * @returns {Vector}
   */
  placeOf({ clientX, clientY }) {
    const { left, top, width, height } = this.box.getBoundingClientRect();
    const { right, down, through } = this.axes;
    const inside = (/** @type {number} */ part) => Math.min(Math.max(part, 0), 1);
    const x = inside((clientX - left) / width) * this.face.width;
    const y = inside((clientY - top) / height) * this.face.height;
    const onFace = plus(plus(this.face.corner, right, x), down, y);
    return plus(onFace, through, dot(this.point, through) - dot(onFace, through));
  }

  /**
   * Where a point is seen, in parts of the face.
   * @param {Vector} point
   */
  partOf(point) {
    const from = plus(point, this.face.corner, -1);
    return { x: dot(from, this.axes.right) / this.face.width, y: dot(from, this.axes.down) / this.face.height };
  }

  /**
   * @param {PointerEvent} event
   * @returns {number} 1 or -1 for an end of the oblique plane's line; 0 where there is none
   */
  handleAt({ clientX, clientY }) {
    const { left, top, width, height } = this.box.getBoundingClientRect();
    const isNear = (/** @type {number} */ end) => {
      const place = this.handle(end);
      const at = place && this.partOf(place);
      return at && Math.hypot(left + at.x * width - clientX, top + at.y * height - clientY) <= REACH;
    };
    return [1, -1].find(isNear) ?? 0;
  }

  /**
   * @param {number} end 1 or -1
   * @returns {Vector | null}
   */
  handle(end) {
    const oblique = this.sight?.oblique;
    const along = oblique && oblique !== this.axes ? crossing(this.axes, oblique) : null;
    return along && plus(this.point, along, end * ARM * Math.min(this.face.width, this.face.height));
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    if (event.ctrlKey) {
      this.zooming.wheel(event);
      return;
    }
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
    const { right, down, through } = this.axes;
    const far = this.volume.spacing * times;
    this.company.moved(plus(plus(plus(this.point, right, across * far), down, along * far), through, deep * far));
  }

  /** @param {Sight} sight */
  show(sight) {
    const { point, slab, window } = sight;
    const { through } = this.axes;
    const moved = this.sight?.point !== point;
    this.sight = sight;
    this.point = point;
    const at = this.partOf(point);
    this.lines.draw();
    this.scroll.tell(dot(point, through));
    if (moved && !this.hand) {
      this.zooming.reveal(at.x, at.y);
    }
    const key = [...this.axes.right, ...this.axes.down, dot(point, through), slab.thickness, slab.thickness > 0 && slab.mode].join(" ");
    if (key !== this.key) {
      this.key = key;
      void this.make(sight);
    } else {
      this.paint(window);
    }
  }

  /** @param {Sight} sight */
  async make(sight) {
    const { volume, axes } = this;
    const asked = ++this.asked;
    const stale = () => asked !== this.asked;
    this.window = sight.window;
    this.stage.dataset["quality"] = "preview";
    const fine = cutOf(volume, axes, sight.point);
    const coarse = coarseness(volume, fine, sight.slab);
    for (const cut of coarse > 1 ? [cutOf(volume, axes, sight.point, coarse), fine] : [fine]) {
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
