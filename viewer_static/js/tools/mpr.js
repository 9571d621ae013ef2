// MPR and MIP in a dialog: a series of slices as one volume, seen along the patient's three axes, with slabs.
//
// For tests and the curious, it says what is in sight: the body's data-settled is "true" while all planes know what is
// asked for, and a plane's data-quality is "full" when it shows that.

import { button, make, select, slider } from "./build.js";
import { AXES } from "./cut.js";
import { Gathering } from "./gathering.js";
import { quantityOf } from "./quantity.js";
import { Section } from "./section.js";
import { Volume, budgetHere, latticeOf } from "./volume.js";

/** @typedef {import("../page.js").Texts} Texts */
/** @typedef {import("../viewer/dicom.js").Window} Window */
/** @typedef {import("../viewer/geometry.js").Vector} Vector */
/** @typedef {import("../viewer/pane.js").Pane} Pane */
/** @typedef {import("./cut.js").Mode} Mode */
/** @typedef {import("./cut.js").Name} Name */
/** @typedef {import("./wording.js").Wording} Wording */

const THICKEST = 100;
const MODES = /** @type {Mode[]} */ (["max", "min", "mean"]);

/**
 * Open the planes of a pane's series, or say why there are none.
 * @param {Pane} pane
 * @param {Wording} say
 * @param {Texts} t texts of the room "mpr"
 * @param {number} [budget] bytes
 */
export async function openPlanes(pane, say, t, budget = budgetHere()) {
  const { dialog, body } = dialogFor(pane, t);
  const lattice = pane.source.dataSets ? latticeOf(pane.source, budget) : "mpr.loading";
  if (typeof lattice === "string") {
    body.append(make("p", { class: "mpr-why", role: "alert" }, t(lattice)));
    return;
  }
  const bar = make("progress", { max: 1, value: 0, "aria-labelledby": "mpr-progress" });
  const said = make("p", { id: "mpr-progress" });
  const waiting = make("div", { class: "mpr-wait" }, said, bar);
  const n = lattice.images.length;
  const progressed = (/** @type {number} */ part) => {
    bar.value = part;
    said.textContent = t("mpr.progress", { i: Math.round(part * n), n });
  };
  progressed(0);
  body.append(waiting);
  const volume = allocated(lattice);
  const gathering = volume && new Gathering(pane, volume, progressed);
  dialog.addEventListener("close", () => gathering?.stop());
  const whole = await gathering?.all();
  if (!dialog.open) {
    return;
  }
  waiting.remove();
  if (volume && whole) {
    new Planes(volume, pane, say, t, body).begin();
  } else {
    body.append(make("p", { class: "mpr-why", role: "alert" }, t(volume ? "mpr.failed" : "mpr.memory")));
  }
}

/** @param {import("./volume.js").Lattice} lattice */
function allocated(lattice) {
  try {
    return new Volume(lattice);
  } catch (problem) {
    if (problem instanceof RangeError) {
      return null;
    }
    throw problem;
  }
}

/**
 * @param {Pane} pane
 * @param {Texts} t
 */
function dialogFor(pane, t) {
  const close = make("button", { type: "button", class: "close", click: () => dialog.close() }, t("mpr.close"));
  const title = make("h2", { id: "mpr-title" }, t("mpr.title"), " ", make("bdi", { class: "hint" }, pane.name));
  const notice = make("p", { class: "mpr-notice" }, t("mpr.notice"));
  const body = make("div", { class: "mpr-body" });
  const dialog = make(
    "dialog",
    { class: "large mpr", "aria-labelledby": "mpr-title" },
    make("div", { class: "dialog-head" }, title, notice, close),
    body,
  );
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return { dialog, body };
}

