// Draws and changes measurements on a pane: with a finger or the mouse by dragging or point by point, with keys by moving
// the points of the selected one.

import { POINTS } from "./measures.js";

/** @typedef {import("./measures.js").Kind} Kind */
/** @typedef {import("./measures.js").Measure} Measure */
/** @typedef {import("../viewer/pane.js").Pane} Pane */
/** @typedef {import("../viewer/view.js").Point} Point */
/** @typedef {import("../viewer/input.js").Pen} Drawer */

/** CSS pixels: half of a target of 44, and what a hand trembles. */
const REACH = 22;
const STILL = 5;

/** @type {Record<Kind, Point[]>} Where keys put a new one, in parts of the visible image from its middle. */
const STARTS = {
  length: [{ x: -0.15, y: 0 }, { x: 0.15, y: 0 }],
  angle: [{ x: 0.15, y: -0.15 }, { x: -0.1, y: 0.1 }, { x: 0.2, y: 0.1 }],
  cobb: [{ x: -0.15, y: -0.15 }, { x: 0.15, y: -0.2 }, { x: -0.15, y: 0.15 }, { x: 0.15, y: 0.2 }],
  rectangle: [{ x: -0.12, y: -0.12 }, { x: 0.12, y: 0.12 }],
  ellipse: [{ x: -0.12, y: -0.12 }, { x: 0.12, y: 0.12 }],
  probe: [{ x: 0, y: 0 }],
};

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @implements {Drawer} */
export class Pen {
  /**
   * @param {Pane} pane
   * @param {import("./book.js").Book} book
   * @param {{kind: Kind | null}} chosen the tool in hand, which all pens share
   * @param {() => void} dropped called when Escape puts the tool away
   */
  constructor(pane, book, chosen, dropped) {
    this.pane = pane;
    this.book = book;
    this.chosen = chosen;
    this.dropped = dropped;
    /** @type {Measure | null} One whose points are not all there yet; the last one follows the hand. */
    this.draft = null;
    /** Whether the hand has only just put the first point of a line. */
    this.fresh = false;
    /** @type {{measure: Measure, handle: number, from: Point} | null} A point, or with handle -1 the whole, in the hand. */
    this.held = null;
    /** @type {Point | null} Where the mouse is, in the image. */
    this.hovered = null;
  }

  /** @param {Point} at */
  down(at) {
    const point = this.pane.view.toImage(at);
    if (this.draft) {
      this.put(point);
      // The second line of four points begins where the hand comes down, as the first did.
      if (this.draft.kind === "cobb" && this.draft.points.length === 3) {
        this.draft.points.push(point);
        this.fresh = true;
      }
      return true;
    }
    this.held = this.grasp(at);
    if (this.held) {
      this.book.select(this.held.measure, Math.max(this.held.handle, 0));
      return true;
    }
    if (this.book.selected) {
      this.book.select(null);
    }
    const { kind } = this.chosen;
    if (!kind) {
      return false;
    }
    this.draft = { kind, points: kind === "probe" ? [point] : [point, point] };
    this.fresh = kind !== "probe";
    this.book.changed();
    return true;
  }

  /** @param {Point} at */
  move(at) {
    const point = this.pane.view.toImage(at);
    if (this.held) {
      this.carry(point);
    } else if (this.draft) {
      this.put(point);
    }
  }

  /** @param {Point} at */
  up(at) {
    this.held = null;
    if (!this.draft) {
      return;
    }
    const before = this.draft.points.at(-2);
    const start = before && this.pane.view.toClient(before);
    if (this.fresh && start && Math.hypot(start.x - at.x, start.y - at.y) < STILL) {
      this.fresh = false;
      return;
    }
    this.fresh = false;
    const { kind, points } = this.draft;
    if (points.length === POINTS[kind]) {
      this.finish(this.draft);
    } else {
      points.push(this.pane.view.toImage(at));
      this.book.changed();
    }
  }

  cancel() {
    this.held = null;
    this.draft = null;
    this.book.changed();
  }

  /** @param {Point} at */
  hover(at) {
    this.hovered = this.pane.view.toImage(at);
    if (this.draft) {
      this.put(this.hovered);
    } else if (this.chosen.kind === "probe") {
      this.book.changed();
    }
  }

