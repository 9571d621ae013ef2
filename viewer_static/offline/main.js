// INDEX.HTM: all studies of the archive, and the viewer. Everything that it shows lies beside it.

import { element } from "../js/page.js";
import { CT } from "../js/viewer/presets.js";
import { Catalogue, originalOf, pictureOf } from "./catalogue.js";
import { documentsOf, made } from "./documents.js";
import { NUDGES } from "./light.js";
import { Originals } from "./originals.js";
import { Pane } from "./pane.js";

/** @typedef {import("./catalogue.js").Series} Series */
/** @typedef {import("./catalogue.js").Study} Study */

class Page {
  constructor() {
    this.catalogue = new Catalogue(JSON.parse(element("data", HTMLScriptElement).textContent ?? ""));
    this.originals = new Originals();
    this.dialog = element("full", HTMLDialogElement);
    this.panes = [this.addPane(), this.addPane()];
    this.active = this.panes[0];
    this.comparing = false;
    this.addTools();
    addEventListener("hashchange", () => this.go());
    const language = element("language", HTMLSelectElement);
    for (const [tag, { name }] of Object.entries(this.catalogue.data.languages)) {
      const option = new Option(name, tag, false, tag === this.catalogue.language);
      option.lang = tag;
      language.append(option);
    }
    language.addEventListener("change", () => {
      this.catalogue.language = language.value;
      this.speak();
    });
    this.speak();
    this.go();
  }

  /** All series in the order of the page, with their studies. */
  get all() {
    return this.catalogue.data.studies.flatMap((study) => study.series.map((series) => ({ study, series })));
  }

  addPane() {
    const template = element("pane", HTMLTemplateElement);
    const copy = document.importNode(template.content, true).querySelector("section");
    if (!copy) {
      throw new Error("no pane");
    }
    element("panes", HTMLElement).append(copy);
    const pane = new Pane(copy, this.catalogue, this.originals);
    const select = this.choice(pane);
    select.addEventListener("change", () => this.open(pane, Number(select.value)));
    pane.addEventListener("use", () => this.use(pane));
    pane.addEventListener("change", () => this.follow(pane));
    return pane;
  }

  /** @param {Pane} pane */
  choice(pane) {
    const select = pane.section.querySelector("select");
    if (!select) {
      throw new Error("no choice of series");
    }
    return select;
  }

  addTools() {
    /** @type {Record<string, () => void>} */
    const tools = {
      light: () => this.toggleLight(),
      larger: () => this.active?.view.zoomBy(1.5),
      smaller: () => this.active?.view.zoomBy(1 / 1.5),
      reset: () => this.active?.reset(),
      measure: () => this.toggleMeasure(),
      compare: () => this.compare(!this.comparing),
      full: () => this.dialog.showModal(),
      print: () => print(),
    };
    for (const [name, act] of Object.entries(tools)) {
      this.tool(name).addEventListener("click", act);
    }
    for (const [name, [brighter, contrast]] of Object.entries(NUDGES)) {
      const button = element("nudges", HTMLElement).querySelector(`[data-nudge="${name}"]`);
      button?.addEventListener("click", () => this.active?.change(brighter, contrast));
    }
    element("full-close", HTMLButtonElement).addEventListener("click", () => this.dialog.close());
    const folder = element("folder", HTMLInputElement);
    folder.addEventListener("change", () => this.choose(folder));
  }

  /** @param {string} name */
  tool(name) {
    const found = element("tools", HTMLElement).querySelector(`[data-tool="${name}"]`);
    if (!(found instanceof HTMLButtonElement)) {
      throw new Error(`no tool ${name}`);
    }
    return found;
  }

  // Where the address leads: "#3" is the third series, anything else all of them.
  go() {
    const number = Number(location.hash.slice(1)) || 0;
    const opened = this.all[number - 1];
    element("overview", HTMLElement).hidden = Boolean(opened);
    element("viewer", HTMLElement).hidden = !opened;
    const [first] = this.panes;
    if (opened && first) {
      this.compare(false);
      this.open(first, number - 1);
      first.stage.focus({ preventScroll: true });
    }
    scrollTo(0, 0);
  }

