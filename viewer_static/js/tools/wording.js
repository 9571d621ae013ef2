// Figures and places in the language of the page.

/** @typedef {import("../page.js").Texts} Texts */
/** @typedef {import("../viewer/geometry.js").Vector} Vector */
/** @typedef {import("../viewer/view.js").Point} Point */

/** Letters of PS3.3 C.7.6.1.1.1: towards the end of each axis, and away from it. */
const SIDES = /** @type {[string, string][]} */ ([["L", "R"], ["P", "A"], ["H", "F"]]);

export class Wording {
  /** @param {Texts} t texts of the room "tools" */
  constructor(t) {
    this.t = t;
    // In the digits that stand in the texts and on the images.
    this.language = `${document.documentElement.lang}-u-nu-latn`;
  }

  /**
   * @param {number} value
   * @param {number} digits behind the decimal sign
   * @param {string} [unit]
   */
  number(value, digits, unit = "") {
    const digitsOfAll = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    // -0.04 is no -0.0.
    const rounded = Number(value.toFixed(digits)) + 0;
    const figure = new Intl.NumberFormat(this.language, digitsOfAll).format(rounded);
    return unit === "" || unit === "°" ? figure + unit : `${figure}\u00a0${unit}`;
  }

  /** @param {string} unit a symbol, or a key of the texts */
  unit(unit) {
    return unit.startsWith("tools.") ? this.t(unit) : unit;
  }

  /**
   * A point of the patient by its distance to each side, e.g. "L 12.0 · P 3.5 · H 100.0 mm".
   * @param {Vector} point
   */
  place(point) {
    return `${[0, 1, 2].map((axis) => this.side(point, axis)).join(" · ")} mm`;
  }

  /**
   * Its part along one axis, e.g. "L 12.0 mm".
   * @param {Vector} point
   * @param {number} axis
   */
  along(point, axis) {
    return `${this.side(point, axis)}\u00a0mm`;
  }

  /**
   * @param {Vector} point
   * @param {number} axis
   */
  side(point, axis) {
    const [towards, away] = SIDES[axis] ?? ["", ""];
    const value = point[axis] ?? 0;
    return `${value < 0 ? away : towards} ${this.number(Math.abs(value), 1)}`;
  }

  /** @param {Point} point */
  pixel({ x, y }) {
    return this.t("tools.pixel", { column: Math.floor(x) + 1, row: Math.floor(y) + 1 });
  }
}
