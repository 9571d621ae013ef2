// The group "Aufteilung": up to four series at once, each chosen by picture and name, with the lines where the image that
// is worked with cuts the others.

import { keep, query } from "../viewer/address.js";
import { intersection } from "../viewer/geometry.js";
import { make } from "../viewer/markup.js";
import { button, checkbox } from "./build.js";
import { Cell } from "./cell.js";
import { chooser } from "./chooser.js";

/** @typedef {import("../viewer/pane.js").Pane} Pane */
/** @typedef {import("./workbench.js").Workbench} Workbench */

/** @type {Record<string, [string, number]>} Rows x columns: picture, and how many cells. */
const LAYOUTS = { "1x1": ["one", 1], "1x2": ["two", 2], "2x1": ["rows", 2], "2x2": ["four", 4] };
const COLOUR = "#7fe7f2";
const CELLS = ["c1", "c2", "c3", "c4"];
/** What a cell holds, as the address says it: study, series, number of the image. */
const HELD = /^([\d.]+)\/([\d.]+)\/(\d+)$/;
const SETTLED = 400;

export class Layouts {
  /**
   * @param {Workbench} bench
   * @param {import("../viewer/toolbar.js").Toolbar} toolbar the patient's buttons, which serve every pane
   * @param {import("../page.js").Texts} t texts of the room "panes"
   */
  constructor(bench, toolbar, t) {
    this.bench = bench;
    this.toolbar = toolbar;
    this.t = t;
    /** The page's own pane; it rests while others are laid out. */
    this.own = bench.pane;
    /** @type {Cell[]} */
    this.cells = [];
    this.made = 0;
    this.settling = 0;
    this.restoring = false;
    this.grid = make("div", { class: "panes", role: "group", "aria-label": t("panes.layout") });
    this.lines = checkbox(t("panes.lines"), true, () => bench.redraw());
    this.joined = checkbox(t("panes.joined"), false, (on) => void bench.panes.link({ position: on, view: on }));
    this.choices = Object.entries(LAYOUTS).map(([name, [picture]]) =>
      button(picture, t(`panes.layout_${name}`), () => void this.lay(name), { "data-layout": name }),
    );
    bench.lines.push((pane) => this.reference(pane));
    bench.addEventListener("change", () => bench.redraw());
    bench.panes.addEventListener("change", () => toolbar.show());
    this.press("1x1");
  }

  get group() {
    const { t } = this;
    return make(
      "details",
      {},
      make("summary", {}, t("panes.layout")),
      make("div", { class: "tools", role: "group", "aria-label": t("panes.layout") }, ...this.choices),
      make("p", { class: "hint" }, t("panes.how")),
      this.lines.row,
      this.joined.row,
    );
  }

  /** @param {string} name */
  press(name) {
    this.choices.forEach((choice) => choice.setAttribute("aria-pressed", String(choice.dataset["layout"] === name)));
  }

  /** Lay out what the address says. */
  async restore() {
    const now = new URLSearchParams(location.search);
    const name = now.get("layout") ?? "";
    if ((LAYOUTS[name]?.[1] ?? 1) > 1) {
      // What is still on its way is not missing from the address: who loads the page again meanwhile gets it too.
      this.restoring = true;
      await this.lay(name, CELLS.map((cell) => now.get(cell) ?? "")).finally(() => (this.restoring = false));
      this.remember();
    }
  }

  /** Let the address say how it is laid out, once hands rest. */
  remember() {
    clearTimeout(this.settling);
    if (this.restoring) {
      return;
    }
    this.settling = setTimeout(() => {
      const held = CELLS.map((name, at) => [name, this.cells[at]?.held ?? ""]);
      keep(query({ layout: this.grid.isConnected ? (this.grid.dataset["layout"] ?? "") : "", ...Object.fromEntries(held) }));
    }, SETTLED);
  }

