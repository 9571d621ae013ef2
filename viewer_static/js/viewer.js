// The viewer: puts source, stack, screen and controls together on the page that the server has rendered.
//
// For tests and the curious, the stage says what is in sight: data-shown (image from 1), data-quality ("preview" or
// "full"), data-renderer ("webgl2" or "canvas2d"), data-window ("center width"), data-zoom. While data-quality is
// "full", the visible canvas holds the frame one to one.

import { Controls } from "./controls.js";
import { element, texts } from "./page.js";
import { plainRenderer, renderer } from "./render.js";
import { Source } from "./source.js";
import { Stack } from "./stack.js";
import { View } from "./view.js";

/** @typedef {import("./render.js").Frame} Frame */

const root = element("viewer", HTMLElement);
const stage = element("stage", HTMLElement);
const { dataset } = root;

class Surface {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    this.first = element("picture", HTMLImageElement);
    this.preview = document.createElement("canvas");
    this.renderer = renderer(() => this.replace());
    /** @type {() => void} */
    this.again = () => {};
    this.stackChanged = () => {};
    stage.prepend(this.preview, this.renderer.canvas);
    this.see(this.first);
    this.view.surfaces = [this.first, this.preview, this.renderer.canvas];
    const { first } = this;
    const measure = () => view.setRatio(first.naturalWidth / first.naturalHeight);
    first.addEventListener("load", measure);
    if (first.complete) {
      measure();
    }
  }

  // The graphics driver took the context away, or the image is too large for it.
  replace() {
    const plain = plainRenderer();
    this.renderer.canvas.replaceWith(plain.canvas);
    this.renderer = plain;
    this.view.surfaces = [this.first, this.preview, plain.canvas];
    this.view.apply();
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
    stage.dataset["renderer"] = this.renderer.kind;
    this.view.setRatio(frame.columns / (frame.rows * pixelHeight));
    this.see(this.renderer.canvas);
  }

  /** @param {ImageBitmap} picture */
  picture(picture) {
    this.preview.width = picture.width;
    this.preview.height = picture.height;
    this.preview.getContext("2d", { alpha: false })?.drawImage(picture, 0, 0);
    stage.dataset["renderer"] = "picture";
    this.view.setRatio(picture.width / picture.height);
    this.see(this.preview);
  }

  /** @param {HTMLElement} seen */
  see(seen) {
    for (const surface of [this.first, this.preview, this.renderer.canvas]) {
      surface.hidden = surface !== seen;
    }
  }

  changed() {
    this.stackChanged();
  }
}

const view = new View(stage);
const surface = new Surface(view);
const first = { rows: Number(dataset["rows"]), columns: Number(dataset["columns"]) };
const source = new Source(dataset["root"] ?? "", dataset["instances"] ?? "", first);
const stack = new Stack(source, surface, Number(dataset["index"]) - 1);
const controls = new Controls(stack, view, await texts());
surface.stackChanged = () => controls.changed();
await stack.start();
