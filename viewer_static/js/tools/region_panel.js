// The sets of regions for the active pane: a switch for each region and for all, how opaque they are, and what of them
// cannot be shown.

import { make } from "../viewer/markup.js";
import { checkbox, slider } from "./build.js";
import { RegionLayer } from "./region_layer.js";
import { setsOf } from "./region_sets.js";

/** @typedef {import("../viewer/pane.js").Pane} Pane */
/** @typedef {import("./region_sets.js").Region} Region */
/** @typedef {import("./region_sets.js").RegionSet} RegionSet */

export class RegionPanel {
  /**
   * @param {import("./workbench.js").Workbench} bench
   * @param {HTMLElement} body
   * @param {import("../page.js").Texts} t texts of the room "regions"
   */
  constructor(bench, body, t) {
    this.bench = bench;
    this.body = body;
    this.t = t;
    /** Whether it is to be seen; nothing is asked for a pane while it is not. */
    this.open = false;
    /** @type {WeakMap<Pane, Promise<HTMLElement>>} What is found for each pane; asked for once. */
    this.found = new WeakMap();
    /** @type {Pane | null} */
    this.shown = null;
    bench.addEventListener("change", () => void this.changed());
  }

  /** @param {boolean} open */
  async setOpen(open) {
    this.open = open;
    // What could not be had is asked for again.
    if (!this.found.has(this.bench.pane)) {
      this.shown = null;
    }
    await this.changed();
  }

  async changed() {
    const { pane } = this.bench;
    if (!this.open || this.shown === pane) {
      return;
    }
    this.shown = pane;
    this.body.replaceChildren(make("p", { class: "hint", role: "status" }, this.t("regions.loading")));
    const found = this.found.get(pane) ?? this.find(pane);
    this.found.set(pane, found);
    const made = await found;
    if (this.shown === pane) {
      this.body.replaceChildren(made);
    }
  }

  /** @param {Pane} pane */
  async find(pane) {
    const sets = await setsOf(pane.source);
    if (!sets) {
      this.found.delete(pane);
    }
    return make("div", {}, ...this.content(pane, sets));
  }

  /**
   * @param {Pane} pane
   * @param {RegionSet[] | null} sets
   */
  content(pane, sets) {
    const { t } = this;
    if (!sets?.length) {
      return [make("p", { class: "hint", role: "status" }, t(sets ? "regions.none" : "regions.failed"))];
    }
    const layer = new RegionLayer(pane, sets);
    const said = make("p", { class: "hint", role: "status" });
    layer.addEventListener("change", () => (said.textContent = layer.problem && t(layer.problem)));
    const range = { min: 10, max: 100, step: 5, value: 50 };
    const opacity = slider(t("regions.opacity"), range, (value) => `${value}\u00a0%`, (value) => layer.setOpacity(value / 100));
    return [opacity.row, said, ...sets.map((set) => this.set(pane, layer, set))];
  }

  /**
   * @param {Pane} pane
   * @param {RegionLayer} layer
   * @param {RegionSet} set
   */
  set(pane, layer, set) {
    const { t } = this;
    const title = make("h3", {}, make("bdi", {}, set.name || set.label || t("regions.unnamed")));
    const notes = this.notes(set).map((note) => make("p", { class: "hint" }, note));
    const rows = set.regions.filter(({ images }) => images.length > 0).map((region) => this.row(pane, region));
    const chosen = () => rows.filter(({ field }) => field.checked).map(({ number }) => number);
    const all = checkbox(t("regions.all"), true, (on) => {
      rows.forEach(({ field }) => (field.checked = on));
      layer.choose(set, chosen());
    });
    for (const { field } of rows) {
      field.addEventListener("change", () => {
        const on = chosen().length;
        all.field.checked = on === rows.length;
        all.field.indeterminate = on > 0 && on < rows.length;
        layer.choose(set, chosen());
      });
    }
    const list = make("ul", { class: "region-list" }, ...rows.map(({ element }) => element));
    return make("section", {}, title, ...notes, ...(rows.length > 1 ? [all.row] : []), ...(rows.length ? [list] : []));
  }

  /** @param {RegionSet} set */
  notes({ readable, regions, more, parts, left_out: out }) {
    const { t } = this;
    if (!readable) {
      return [t("regions.unreadable")];
    }
    if (regions.every(({ images }) => images.length === 0)) {
      return [t("regions.nowhere")];
    }
    const absent = regions.filter(({ images }) => images.length === 0).length;
    return [
      ...(out > 0 ? [t("regions.left_out", { n: out, of: parts })] : []),
      ...(absent > 0 ? [t("regions.absent", { n: absent })] : []),
      ...(more > 0 ? [t("regions.more", { n: more })] : []),
    ];
  }

  /**
   * @param {Pane} pane
   * @param {Region} region
   */
  row({ stack }, { number, name, colour, images }) {
    const { t } = this;
    const field = make("input", { type: "checkbox", checked: true });
    const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.backgroundColor = colour;
    const called = name || t("regions.number", { n: number });
    const label = make("label", { class: "check" }, field, swatch, make("bdi", {}, called));
    const middle = middleOf(images);
    const there = { i: middle + 1, name: called };
    const go = make(
      "button",
      { type: "button", class: "quiet", click: () => stack.show(middle), "aria-label": t("regions.go_to", there) },
      t("regions.image", there),
    );
    return { number, field, element: make("li", {}, label, go) };
  }
}

/**
 * The image in the middle of all on which a region lies.
 * @param {[number, number][]} images
 */
function middleOf(images) {
  let left = images.reduce((sum, [first, last]) => sum + last - first + 1, 0) >> 1;
  for (const [first, last] of images) {
    if (left <= last - first) {
      return first + left;
    }
    left -= last - first + 1;
  }
  return images[0]?.[0] ?? 0;
}
