// What lies over the stage of a pane, in the pixels of the screen, so that lines and letters keep their size and stand
// upright: measurements, lines of other slices, contours.

import { draw } from "../viewer/markup.js";
import { resultOf } from "./measures.js";

/** @typedef {import("./measures.js").Measure} Measure */
/** @typedef {import("../viewer/pane.js").Pane} Pane */
/** @typedef {import("../viewer/view.js").Point} Point */

/**
 * A line in the image's own pixels. `name` is written at its beginning.
 * @typedef {{points: Point[], closed: boolean, colour: string, name: string, dashed: boolean}} Line
 */

const LINE_HEIGHT = 17;

export class Drawing {
  /**
   * @param {Pane} pane
   * @param {import("./book.js").Book} book
   * @param {import("./pen.js").Pen} pen
   * @param {import("./wording.js").Wording} say
   * @param {(pane: Pane) => Line[]} lines what else is drawn on the image in sight
   */
  constructor(pane, book, pen, say, lines) {
    this.pane = pane;
    this.book = book;
    this.pen = pen;
    this.say = say;
    this.lines = lines;
    this.pending = false;
    this.svg = draw("svg", { class: "drawing", "aria-hidden": "true" });
    pane.stage.append(this.svg);
    this.again = () => this.soon();
    pane.addEventListener("change", this.again);
    pane.view.addEventListener("change", this.again);
    book.addEventListener("change", this.again);
  }

  stop() {
    this.svg.remove();
    this.pane.removeEventListener("change", this.again);
    this.pane.view.removeEventListener("change", this.again);
    this.book.removeEventListener("change", this.again);
  }

  soon() {
    if (!this.pending) {
      this.pending = true;
      requestAnimationFrame(() => {
        this.pending = false;
        this.draw();
      });
    }
  }

  draw() {
    const { pane, book, pen, svg } = this;
    const shown = pane.stack.shown === pane.stack.index;
    const marks = shown ? [...book.of(pane), ...(pen.draft ? [pen.draft] : [])] : [];
    const parts = shown ? this.lines(pane).map((line) => this.line(line)) : [];
    svg.replaceChildren(...parts, ...marks.map((measure) => this.measure(measure)), ...(shown ? this.readout() : []));
  }

  /**
   * Where a point of the image is on the stage.
   * @param {Point} point
   */
  place(point) {
    const box = this.pane.stage.getBoundingClientRect();
    const { x, y } = this.pane.view.toClient(point);
    return { x: x - box.left, y: y - box.top };
  }

  /** @param {Line} line */
  line({ points, closed, colour, name, dashed }) {
    const placed = points.map((point) => this.place(point));
    const path = draw("path", { d: pathOf(placed) + (closed ? "Z" : ""), class: dashed ? "line dashed" : "line" });
    path.style.stroke = colour;
    const group = draw("g", {}, path);
    const [first] = placed;
    if (name && first) {
      const label = draw("text", { x: first.x + 4, y: first.y - 4 }, name);
      label.style.fill = colour;
      group.append(label);
    }
    return group;
  }

  /** @param {Measure} measure */
  measure(measure) {
    const chosen = this.book.selected === measure;
    const draft = this.pen.draft === measure;
    const placed = measure.points.map((point) => this.place(point));
    const group = draw("g", { class: chosen ? "measure chosen" : "measure", "data-kind": measure.kind });
    const outline = shapeOf(measure, placed);
    group.append(draw("path", { d: outline, class: "halo" }), draw("path", { d: outline }));
    if (chosen || draft) {
      placed.forEach(({ x, y }, at) => {
        const named = chosen && at === this.book.handle ? "handle now" : "handle";
        group.append(draw("circle", { cx: x, cy: y, r: 6, class: named }));
      });
    }
    group.append(this.text(resultOf(measure, this.pane, this.say).lines, placed));
    return group;
  }

  /**
   * Beside the shape, inside of the stage.
   * @param {string[]} lines
   * @param {Point[]} placed
   */
  text(lines, placed) {
    const { clientWidth, clientHeight } = this.pane.stage;
    const widest = Math.max(...lines.map((line) => line.length), 0) * 8.8;
    const x = Math.max(Math.min(Math.max(...placed.map((point) => point.x)) + 10, clientWidth - widest - 6), 6);
    const lowest = Math.max(...placed.map((point) => point.y)) + 18;
    const y = Math.max(Math.min(lowest, clientHeight - lines.length * LINE_HEIGHT), LINE_HEIGHT);
    const rows = lines.map((line, row) => draw("tspan", { x, y: y + row * LINE_HEIGHT }, line));
    return draw("text", {}, ...rows);
  }

  /** What the probe would say where the mouse is. */
  readout() {
    const { pen, pane, say } = this;
    if (pen.chosen.kind !== "probe" || !pen.hovered || pen.draft) {
      return [];
    }
    const { lines } = resultOf({ kind: "probe", points: [pen.hovered] }, pane, say);
    return [draw("text", { x: 10, y: pane.stage.clientHeight - 12, class: "readout" }, lines.join("   "))];
  }
}

/** @param {Point[]} points */
function pathOf(points) {
  return points.map(({ x, y }, at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/**
 * @param {Measure} measure
 * @param {Point[]} placed
 */
function shapeOf({ kind }, placed) {
  const [one, two, three, four] = placed;
  if (!one) {
    return "";
  }
  if (kind === "probe" || !two) {
    return `M${one.x - 9} ${one.y}h18M${one.x} ${one.y - 9}v18`;
  }
  const [x, y, width, height] = [one.x, one.y, two.x - one.x, two.y - one.y];
  if (kind === "rectangle") {
    return `M${x} ${y}h${width}v${height}h${-width}Z`;
  }
  if (kind === "ellipse") {
    const [across, down] = [Math.abs(width) / 2, Math.abs(height) / 2];
    const arc = `a${across} ${down} 0 1 0`;
    return `M${x + width / 2 - across} ${y + height / 2}${arc} ${2 * across} 0${arc} ${-2 * across} 0Z`;
  }
  if (kind === "cobb") {
    return pathOf([one, two]) + (three && four ? pathOf([three, four]) : "");
  }
  return pathOf(placed);
}
