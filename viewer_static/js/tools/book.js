// All measurements of the page, by the image on which each lies. They stay here: nothing sends or keeps them.

/** @typedef {import("./measures.js").Measure} Measure */
/** @typedef {import("../viewer/pane.js").Pane} Pane */

/** Sends "change". */
export class Book extends EventTarget {
  constructor() {
    super();
    /** @type {Map<string, Measure[]>} */
    this.pages = new Map();
    /** @type {Measure | null} */
    this.selected = null;
    /** Which of its points keys move. */
    this.handle = 0;
  }

  /**
   * The measurements of the image that a pane asks for.
   * @param {Pane} pane
   * @returns {Measure[]}
   */
  of({ source, stack }) {
    return this.pages.get(keyOf(source, stack.index)) ?? [];
  }

  /**
   * @param {Pane} pane
   * @param {Measure} measure
   */
  add(pane, measure) {
    this.pages.set(keyOf(pane.source, pane.stack.index), [...this.of(pane), measure]);
    this.select(measure, measure.points.length - 1);
  }

  /** @param {Measure} measure */
  remove(measure) {
    for (const [key, measures] of this.pages) {
      this.pages.set(key, measures.filter((one) => one !== measure));
    }
    this.select(this.selected === measure ? null : this.selected);
  }

  /** @param {Pane} pane */
  clear(pane) {
    this.pages.delete(keyOf(pane.source, pane.stack.index));
    this.select(null);
  }

  /**
   * @param {Measure | null} measure
   * @param {number} [handle]
   */
  select(measure, handle = 0) {
    this.selected = measure;
    this.handle = handle;
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {import("../viewer/source.js").Source} source
 * @param {number} at
 */
function keyOf(source, at) {
  const image = source.image(at);
  return `${image?.uid} ${image?.frame}`;
}