  /**
   * @param {Pane} pane
   * @param {number} number of the series among all, from 0
   */
  open(pane, number) {
    const opened = this.all[number];
    if (!opened) {
      return;
    }
    pane.open(opened.series);
    this.use(pane);
    this.label(pane);
    if (pane === this.panes[0]) {
      element("viewer", HTMLElement).classList.toggle("textual", opened.series.total === 0);
      element("documents", HTMLElement).replaceChildren(...documentsOf(opened.series, this.catalogue));
    }
  }

  /** @param {Pane} pane the one that tools and keys are meant for */
  use(pane) {
    this.active = pane;
    for (const one of this.panes) {
      one.active = one === pane;
      one.section.classList.toggle("active", this.comparing && one.active);
    }
    this.tellTools();
  }

  /** @param {Pane} pane the other one keeps to the same part of its series, if the reader wants that */
  follow(pane) {
    const other = this.panes.find((one) => one !== pane);
    if (this.comparing && pane.active && other && element("together", HTMLInputElement).checked) {
      other.show(Math.round((pane.index / Math.max(pane.total - 1, 1)) * (other.total - 1)));
    }
  }

  toggleLight() {
    const panel = element("light", HTMLElement);
    panel.hidden = !panel.hidden;
    this.mode("light", !panel.hidden);
  }

  toggleMeasure() {
    this.mode("measure", !this.panes.some((pane) => pane.ruler.on));
  }

  /**
   * Dragging does one thing at a time.
   * @param {"light" | "measure"} name
   * @param {boolean} on
   */
  mode(name, on) {
    for (const pane of this.panes) {
      pane.windowing = name === "light" && on;
      pane.ruler.on = name === "measure" && on;
      pane.ruler.clear();
    }
    if (name === "measure") {
      element("light", HTMLElement).hidden = true;
    }
    this.tellTools();
  }

  /** @param {boolean} on two series beside each other */
  compare(on) {
    const [first, second] = this.panes;
    this.comparing = on;
    element("panes", HTMLElement).classList.toggle("two", on);
    element("together-label", HTMLElement).hidden = !on;
    if (second) {
      second.section.hidden = !on;
    }
    const shown = this.all.findIndex(({ series }) => series === first?.series);
    const others = this.all.map((_, number) => number).filter((number) => number !== shown && this.all[number]?.series.total);
    if (on && first && second) {
      this.open(second, others.find((number) => number > shown) ?? others[0] ?? shown);
    }
    if (first) {
      this.use(first);
    }
  }

  /** @param {HTMLInputElement} folder */
  choose(folder) {
    const example = this.all.find(({ series }) => series.total)?.series;
    const place = example && originalOf(example, 0)?.path;
    const right = Boolean(place && this.originals.choose(folder.files ?? [], place));
    const wrong = element("full-wrong", HTMLElement);
    wrong.hidden = right;
    wrong.textContent = right ? "" : this.catalogue.t("full_wrong");
    folder.value = "";
    if (right) {
      this.dialog.close();
      this.panes.forEach((pane) => pane.arrive());
      this.tellTools();
    }
  }

  /** Everything anew in the language that is spoken now. */
  speak() {
    const { catalogue } = this;
    const { site, person, contact } = catalogue.data;
    document.documentElement.lang = catalogue.language;
    document.documentElement.dir = catalogue.direction;
    document.title = [person, catalogue.t("title"), site].filter(Boolean).join(" · ");
    const texts = {
      site,
      notice: catalogue.t("notice"),
      person: person ? catalogue.t("of", { name: person }) : catalogue.t("title"),
      made: catalogue.t("made", { date: catalogue.made, site }),
      contact: contact ? catalogue.t("contact", { contact }) : "",
      back: catalogue.t("back"),
      "light-help": catalogue.t("light_help"),
      "measure-help": catalogue.t("measure_help"),
      "full-title": catalogue.t("full_title"),
      "full-text": catalogue.t("full_text"),
      "full-safe": catalogue.t("full_safe"),
      "full-choose": catalogue.t("full_choose"),
      "full-close": catalogue.t("close"),
    };
    Object.entries(texts).forEach(([id, text]) => (element(id, HTMLElement).textContent = text));
    element("language", HTMLSelectElement).setAttribute("aria-label", catalogue.t("language"));
    this.label(...this.panes);
    this.tellTools();
    element("studies", HTMLElement).replaceChildren(...this.studies());
    const [first] = this.panes;
    if (first?.series) {
      element("documents", HTMLElement).replaceChildren(...documentsOf(first.series, catalogue));
    }
  }