  /**
   * @param {string} name
   * @param {string[]} [held] what the cells are to hold when nothing has been laid out yet; the first one this series
   */
  async lay(name, held = []) {
    const count = LAYOUTS[name]?.[1] ?? 1;
    this.press(name);
    this.remember();
    if (count === 1) {
      this.alone();
      return;
    }
    const begins = !this.grid.isConnected;
    this.grid.dataset["layout"] = name;
    while (this.cells.length < count) {
      this.addCell();
    }
    this.cells.splice(count).forEach((cell) => this.removeCell(cell));
    const [first] = this.cells;
    if (begins && first) {
      this.own.section.before(this.grid);
      await this.begin(first, held);
    }
  }

  /**
   * @param {Cell} first
   * @param {string[]} held
   */
  async begin(first, held) {
    for (const [at, cell] of this.cells.entries()) {
      const [, study, series, image] = held[at]?.match(HELD) ?? [];
      if (study) {
        await this.fill(cell, `/studies/${study}/series/${series}`, Number(image));
      } else if (cell === first) {
        await this.fill(cell, location.pathname, this.own.stack.index + 1);
      }
    }
    if (first.pane) {
      this.bench.panes.activate(first.pane);
    }
  }

  /** Back to the page's own pane, at the image that its series shows among the others. */
  alone() {
    if (!this.grid.isConnected) {
      return;
    }
    const { own, bench } = this;
    const same = this.cells.find(({ pane }) => pane?.source.root === own.source.root)?.pane;
    bench.panes.add(own);
    this.cells.splice(0).forEach((cell) => this.removeCell(cell));
    this.grid.remove();
    this.show(false);
    own.stack.show(same?.stack.index ?? own.stack.index);
  }

  /** @param {boolean} laid whether several are seen instead of the page's own */
  show(laid) {
    this.own.section.parentElement?.classList.toggle("laid-out", laid);
  }

  addCell() {
    const cell = new Cell(`cell-${++this.made}-`, this.t, () => void this.choose(cell));
    this.cells.push(cell);
    this.grid.append(cell.box);
  }

  /** @param {Cell} cell */
  removeCell(cell) {
    this.empty(cell);
    cell.box.remove();
  }

  /** @param {Cell} cell */
  empty(cell) {
    const { pane } = cell;
    if (pane) {
      this.bench.panes.remove(pane);
      this.toolbar.controls = this.toolbar.controls.filter((one) => one !== cell.controls);
      cell.release();
    }
  }

  /** @param {Cell} cell */
  async choose(cell) {
    const chosen = await chooser(location.pathname, this.t);
    if (chosen) {
      await this.fill(cell, chosen);
    }
  }

  /**
   * @param {Cell} cell
   * @param {string} address of the series' own page
   * @param {number} [image] from 1
   */
  async fill(cell, address, image) {
    const filled = await cell.load(address, image);
    if (!filled) {
      return;
    }
    const { panes } = this.bench;
    const before = cell.pane;
    if (before) {
      this.toolbar.controls = this.toolbar.controls.filter((one) => one !== cell.controls);
    }
    const { pane, controls } = cell.put(filled);
    this.toolbar.controls.push(controls);
    panes.add(pane);
    for (const rests of [before, this.own]) {
      if (rests && panes.all.includes(rests)) {
        panes.remove(rests);
      }
    }
    this.show(true);
    panes.activate(pane);
    await cell.start();
    panes.settle();
    pane.addEventListener("change", () => this.remember());
    this.remember();
  }

  /**
   * Where the image that is worked with cuts the one of another pane.
   * @param {Pane} pane
   * @returns {import("./drawing.js").Line[]}
   */
  reference(pane) {
    const { active } = this.bench.panes;
    const here = pane.source.plane(pane.stack.index);
    const other = active && active !== pane && this.lines.field.checked ? active.source.plane(active.stack.index) : null;
    const together = here && other && here.frameOfReference !== "" && here.frameOfReference === other.frameOfReference;
    const cut = together ? intersection(here, other) : null;
    return cut ? [{ points: cut, closed: false, colour: COLOUR, name: "", dashed: false }] : [];
  }
}
