// A line on the image, and how long it is in the patient.

import { spacing } from "./spacing.js";

/** @typedef {import("./originals.js").Original} Original */
/** @typedef {{x: number, y: number}} Point in pixels of the image */

const SVG = "http://www.w3.org/2000/svg";

export class Ruler {
  /**
   * @param {HTMLElement} stage
   * @param {SVGSVGElement} layer
   * @param {() => void} changed
   */
  constructor(stage, layer, changed) {
    this.stage = stage;
    this.layer = layer;
    this.changed = changed;
    this.on = false;
    /** @type {Original | null} */
    this.original = null;
    /** @type {[Point, Point] | null} */
    this.line = null;
    this.drawing = false;
    for (const [kind, act] of /** @type {[string, (event: PointerEvent) => void][]} */ ([
      ["pointerdown", (event) => this.begin(event)],
      ["pointermove", (event) => this.move(event)],
      ["pointerup", () => (this.drawing = false)],
      ["pointercancel", () => (this.drawing = false)],
    ])) {
      // Before the gestures of the stage, which get nothing while a line is drawn.
      stage.addEventListener(kind, (event) => this.take(event, act), { capture: true });
    }
  }

  /**
   * @param {Event} event
   * @param {(event: PointerEvent) => void} act
   */
  take(event, act) {
    if (this.on && this.original && event instanceof PointerEvent) {
      event.stopPropagation();
      act(event);
    }
  }

  /** @param {PointerEvent} event */
  begin(event) {
    this.stage.setPointerCapture(event.pointerId);
    const point = this.point(event);
    this.line = [point, point];
    this.drawing = true;
    this.draw();
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (this.drawing && this.line) {
      this.line = [this.line[0], this.point(event)];
      this.draw();
    }
  }

  /** @param {Original | null} original what is in sight now, if its stored values are */
  see(original) {
    if (this.original !== original) {
      this.original = original;
      this.line = null;
      this.draw();
    }
  }

  clear() {
    this.line = null;
    this.draw();
  }

  draw() {
    this.layer.replaceChildren();
    if (this.line) {
      const [from, to] = this.line;
      const line = document.createElementNS(SVG, "line");
      const ends = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
      Object.entries(ends).forEach(([name, value]) => line.setAttribute(name, String(value)));
      this.layer.append(line);
    }
    this.changed();
  }

  /** @returns {{millimetres: number, detector: boolean} | null} null without a line, and where nothing says the size */
  get length() {
    const scale = this.original && spacing(this.original.dataSet, this.original.number);
    if (!scale || !this.line) {
      return null;
    }
    const [from, to] = this.line;
    const millimetres = Math.hypot((to.x - from.x) * scale.across, (to.y - from.y) * scale.down);
    return { millimetres, detector: scale.detector };
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  point({ clientX, clientY }) {
    const box = this.layer.getBoundingClientRect();
    const { columns = 1, rows = 1 } = this.original?.frame ?? {};
    return { x: ((clientX - box.left) / box.width) * columns, y: ((clientY - box.top) / box.height) * rows };
  }
}