  /** @param {Pane[]} panes */
  label(...panes) {
    const { catalogue, all } = this;
    for (const pane of panes) {
      const shown = all.findIndex(({ series }) => series === pane.series);
      const title = pane.section.querySelector("h1");
      if (title && all[shown]) {
        title.textContent = catalogue.headline(all[shown].study);
      }
      const options = all.map(({ study, series }, number) => {
        const option = document.createElement("option");
        option.value = String(number);
        option.textContent = `${catalogue.say(series.name)} – ${catalogue.headline(study)}`;
        option.selected = number === shown;
        return option;
      });
      this.choice(pane).replaceChildren(...options);
      pane.label();
    }
  }

  tellTools() {
    const { catalogue, originals, active } = this;
    const measuring = this.panes.some((pane) => pane.ruler.on);
    const pressed = {
      light: !element("light", HTMLElement).hidden,
      measure: measuring,
      compare: this.comparing,
      full: originals.chosen,
    };
    for (const button of element("tools", HTMLElement).querySelectorAll("button")) {
      const name = button.dataset["tool"] ?? "";
      button.textContent = catalogue.t(name);
      if (button.hasAttribute("aria-pressed")) {
        button.setAttribute("aria-pressed", String(Reflect.get(pressed, name)));
      }
    }
    this.tool("compare").textContent = catalogue.t(this.comparing ? "compare_end" : "compare");
    this.tool("full").textContent = catalogue.t(originals.chosen ? "full_on" : "full");
    this.tool("full").disabled = originals.chosen;
    this.tool("measure").hidden = !originals.chosen;
    element("measure-help", HTMLElement).hidden = !measuring;
    const together = element("together-label", HTMLElement).querySelector("span");
    if (together) {
      together.textContent = catalogue.t("together");
    }
    for (const button of element("nudges", HTMLElement).querySelectorAll("button")) {
      button.textContent = catalogue.t(button.dataset["nudge"] ?? "");
    }
    const exact = originals.chosen && active?.series?.modality === "CT";
    element("presets", HTMLElement).replaceChildren(...(exact ? ["own", ...Object.keys(CT)] : ["own"]).map((name) => this.preset(name)));
  }

  /** @param {string} name */
  preset(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset["preset"] = name;
    button.textContent = this.catalogue.t(`preset_${name}`);
    button.addEventListener("click", () => {
      this.active?.light.choose(name === "own" ? "" : name);
      this.active?.paint();
    });
    return button;
  }

  studies() {
    let number = 0;
    return this.catalogue.data.studies.map((study) => {
      const card = made("section", "", "card");
      const detail = this.catalogue.say(study.detail);
      card.append(made("h2", this.catalogue.headline(study)), ...(detail ? [made("p", detail, "soft")] : []));
      const strip = made("ul", "", "strip");
      for (const series of study.series) {
        number += 1;
        strip.append(this.tile(series, number));
      }
      card.append(strip);
      return card;
    });
  }

  /**
   * @param {Series} series
   * @param {number} number of the series among all, from 1
   */
  tile(series, number) {
    const { catalogue } = this;
    const link = document.createElement("a");
    link.className = "tile";
    link.href = `#${number}`;
    const thumb = made("span", "", "thumb");
    if (series.total) {
      const picture = document.createElement("img");
      picture.alt = "";
      picture.loading = "lazy";
      picture.addEventListener("error", () => picture.remove());
      picture.src = pictureOf(series, Math.floor(series.total / 2));
      thumb.append(picture);
    } else {
      thumb.classList.add("paper");
      thumb.textContent = series.links[0]?.kind.toUpperCase() ?? (series.reports.length ? catalogue.t("report") : "");
    }
    const name = document.createElement("bdi");
    name.textContent = catalogue.say(series.name);
    const text = made("span", "", "tile-text");
    text.append(name, made("span", catalogue.images(series.total), "soft"));
    link.append(thumb, text);
    const item = document.createElement("li");
    item.append(link);
    return item;
  }
}

new Page();
