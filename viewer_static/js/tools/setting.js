// What is set for all planes of the MPR: the ruler, zoom, slab, window, and the angles of the oblique plane.

import { make } from "../viewer/markup.js";
import { CT } from "../viewer/presets.js";
import { button, checkbox, icon, select, slider } from "./build.js";
import { millimetres } from "./ruler.js";

/** @typedef {import("./cut.js").Mode} Mode */
/** @typedef {import("./reformats.js").Reformats} Reformats */

const THICKEST = 100;
const CLOSER = 1.5;
/** Degrees with which the oblique plane begins, so that it is another than the axial one. */
const FIRST_TILT = 30;
const MODES = /** @type {Mode[]} */ (["max", "min", "mean"]);

export class Setting {
  /** @param {Reformats} planes */
  constructor(planes) {
    const { t } = planes.words;
    this.planes = planes;
    this.place = make("p", { class: "mpr-place", "data-part": "mpr-place" });
    this.measure = button("length", t("mpr.measure"), () => planes.ruler.take(!planes.ruler.taken), { "data-part": "mpr-measure" });
    this.how = make("p", { class: "hint", role: "status" });
    this.list = make("ul", { class: "measures" });
    this.window = this.windowing();
    this.angles = this.turning();
    planes.ruler.addEventListener("change", () => this.told());
    this.told();
    const { skip } = planes.volume.lattice;
    this.element = make(
      "div",
      { class: "mpr-controls doctor" },
      this.place,
      this.toolbar(),
      this.how,
      this.list,
      ...this.angles.rows,
      ...this.slab(),
      this.window.presets,
      ...this.window.rows,
      ...(skip > 1 ? [make("p", { class: "hint" }, t("mpr.thinned", { n: skip }))] : []),
      make("p", { class: "hint" }, t("mpr.how")),
    );
  }

  toolbar() {
    const { planes, measure } = this;
    const { t, say } = planes.words;
    const closer = (/** @type {number} */ factor) => () => planes.active?.zooming.by(factor);
    return make(
      "div",
      { class: "tools", role: "group", "aria-label": t("mpr.tools") },
      measure,
      button("plus", say.t("tools.zoom_in"), closer(CLOSER), { "data-part": "mpr-closer" }),
      button("minus", say.t("tools.zoom_out"), closer(1 / CLOSER)),
      button("reset", t("mpr.center"), () => {
        [...planes.sections, planes.oblique].forEach(({ zooming }) => zooming.reset());
        planes.move(planes.middle());
      }),
    );
  }

  slab() {
    const { planes } = this;
    const { slab, volume } = planes;
    const { t, say } = planes.words;
    const thick = Math.max(...[0, 1, 2].map((axis) => (volume.high[axis] ?? 0) - (volume.low[axis] ?? 0)));
    const range = { min: 0, max: Math.floor(Math.min(THICKEST, thick)), step: 1, value: 0 };
    const worded = (/** @type {number} */ value) => (value > 0 ? say.number(value, 0, "mm") : t("mpr.thin"));
    const thickness = slider(t("mpr.thickness"), range, worded, (value) => {
      slab.thickness = value;
      planes.soon();
    });
    const choices = MODES.map((mode) => /** @type {[string, string]} */ ([mode, t(`mpr.${mode}`)]));
    const mode = select(t("mpr.mode"), choices, slab.mode, (value) => {
      slab.mode = MODES.find((one) => one === value) ?? "max";
      planes.soon();
    });
    thickness.field.dataset["part"] = "mpr-thickness";
    mode.field.dataset["part"] = "mpr-mode";
    return [thickness.row, mode.row];
  }

