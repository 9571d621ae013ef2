// What is drawn over a plane of the MPR: the crosshair in the colours of the planes that it stands for, the line of the
// oblique plane with its handles, and lengths.

import { draw } from "../viewer/markup.js";
import { millimetres } from "./ruler.js";

/** @typedef {import("./section.js").Section} Section */

/** In parts of the way between the handles: beyond every edge. */
const FAR = 20;

export class SectionLines {
  /**
   * @param {Section} section
   * @param {string} across colour of the upright line
   * @param {string} along of the level one
   */
  constructor(section, across, along) {
    this.section = section;
    this.upright = draw("line", { y1: "0%", y2: "100%" });
    this.level = draw("line", { x1: "0%", x2: "100%" });
    this.upright.style.stroke = across;
    this.level.style.stroke = along;
    this.slant = draw("g", { class: "mpr-slant" });
    this.lengths = draw("g", { class: "mpr-lengths" });
    this.svg = draw("svg", { "aria-hidden": "true" }, this.upright, this.level, this.slant, this.lengths);
  }

  draw() {
    const at = this.section.partOf(this.section.point);
    this.upright.setAttribute("x1", percent(at.x));
    this.upright.setAttribute("x2", percent(at.x));
    this.level.setAttribute("y1", percent(at.y));
    this.level.setAttribute("y2", percent(at.y));
    this.slant.replaceChildren(...this.oblique());
    this.drawLengths();
  }

  oblique() {
    const [one, other] = [1, -1].map((end) => this.section.handle(end)).map((end) => end && this.section.partOf(end));
    if (!one || !other) {
      return [];
    }
    const [x, y] = [FAR * (one.x - other.x), FAR * (one.y - other.y)];
    const ends = { x1: percent(one.x + x), y1: percent(one.y + y), x2: percent(other.x - x), y2: percent(other.y - y) };
    const handles = [one, other].map((end) => draw("circle", { cx: percent(end.x), cy: percent(end.y), r: 8 }));
    return [draw("line", ends), ...handles];
  }

  drawLengths() {
    const { company, point, axes } = this.section;
    const seen = company.ruler.inPlane(point, axes.through).map((length) => {
      const [from, to] = [this.section.partOf(length.from), this.section.partOf(length.to)];
      const ends = { x1: percent(from.x), y1: percent(from.y), x2: percent(to.x), y2: percent(to.y) };
      const [anchor, dx] = to.x > 0.5 ? ["end", -8] : ["start", 8];
      const place = { x: percent(to.x), y: percent(Math.max(to.y, 0.08)), dx, dy: -8, "text-anchor": anchor };
      const figure = draw("text", place, company.say.number(millimetres(length), 1, "mm"));
      return draw("g", {}, draw("line", { ...ends, class: "halo" }), draw("line", ends), figure);
    });
    this.lengths.replaceChildren(...seen);
  }
}

/** @param {number} part */
function percent(part) {
  return `${100 * part}%`;
}
