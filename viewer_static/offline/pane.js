// One series on one stage: pictures that lie beside the page, and the stored values once a folder was chosen.
//
// For tests and the curious, the stage says what is in sight: data-shown (image from 1), data-quality ("preview" or
// "full"), data-zoom, data-window ("center width" while the quality is "full").

import { part } from "../js/page.js";
import { Cache } from "../js/viewer/cache.js";
import { greyTable } from "../js/viewer/grey.js";
import { Input } from "../js/viewer/input.js";
import { Surface } from "../js/viewer/surface.js";
import { View } from "../js/viewer/view.js";
import { pictureOf } from "./catalogue.js";
import { Light } from "./light.js";
import { Ruler } from "./ruler.js";

/** @typedef {import("./catalogue.js").Catalogue} Catalogue */
/** @typedef {import("./catalogue.js").Series} Series */
/** @typedef {import("./originals.js").Originals} Originals */
/** @typedef {import("./originals.js").Original} Original */

const AHEAD = 12;
const REST = 80;
const PIXELS = 48 << 20;

/** Sends "change" when another image is in sight, and "use" when somebody begins to work here. */
export class Pane extends EventTarget {
  /**
   * @param {HTMLElement} section
   * @param {Catalogue} catalogue
   * @param {Originals} originals
   */
  constructor(section, catalogue, originals) {
    super();
    this.section = section;
    this.catalogue = catalogue;
    this.originals = originals;
    this.stage = part(section, "stage", HTMLElement);
    this.slider = part(section, "slider", HTMLInputElement);
    this.message = part(section, "message", HTMLElement);
    this.length = part(section, "length", HTMLElement);
    this.view = new View(this.stage);
    this.surface = new Surface(this.stage, this.view, part(section, "picture", HTMLImageElement), () => {});
    this.light = new Light();
    this.ruler = new Ruler(this.stage, this.surface.layer, () => this.tellLength());
    /** Whether keys and drags are meant for this pane, and whether drags change brightness. */
    this.active = true;
    this.windowing = false;
    /** @type {Series | null} */
    this.series = null;
    this.index = 0;
    this.timer = 0;
    /** @type {Cache<HTMLImageElement>} */
    this.pictures = new Cache(PIXELS);
    this.listen();
  }

  get total() {
    return this.series?.total ?? 0;
  }