/** Three planes through one point, and what is set for all of them. */
export class Planes {
  /**
   * @param {Volume} volume all its slices are there
   * @param {Pane} pane
   * @param {Wording} say
   * @param {Texts} t
   * @param {HTMLElement} body where they are put
   */
  constructor(volume, pane, say, t, body) {
    this.volume = volume;
    this.body = body;
    this.say = say;
    this.t = t;
    const dataSet = pane.source.dataSet(volume.lattice.images[0] ?? 0);
    this.quantity = dataSet ? quantityOf(dataSet) : { unit: "", factor: 1, digits: 1, note: "" };
    this.slab = { thickness: 0, mode: /** @type {Mode} */ ("max") };
    this.window = pane.stack.effectiveWindow ?? this.whole();
    /** @type {Vector} */
    this.point = this.middle();
    this.waits = false;
    const moved = (/** @type {Vector} */ point) => this.move(point);
    this.sections = /** @type {Name[]} */ (Object.keys(AXES)).map((name) => new Section(volume, name, say, t, moved));
    this.place = make("p", { class: "mpr-place", "data-part": "mpr-place" });
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
    this.body.append(...this.sections.map(({ element }) => element), this.controls());
    this.show();
    this.sections[0]?.stage.focus({ preventScroll: true });
  }

  controls() {
    const { t, say, slab, volume } = this;
    const thick = Math.max(...[0, 1, 2].map((axis) => (volume.high[axis] ?? 0) - (volume.low[axis] ?? 0)));
    const range = { min: 0, max: Math.floor(Math.min(THICKEST, thick)), step: 1, value: 0 };
    const worded = (/** @type {number} */ value) => (value > 0 ? say.number(value, 0, "mm") : t("mpr.thin"));
    const thickness = slider(t("mpr.thickness"), range, worded, (value) => {
      slab.thickness = value;
      this.soon();
    });
    const choices = MODES.map((mode) => /** @type {[string, string]} */ ([mode, t(`mpr.${mode}`)]));
    const mode = select(t("mpr.mode"), choices, slab.mode, (value) => {
      slab.mode = MODES.find((one) => one === value) ?? "max";
      this.soon();
    });
    thickness.field.dataset["part"] = "mpr-thickness";
    mode.field.dataset["part"] = "mpr-mode";
    const thinned = volume.lattice.skip > 1 ? [make("p", { class: "hint" }, t("mpr.thinned", { n: volume.lattice.skip }))] : [];
    return make(
      "div",
      { class: "mpr-controls doctor" },
      this.place,
      thickness.row,
      mode.row,
      ...this.windowing(),
      button("reset", t("mpr.center"), () => this.move(this.middle()), { class: "quiet" }),
      ...thinned,
      make("p", { class: "hint" }, t("mpr.how")),
    );
  }

  windowing() {
    const { t, say } = this;
    const { low, high } = this.bounds();
    const { center, width } = this.window;
    const { unit: symbol, factor } = this.quantity;
    const unit = factor === 1 && !symbol.startsWith("tools.") ? symbol : "";
    const worded = (/** @type {number} */ value) => say.number(value, 0, unit);
    const step = Math.max((high - low) / 1000, 1e-6);
    const finer = step > 1 ? Math.floor(step) : step;
    const centers = { min: Math.min(low, center), max: Math.max(high, center), step: finer, value: center };
    const widths = { min: finer, max: Math.max(high - low, width), step: finer, value: width };
    return [
      slider(t("mpr.window_center"), centers, worded, (value) => this.setWindow({ center: value })).row,
      slider(t("mpr.window_width"), widths, worded, (value) => this.setWindow({ width: value })).row,
    ];
  }

  /** @param {Partial<Window>} change */
  setWindow(change) {
    this.window = { ...this.window, ...change };
    this.soon();
  }

  /** @param {Vector} point it is held inside of the volume's box */
  move(point) {
    const { low, high } = this.volume;
    const held = (/** @type {0 | 1 | 2} */ axis) => Math.min(Math.max(point[axis], low[axis]), high[axis]);
    this.point = [held(0), held(1), held(2)];
    // At once, since the next key may come before the next frame.
    this.sections.forEach((section) => (section.point = this.point));
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
    const { point, slab, window, say, quantity } = this;
    const value = this.volume.at(point) * quantity.factor;
    const figure = Number.isNaN(value) ? this.t("mpr.outside") : say.number(value, quantity.digits, say.unit(quantity.unit));
    this.place.replaceChildren(make("strong", {}, figure), ` · ${say.place(point)}`);
    this.sections.forEach((section) => section.show({ point, slab, window }));
    this.body.dataset["settled"] = "true";
  }
}