  /** @param {Measure} measure */
  finish(measure) {
    this.draft = null;
    this.book.add(this.pane, measure);
  }

  /**
   * The last point of the draft is here now.
   * @param {Point} point
   */
  put(point) {
    this.draft?.points.splice(-1, 1, point);
    this.book.changed();
  }

  /**
   * What lies under the hand: a point of a measurement of this image before a line of one.
   * @param {Point} at
   */
  grasp(at) {
    const measures = [...this.book.of(this.pane)].reverse();
    const from = this.pane.view.toImage(at);
    const seen = (/** @type {Point} */ point) => this.pane.view.toClient(point);
    for (const measure of measures) {
      const far = measure.points.map((point) => distance(seen(point), at));
      const handle = far.indexOf(Math.min(...far));
      if ((far[handle] ?? Infinity) < REACH) {
        return { measure, handle, from };
      }
    }
    const touched = this.chosen.kind === null && measures.find((measure) => nearLine(measure.points.map(seen), at));
    return touched ? { measure: touched, handle: -1, from } : null;
  }

  /** @param {Point} point */
  carry(point) {
    if (!this.held) {
      return;
    }
    const { measure, handle, from } = this.held;
    if (handle >= 0) {
      measure.points[handle] = point;
    } else {
      measure.points = measure.points.map(({ x, y }) => ({ x: x + point.x - from.x, y: y + point.y - from.y }));
      this.held.from = point;
    }
    this.book.changed();
  }

  /** @param {KeyboardEvent} event */
  key({ key, shiftKey }) {
    const { selected } = this.book;
    const mine = selected && this.book.of(this.pane).includes(selected) ? selected : null;
    if (key === "Escape") {
      return this.escape(mine);
    }
    if (key === "Enter" && this.chosen.kind && !this.draft) {
      this.finish({ kind: this.chosen.kind, points: this.start(this.chosen.kind) });
      return true;
    }
    if (!mine) {
      return false;
    }
    const arrow = ARROWS[key];
    if (arrow) {
      this.nudge(mine, arrow, shiftKey ? 10 : 1);
    } else if (key === " ") {
      this.book.select(mine, (this.book.handle + 1) % mine.points.length);
    } else if (key === "Delete" || key === "Backspace") {
      this.book.remove(mine);
    } else {
      return false;
    }
    return true;
  }

  /** @param {Measure | null} mine */
  escape(mine) {
    if (this.draft) {
      this.cancel();
    } else if (mine) {
      this.book.select(null);
    } else if (this.chosen.kind) {
      this.dropped();
    } else {
      return false;
    }
    return true;
  }

  /**
   * By pixels of the image, in the direction that the reader sees.
   * @param {Measure} measure
   * @param {[number, number]} direction
   * @param {number} pixels
   */
  nudge(measure, [right, down], pixels) {
    const { view } = this.pane;
    const point = measure.points[this.book.handle];
    if (!point) {
      return;
    }
    const seen = view.toClient(point);
    const there = view.toImage({ x: seen.x + right, y: seen.y + down });
    const long = Math.hypot(there.x - point.x, there.y - point.y) || 1;
    const step = pixels / long;
    measure.points[this.book.handle] = {
      x: point.x + (there.x - point.x) * step,
      y: point.y + (there.y - point.y) * step,
    };
    this.book.changed();
  }

  /** @param {Kind} kind */
  start(kind) {
    const { view, stage } = this.pane;
    const box = stage.getBoundingClientRect();
    const small = Math.min(box.width, box.height);
    return STARTS[kind].map(({ x, y }) =>
      view.toImage({ x: box.left + box.width / 2 + x * small, y: box.top + box.height / 2 + y * small }),
    );
  }
}

/**
 * @param {Point} one
 * @param {Point} other
 */
function distance(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

/**
 * @param {Point[]} points in CSS pixels
 * @param {Point} at
 */
function nearLine(points, at) {
  return points.slice(1).some((end, before) => {
    const start = points[before] ?? end;
    const long = distance(start, end) || 1;
    const along = ((at.x - start.x) * (end.x - start.x) + (at.y - start.y) * (end.y - start.y)) / long ** 2;
    const part = Math.min(Math.max(along, 0), 1);
    return distance({ x: start.x + (end.x - start.x) * part, y: start.y + (end.y - start.y) * part }, at) < REACH / 2;
  });
}