  listen() {
    for (const kind of ["pointerdown", "wheel", "focusin"]) {
      this.section.addEventListener(kind, () => this.dispatchEvent(new Event("use")), { capture: true, passive: true });
    }
    this.input = new Input(this.stage, {
      step: (images) => this.show(this.index + images),
      edge: (last) => this.show(last ? this.total - 1 : 0),
      window: (right, up) => this.change(up / 250, Math.exp(right / 200)),
      zoom: (factor, client) => this.view.zoomBy(factor, client),
      pan: (x, y) => this.view.pan(x, y),
      reset: () => this.reset(),
      isZoomed: () => this.view.zoom > 1,
      isWindowing: () => this.windowing,
      total: () => this.total,
      hasKeys: () => this.active,
      pen: () => null,
      film: () => null,
      help: null,
    });
    this.stage.classList.add("live");
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "group");
    this.slider.addEventListener("input", () => this.show(Number(this.slider.value) - 1));
    for (const [name, by] of /** @type {[string, number][]} */ ([["previous", -1], ["next", 1]])) {
      part(this.section, name, HTMLButtonElement).addEventListener("click", () => this.show(this.index + by));
    }
  }

  /**
   * Show another series, its middle image first.
   * @param {Series} series
   */
  open(series) {
    this.series = series;
    this.index = Math.floor(series.total / 2);
    this.light.reset();
    this.view.reset();
    this.ruler.see(null);
    this.slider.max = String(Math.max(series.total, 1));
    this.section.classList.toggle("empty", series.total === 0);
    this.label();
    this.arrive();
  }

  /** Everything that is said, in the language that is spoken now. */
  label() {
    const { catalogue, section, stage } = this;
    stage.setAttribute("aria-label", catalogue.t("stage"));
    this.slider.setAttribute("aria-label", catalogue.t("slider"));
    for (const name of ["previous", "next"]) {
      part(section, name, HTMLButtonElement).setAttribute("aria-label", catalogue.t(name));
    }
    part(section, "choose", HTMLElement).textContent = catalogue.t("choose_series");
    this.tell();
  }

  /** @param {number} index */
  show(index) {
    const next = Math.min(Math.max(index, 0), this.total - 1);
    if (next !== this.index && next >= 0) {
      this.index = next;
      this.arrive();
      this.dispatchEvent(new Event("change"));
    }
  }

  arrive() {
    this.tell();
    this.paint();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.rest(), REST);
  }

  /** The best that is there of the image asked for. */
  paint() {
    const { series, index } = this;
    if (!series?.total) {
      return;
    }
    const original = this.originals.chosen ? this.originals.at(series, index) : undefined;
    if (original && !(original.description.voiLut && this.light.untouched)) {
      this.exact(original);
      return;
    }
    const picture = this.picture(index);
    this.ruler.see(null);
    if (series.missing.includes(index + 1)) {
      this.say("missing");
    } else if (picture.complete && picture.naturalWidth) {
      this.say(this.originals.chosen && original === null ? "full_preview" : "");
      this.approximate(picture);
    }
  }

  /** @param {Original} original */
  exact(original) {
    const window = this.light.window(original);
    const { description, frame } = original;
    this.surface.measure(frame.columns, frame.rows);
    this.surface.exact(frame, greyTable(description, window), description.pixelHeight);
    this.surface.renderer.canvas.style.filter = "";
    this.say("");
    this.sees("full", `${window.center} ${window.width}`);
    this.ruler.see(original);
  }

  /** @param {HTMLImageElement} picture */
  approximate(picture) {
    this.surface.picture(picture);
    this.surface.preview.style.filter = this.light.filter;
    this.sees("preview", "");
  }

  /**
   * @param {string} quality
   * @param {string} window
   */
  sees(quality, window) {
    this.stage.dataset["shown"] = String(this.index + 1);
    this.stage.dataset["quality"] = quality;
    this.stage.dataset["window"] = window;
  }

  /** @param {string} key what hinders the image from being seen as it is, or nothing */
  say(key) {
    this.message.hidden = !key;
    this.message.textContent = key && this.catalogue.t(key);
    this.stage.classList.toggle("nothing", key === "missing" || key === "unzip");
  }

  // Somebody looks at this image: read its original, and what lies around it.
  async rest() {
    const { series, index } = this;
    if (!series?.total) {
      return;
    }
    for (let distance = 1; distance <= AHEAD; distance++) {
      [index + distance, index - distance].filter((at) => at >= 0 && at < series.total).forEach((at) => this.picture(at));
    }
    if (this.originals.chosen) {
      await this.originals.load(series, index);
      if (this.series === series && this.index === index) {
        this.paint();
        this.tell();
      }
    }
  }

  /**
   * The picture of an image, perhaps still on its way; it is painted when it comes if it is still asked for.
   * @param {number} index
   */
  picture(index) {
    const series = this.series;
    const key = `${series?.folder} ${index}`;
    const known = this.pictures.get(key);
    if (known || !series) {
      return known ?? new Image();
    }
    const picture = new Image();
    this.pictures.set(key, picture, PIXELS / (4 * AHEAD));
    const wanted = () => this.series === series && this.index === index;
    picture.addEventListener("load", () => wanted() && this.paint());
    picture.addEventListener("error", () => {
      if (wanted() && !series.missing.includes(index + 1)) {
        this.say("unzip");
      }
    });
    picture.src = pictureOf(series, index);
    return picture;
  }

  /**
   * @param {number} brighter
   * @param {number} contrast
   */
  change(brighter, contrast) {
    this.light.change(brighter, contrast);
    this.paint();
  }

  reset() {
    this.light.reset();
    this.view.reset();
    this.ruler.clear();
    this.paint();
  }

  tell() {
    const { catalogue, series, index, total, section } = this;
    const where = catalogue.t("image_of", { i: index + 1, n: total });
    part(section, "count", HTMLElement).textContent = total ? where : "";
    this.slider.value = String(index + 1);
    this.slider.setAttribute("aria-valuetext", where);
    this.slider.hidden = total < 2;
    part(section, "previous", HTMLButtonElement).disabled = index <= 0;
    part(section, "next", HTMLButtonElement).disabled = index >= total - 1;
    for (const canvas of this.stage.querySelectorAll("canvas")) {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${series ? catalogue.say(series.name) : ""}, ${where}`);
    }
    this.tellLength();
  }

  tellLength() {
    const { ruler, length, catalogue } = this;
    const found = ruler.length;
    length.hidden = !ruler.on || !ruler.line;
    length.textContent = "";
    if (found) {
      const digits = { maximumFractionDigits: 1, minimumFractionDigits: 1 };
      const where = found.detector ? ` (${catalogue.t("measure_detector")})` : "";
      length.textContent = `${found.millimetres.toLocaleString(catalogue.figures, digits)} mm${where}`;
    } else if (ruler.line) {
      length.textContent = catalogue.t("measure_unknown");
    }
  }
}
