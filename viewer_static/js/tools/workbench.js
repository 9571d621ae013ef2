// What all tools share: the panes, the measurements, the tool in hand, and what is drawn over each pane.

import { Book } from "./book.js";
import { Drawing } from "./drawing.js";
import { Pen } from "./pen.js";

/** @typedef {import("../viewer/pane.js").Pane} Pane */
/** @typedef {import("./drawing.js").Line} Line */
/** @typedef {import("./measures.js").Kind} Kind */

/** Sends "change" when another pane is active, when the active one has changed, and when another tool is in hand. */
export class Workbench extends EventTarget {
  /**
   * @param {import("../viewer/panes.js").Panes} panes
   * @param {import("./wording.js").Wording} say
   */
  constructor(panes, say) {
    super();
    this.panes = panes;
    this.say = say;
    this.book = new Book();
    this.chosen = { kind: /** @type {Kind | null} */ (null) };
    /** @type {((pane: Pane) => Line[])[]} What else is drawn on a pane. */
    this.lines = [];
    /** @type {Map<Pane, Drawing>} */
    this.drawings = new Map();
    this.changed = () => this.dispatchEvent(new Event("change"));
    panes.addEventListener("change", () => {
      this.settle();
      this.redraw();
      this.changed();
    });
    this.book.addEventListener("change", this.changed);
    this.settle();
  }

  /** @returns {Pane} the one that the tools are for */
  get pane() {
    const { active } = this.panes;
    if (!active) {
      throw new Error("a page with tools has a pane");
    }
    return active;
  }

  settle() {
    for (const pane of this.panes.all.filter((one) => !this.drawings.has(one))) {
      const pen = new Pen(pane, this.book, this.chosen, () => this.take(null));
      pane.pen = pen;
      const lines = (/** @type {Pane} */ of) => this.lines.flatMap((provide) => provide(of));
      this.drawings.set(pane, new Drawing(pane, this.book, pen, this.say, lines));
      pane.addEventListener("change", () => {
        if (pane.active) {
          this.changed();
        }
      });
    }
    for (const [pane, drawing] of this.drawings) {
      if (!this.panes.all.includes(pane)) {
        drawing.stop();
        this.drawings.delete(pane);
      }
    }
  }

  /** @param {Kind | null} kind the tool that is in hand from now on */
  take(kind) {
    this.chosen.kind = kind;
    for (const { stage, pen } of this.panes.all) {
      pen?.cancel();
      stage.classList.toggle("drawing-mode", kind !== null);
    }
    this.changed();
  }

  redraw() {
    this.drawings.forEach((drawing) => drawing.soon());
  }
}
