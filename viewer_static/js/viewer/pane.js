// One series on one stage: source, stack, view and surface, put together in a section of the page that the server has
// rendered (templates/pane.html). A page may have several.
//
// For tests and the curious, the stage says what is in sight: data-shown (image from 1), data-quality ("preview" or
// "full"), data-renderer ("webgl2" or "canvas2d"), data-window ("center width"), data-zoom. While data-quality is
// "full", the visible canvas holds the frame one to one.

import { part } from "../page.js";
import { Source } from "./source.js";
import { Stack } from "./stack.js";
import { Surface } from "./surface.js";
import { View } from "./view.js";

/** Sends "change" when what is asked for or in sight has changed; its view sends "change" when the image lies elsewhere. */
export class Pane extends EventTarget {
  /** @param {HTMLElement} section */
  constructor(section) {
    super();
    const { dataset } = section;
    this.section = section;
    this.stage = part(section, "stage", HTMLElement);
    this.view = new View(this.stage);
    this.surface = new Surface(this.stage, this.view, part(section, "picture", HTMLImageElement), () => {
      this.dispatchEvent(new Event("change"));
    });
    const first = { rows: Number(dataset["rows"]), columns: Number(dataset["columns"]) };
    this.source = new Source(dataset["root"] ?? "", dataset["instances"] ?? "", first);
    this.stack = new Stack(this.source, this.surface, Number(dataset["index"]) - 1);
    /** What the series is called. */
    this.name = dataset["name"] ?? "";
    this.modality = dataset["modality"] ?? "";
    /** How the address calls the number of its image; empty when it does not tell. */
    this.parameter = dataset["parameter"] ?? "";
    /** Whether the address named an image, before the controls write there which one is in sight. */
    this.asked = new URLSearchParams(location.search).has(this.parameter);
    /** Whether keys are meant for it: among several panes, one. */
    this.active = true;
    /** @type {import("./input.js").Pen | null} What draws on the stage now. */
    this.pen = null;
    /** @type {import("./cine.js").Cine | null} What plays its images, once that is loaded. */
    this.film = null;
  }

  /** An SVG whose units are the pixels of the image: what lies on it moves and grows with the image. */
  get layer() {
    return this.surface.layer;
  }

  async start() {
    await this.stack.start();
  }
}
