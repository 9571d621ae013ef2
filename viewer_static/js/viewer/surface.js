// Where the stack shows its images: the server's picture, a canvas for JPEGs, a canvas for stored values, and above
// them a layer for drawings. One of the first three is seen at a time, all lie at the same place.

import { plainRenderer, renderer } from "./render.js";

/** @typedef {import("./render.js").Frame} Frame */
/** @typedef {import("./view.js").View} View */

export class Surface {
  /**
   * @param {HTMLElement} stage
   * @param {View} view
   * @param {HTMLImageElement} first the picture that the server has put on the page
   * @param {() => void} changed called when what is asked for or in sight has changed
   */
  constructor(stage, view, first, changed) {
    this.stage = stage;
    this.view = view;
    this.first = first;
    this.changed = changed;
    this.preview = document.createElement("canvas");
    this.renderer = renderer(() => this.replace());
    /** @type {HTMLElement[]} What lies on the image and moves with it, below the layer. */
    this.covers = [];
    this.layer = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.layer.classList.add("layer");
    this.layer.setAttribute("preserveAspectRatio", "none");
    this.layer.setAttribute("aria-hidden", "true");
    /** @type {() => void} */
    this.again = () => {};
    stage.prepend(this.preview, this.renderer.canvas, this.layer);
    stage.prepend(first);
    this.see(first);
    this.place();
    const measure = () => view.setRatio(first.naturalWidth / first.naturalHeight);
    first.addEventListener("load", measure);
    if (first.complete) {
      measure();
    }
  }

  place() {
    this.view.surfaces = [this.first, this.preview, this.renderer.canvas, ...this.covers, this.layer];
    this.view.apply();
  }

  /** @param {HTMLElement} element something of the image's own proportions to lie on it */
  cover(element) {
    this.covers.push(element);
    this.layer.before(element);
    this.place();
  }

  /** @param {HTMLElement} element */
  uncover(element) {
    this.covers = this.covers.filter((one) => one !== element);
    element.remove();
    this.place();
  }

  // The graphics driver took the context away, or the image is too large for it.
  replace() {
    const plain = plainRenderer();
    this.renderer.canvas.replaceWith(plain.canvas);
    this.renderer = plain;
    this.place();
    this.again();
  }

  /**
   * @param {Frame} frame
   * @param {Uint8Array} table
   * @param {number} pixelHeight
   */
  exact(frame, table, pixelHeight) {
    this.again = () => this.exact(frame, table, pixelHeight);
    try {
      this.renderer.draw(frame, table);
    } catch (problem) {
      if (!(problem instanceof RangeError)) {
        throw problem;
      }
      this.replace();
      return;
    }
    this.stage.dataset["renderer"] = this.renderer.kind;
    this.view.setRatio(frame.columns / (frame.rows * pixelHeight));
    this.see(this.renderer.canvas);
  }

  /** @param {ImageBitmap | HTMLImageElement} picture of the size at which it was made */
  picture(picture) {
    this.preview.width = picture.width;
    this.preview.height = picture.height;
    this.preview.getContext("2d", { alpha: false })?.drawImage(picture, 0, 0);
    this.stage.dataset["renderer"] = "picture";
    this.view.setRatio(picture.width / picture.height);
    this.see(this.preview);
  }

  /**
   * Let one unit of the layer be one pixel of the image.
   * @param {number} columns
   * @param {number} rows
   */
  measure(columns, rows) {
    this.layer.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    this.view.setSize(columns, rows);
  }

  /** @param {Element} seen */
  see(seen) {
    for (const surface of [this.first, this.preview, this.renderer.canvas]) {
      surface.hidden = surface !== seen;
    }
  }
}
