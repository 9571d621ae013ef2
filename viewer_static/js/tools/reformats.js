// The planes of a volume through one point: three along the patient's axes, a fourth in any direction when it is wanted;
// and what is set for all of them.

import { AXES } from "./cut.js";
import { Setting } from "./setting.js";
import { anglesOf, axesAt } from "./oblique.js";
import { quantityOf } from "./quantity.js";
import { Ruler } from "./ruler.js";
import { Section } from "./section.js";

/** @typedef {import("../page.js").Texts} Texts */
/** @typedef {import("../viewer/dicom.js").Window} Window */
/** @typedef {import("../viewer/geometry.js").Vector} Vector */
/** @typedef {import("./cut.js").Mode} Mode */
/** @typedef {import("./oblique.js").Angles} Angles */

/** `windows`: texts of the page, which name its windows. @typedef {{say: import("./wording.js").Wording, t: Texts, windows: Texts}} Words */

/** Each plane's colour, also of its line in the others. */
const COLOURS = { axial: "#ffd84d", coronal: "#7fe7f2", sagittal: "#ff9fd0", oblique: "#a8f06a" };
const CROSS = "#ffffff";
const STEEPEST = 90;

export class Reformats {
  /**
   * @param {import("./volume.js").Volume} volume all its slices are there
   * @param {import("../viewer/pane.js").Pane} pane
   * @param {Words} words
   * @param {HTMLElement} body where they are put
   */
  constructor(volume, pane, words, body) {
    this.volume = volume;
    this.body = body;
    this.words = words;
    const dataSet = pane.source.dataSet(volume.lattice.images[0] ?? 0);
    this.quantity = dataSet ? quantityOf(dataSet) : { unit: "", factor: 1, digits: 1, note: "" };
    this.slab = { thickness: 0, mode: /** @type {Mode} */ ("max") };
    /** The window with which the images were seen before. */
    this.first = pane.stack.effectiveWindow ?? this.whole();
    this.window = this.first;
    /** @type {Vector} */
    this.point = this.middle();
    /** @type {Angles} */
    this.angles = { forwards: 0, sideways: 0 };
    this.slants = false;
    this.waits = false;
    this.ruler = new Ruler(volume.spacing / 2);
    const company = {
      volume, ...words, ruler: this.ruler,
      moved: (/** @type {Vector} */ point) => this.move(point),
      turned: (/** @type {Vector} */ normal) => this.turn(anglesOf(normal)),
      touched: (/** @type {Section} */ section) => (this.active = section),
    };
    const { axial, coronal, sagittal, oblique } = COLOURS;
    this.sections = [
      new Section(company, { name: "axial", axes: AXES.axial, colour: axial, across: sagittal, along: coronal }),
      new Section(company, { name: "coronal", axes: AXES.coronal, colour: coronal, across: sagittal, along: axial }),
      new Section(company, { name: "sagittal", axes: AXES.sagittal, colour: sagittal, across: coronal, along: axial }),
    ];
    const free = { name: "oblique", axes: axesAt(this.angles), colour: oblique, across: CROSS, along: CROSS };
    this.oblique = new Section(company, free);
    /** @type {Section | undefined} The one that was worked with last. */
    this.active = this.sections[0];
    this.setting = new Setting(this);
  }

  /** @returns {Vector} */
  middle() {
    const { low, high } = this.volume;
    return [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2];
  }

  /** From the least to the greatest value. */
  bounds() {
    const { range, slope, intercept } = this.volume;
    const ends = [range.low * slope + intercept, range.high * slope + intercept];
    return { low: Math.min(...ends), high: Math.max(...ends) };
  }

  /** @returns {Window} */
  whole() {
    const { low, high } = this.bounds();
    return { center: (low + high) / 2, width: Math.max(high - low, 1), shape: "LINEAR_EXACT" };
  }

  begin() {
    this.oblique.element.hidden = true;
    this.body.append(...[...this.sections, this.oblique].map(({ element }) => element), this.setting.element);
    this.show();
    this.sections[0]?.stage.focus({ preventScroll: true });
  }

  /** @param {Partial<Window>} change */
  setWindow(change) {
    this.window = { ...this.window, ...change };
    this.soon();
  }

  /** @param {boolean} slants whether the oblique plane is shown */
  setOblique(slants) {
    this.slants = slants;
    this.oblique.element.hidden = !slants;
    this.body.classList.toggle("with-oblique", slants);
    this.turn(this.angles);
  }

  /** @param {Angles} angles of the oblique plane; they are held within right angles */
  turn({ forwards, sideways }) {
    const held = (/** @type {number} */ angle) => Math.min(Math.max(angle, -STEEPEST), STEEPEST);
    this.angles = { forwards: held(forwards), sideways: held(sideways) };
    this.oblique.turnTo(axesAt(this.angles));
    this.soon();
  }

  /** @param {Vector} point it is held inside of the volume's box */
  move(point) {
    const { low, high } = this.volume;
    const held = (/** @type {0 | 1 | 2} */ axis) => Math.min(Math.max(point[axis], low[axis]), high[axis]);
    this.point = [held(0), held(1), held(2)];
    // At once, since the next key may come before the next frame.
    [...this.sections, this.oblique].forEach((section) => (section.point = this.point));
    this.soon();
  }

  /** Once a frame, however often something has changed. */
  soon() {
    if (!this.waits) {
      this.waits = true;
      this.body.dataset["settled"] = "false";
      requestAnimationFrame(() => {
        this.waits = false;
        this.show();
      });
    }
  }

  show() {
    const { point, slab, window, slants } = this;
    this.setting.show();
    const oblique = slants ? this.oblique.axes : null;
    for (const section of slants ? [...this.sections, this.oblique] : this.sections) {
      section.show({ point, slab, window, oblique });
    }
    this.body.dataset["settled"] = "true";
  }
}
