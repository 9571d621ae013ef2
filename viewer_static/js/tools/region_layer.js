// Segments and contours on the image of a pane. Segments fill whole pixels of the image, on a canvas that lies on it;
// contours are lines of the layer. Both move and grow with the image.
//
// For tests and the curious, the canvas says in data-image which image (from 1) its drawing is of; empty while there is
// none, or not all of it is there.

import { draw, make } from "../viewer/markup.js";
import { liesOn, outlinesOf } from "./region_sets.js";

/** @typedef {import("./region_sets.js").Outlines} Outlines */
/** @typedef {import("./region_sets.js").RegionSet} RegionSet */

const MOST_KEPT = 100;

/** How lines are drawn whatever the zoom, in CSS pixels; a point is a dot. */
const FORMS = /** @type {{form: import("./region_sets.js").Shape["form"], fills: boolean, width: number, halo: number}[]} */ ([
  { form: "closed", fills: true, width: 2, halo: 4 },
  { form: "open", fills: false, width: 2, halo: 4 },
  { form: "point", fills: false, width: 8, halo: 11 },
]);
const STROKE = { "fill-rule": "evenodd", "stroke-linejoin": "round", "stroke-linecap": "round", "vector-effect": "non-scaling-stroke" };

/** Sends "change" when something could not be drawn wholly, or can again. */
export class RegionLayer extends EventTarget {
  /**
   * @param {import("../viewer/pane.js").Pane} pane
   * @param {RegionSet[]} sets
   */
  constructor(pane, sets) {
    super();
    this.pane = pane;
    this.sets = sets;
    /** @type {Map<RegionSet, Set<number>>} The numbers of the regions that are to be seen. */
    this.chosen = new Map(sets.map((set) => [set, new Set(set.regions.map(({ number }) => number))]));
    this.canvas = make("canvas", { class: "cover", "data-part": "segments", "aria-hidden": "true" });
    this.lines = draw("g", { class: "contours" });
    /** @type {Map<string, Outlines>} By address and image; the oldest are let go. */
    this.kept = new Map();
    this.asking = new AbortController();
    this.drawn = "";
    /** @type {"" | "regions.failed" | "regions.incomplete"} What is to be said of the image in sight. */
    this.problem = "";
    pane.surface.cover(this.canvas);
    pane.layer.append(this.lines);
    pane.addEventListener("change", () => void this.changed());
    this.setOpacity(0.5);
    void this.changed();
  }

  /** @param {number} opacity from 0 to 1 */
  setOpacity(opacity) {
    this.canvas.style.opacity = String(opacity);
    this.lines.setAttribute("fill-opacity", String(opacity / 2));
  }

  /**
   * @param {RegionSet} set
   * @param {number[]} numbers of the regions that are to be seen
   */
  choose(set, numbers) {
    this.chosen.set(set, new Set(numbers));
    this.drawn = "";
    void this.changed();
  }

  /** Draw what belongs to the image in sight; nothing while another one is asked for, or nothing is known of it. */
  async changed() {
    const { stack, source } = this.pane;
    const at = stack.shown === stack.index && source.description(stack.index) ? stack.index : -1;
    if (this.drawn === String(at)) {
      return;
    }
    this.drawn = String(at);
    this.asking.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.clear(at);
    const wanted = at < 0 ? [] : this.sets.filter((set) => this.onImage(set, at));
    const found = await Promise.all(wanted.map((set) => this.outlines(set, at, signal)));
    if (signal.aborted) {
      return;
    }
    wanted.forEach((set, place) => this.draw(set, found[place] ?? null));
    this.canvas.dataset["image"] = at < 0 ? "" : String(at + 1);
    this.tell(found.includes(null) ? "regions.failed" : found.every((one) => one?.complete) ? "" : "regions.incomplete");
  }

  /** @param {"" | "regions.failed" | "regions.incomplete"} problem */
  tell(problem) {
    this.problem = problem;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {RegionSet} set
   * @param {number} at image, from 0
   */
  onImage(set, at) {
    const chosen = this.chosen.get(set);
    return set.regions.some((region) => chosen?.has(region.number) && liesOn(region, at));
  }

  /**
   * @param {RegionSet} set
   * @param {number} at
   * @param {AbortSignal} signal
   */
  async outlines(set, at, signal) {
    const key = `${set.address} ${at}`;
    const found = this.kept.get(key) ?? (await outlinesOf(set, at, signal));
    if (found) {
      this.kept.set(key, found);
    }
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MOST_KEPT) {
        break;
      }
      this.kept.delete(oldest);
    }
    return found;
  }

  /** @param {number} at image, from 0; less for none */
  clear(at) {
    const { columns = 1, rows = 1 } = this.pane.source.description(at) ?? {};
    this.canvas.width = columns;
    this.canvas.height = rows;
    this.canvas.dataset["image"] = "";
    this.lines.replaceChildren();
  }

  /**
   * @param {RegionSet} set
   * @param {Outlines | null} outlines
   */
  draw(set, outlines) {
    const context = this.canvas.getContext("2d");
    for (const { number, colour } of set.regions.filter((region) => this.chosen.get(set)?.has(region.number))) {
      for (const mask of outlines?.masks?.filter((one) => one.number === number) ?? []) {
        context?.drawImage(stamp(mask, colour), mask.left, mask.top);
      }
      const shapes = outlines?.shapes?.filter((one) => one.number === number) ?? [];
      if (shapes.length) {
        this.lines.append(...contours(shapes, colour));
      }
    }
  }
}

/**
 * A mask in its colour.
 * @param {import("./region_sets.js").Mask} mask
 * @param {string} colour #rrggbb
 */
function stamp({ width, height, values }, colour) {
  const canvas = make("canvas", { width, height });
  const image = new ImageData(width, height);
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const shares = atob(values);
  for (let at = 0; at < shares.length; at++) {
    image.data.set([red ?? 0, green ?? 0, blue ?? 0, shares.charCodeAt(at)], 4 * at);
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

/**
 * All contours of one region: where one lies in another, it is a hole (PS3.3 C.8.8.6.3).
 * @param {import("./region_sets.js").Shape[]} shapes
 * @param {string} colour
 */
function contours(shapes, colour) {
  const of = (/** @type {import("./region_sets.js").Shape["form"]} */ form) =>
    shapes.filter((shape) => shape.form === form).map((shape) => pathOf(shape)).join("");
  return FORMS.flatMap(({ form, fills, width, halo }) => {
    const d = of(form);
    // Here and not in the style sheet, so that what is saved looks alike.
    const shape = { ...STROKE, d, fill: fills ? colour : "none", stroke: colour, "stroke-width": width, class: "region" };
    const dark = { ...STROKE, d, fill: "none", stroke: "#000000", "stroke-opacity": 0.7, "stroke-width": halo };
    return d ? [draw("path", dark), draw("path", shape)] : [];
  });
}

/** @param {import("./region_sets.js").Shape} shape */
function pathOf({ form, points }) {
  const parts = [];
  for (let at = 0; at + 1 < points.length; at += 2) {
    parts.push(`${at ? "L" : "M"}${points[at]} ${points[at + 1]}`);
  }
  return parts.join("") + { closed: "Z", open: "", point: "h0" }[form];
}