  windowing() {
    const { planes } = this;
    const { t, say, windows } = planes.words;
    const { low, high } = planes.bounds();
    const { center, width } = planes.window;
    const { unit: symbol, factor } = planes.quantity;
    const unit = factor === 1 && !symbol.startsWith("tools.") ? symbol : "";
    const worded = (/** @type {number} */ value) => say.number(value, 0, unit);
    const step = Math.max((high - low) / 1000, 1e-6);
    const finer = step > 1 ? Math.floor(step) : step;
    const named = Object.entries(unit === "HU" ? CT : {});
    const ends = [low, high, center, ...named.map(([, preset]) => preset.center)];
    const centers = { min: Math.min(...ends), max: Math.max(...ends), step: finer, value: center };
    const widest = Math.max(high - low, width, ...named.map(([, preset]) => preset.width));
    const middle = slider(t("mpr.window_center"), centers, worded, (value) => planes.setWindow({ center: value }));
    const span = slider(t("mpr.window_width"), { min: finer, max: widest, step: finer, value: width }, worded, (value) => {
      planes.setWindow({ width: value });
    });
    const all = [["default", planes.first], ...named, ["auto", planes.whole()]];
    const presets = /** @type {[string, import("../viewer/dicom.js").Window][]} */ (all).map(([name, window]) =>
      make("button", { type: "button", "data-preset": name, click: () => planes.setWindow(window) }, windows(`viewer.preset_${name}`)),
    );
    const group = { class: "choices", role: "group", "aria-label": windows("viewer.window_title") };
    return { presets: make("div", group, ...presets), rows: [middle.row, span.row], middle, span };
  }

  turning() {
    const { planes } = this;
    const { t, say } = planes.words;
    const range = { min: -90, max: 90, step: 1, value: 0 };
    const worded = (/** @type {number} */ value) => say.number(value, 0, "°");
    const [forwards, sideways] = /** @type {const} */ (["forwards", "sideways"]).map((name) => {
      const made = slider(t(`mpr.${name}`), range, worded, (value) => planes.turn({ ...planes.angles, [name]: value }));
      made.field.dataset["part"] = `mpr-${name}`;
      return made;
    });
    const angles = make("div", { class: "mpr-angles", hidden: true }, ...[forwards, sideways].map((one) => one?.row ?? ""));
    const oblique = checkbox(t("mpr.show_oblique"), false, (on) => {
      angles.hidden = !on;
      if (on && planes.angles.forwards === 0 && planes.angles.sideways === 0) {
        planes.turn({ forwards: FIRST_TILT, sideways: 0 });
      }
      planes.setOblique(on);
    });
    oblique.field.dataset["part"] = "mpr-oblique";
    angles.append(make("p", { class: "hint" }, t("mpr.how_oblique")));
    return { rows: [oblique.row, angles], forwards, sideways };
  }

  /** The measured lengths, in words. */
  told() {
    const { ruler, words } = this.planes;
    const { t, say } = words;
    this.measure.setAttribute("aria-pressed", String(ruler.taken));
    this.planes.body.classList.toggle("measuring", ruler.taken);
    const how = ruler.taken ? t("mpr.how_measure") : "";
    if (this.how.textContent !== how) {
      this.how.textContent = how;
    }
    this.list.replaceChildren(
      ...ruler.lengths.map((length, at) => {
        const name = `${say.t("tools.length")} ${at + 1}`;
        const figure = make("span", {}, say.number(millimetres(length), 1, "mm"));
        const show = () => this.planes.move(length.from);
        const remove = { type: "button", class: "remove", click: () => ruler.remove(length), "aria-label": say.t("tools.remove", { name }) };
        return make(
          "li",
          {},
          make("button", { type: "button", class: "measure-name", click: show }, make("strong", {}, name), figure),
          make("button", remove, icon("remove")),
        );
      }),
    );
  }

  /** Say what is at the crosshair, and let the controls stand where things are. */
  show() {
    const { point, volume, quantity, window, angles, words } = this.planes;
    const { t, say } = words;
    const value = volume.at(point) * quantity.factor;
    const figure = Number.isNaN(value) ? t("mpr.outside") : say.number(value, quantity.digits, say.unit(quantity.unit));
    this.place.replaceChildren(make("strong", {}, figure), ` · ${say.place(point)}`);
    this.window.middle.tell(window.center);
    this.window.span.tell(window.width);
    this.angles.forwards?.tell(angles.forwards);
    this.angles.sideways?.tell(angles.sideways);
    for (const preset of this.window.presets.querySelectorAll("button")) {
      preset.setAttribute("aria-pressed", String(this.isChosen(preset.dataset["preset"] ?? "")));
    }
  }

  /** @param {string} preset */
  isChosen(preset) {
    const { first, window } = this.planes;
    const meant = preset === "default" ? first : preset === "auto" ? this.planes.whole() : CT[preset];
    return meant?.center === window.center && meant.width === window.width;
  }
}
