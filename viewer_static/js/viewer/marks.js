// What is written around an image: letters for the directions of the body, and a scale.

import { columnSpacing, directions, edges, roundLength } from "./orientation.js";
import { iconButton, make } from "./markup.js";

const LETTERS = "M4 12h16M12 4v16M12 4l-2.500 3M12 4l2.500 3M20 12l-3-2.500M20 12l-3 2.500";
const WIDEST = 0.3;

export class Marks {
  /**
   * @param {import("./pane.js").Pane} pane
   * @param {import("../page.js").Texts} t
   */
  constructor(pane, t) {
    this.pane = pane;
    this.t = t;
    this.told = "";
    this.letters = ["top", "right", "bottom", "left"].map((edge) => make("abbr", { class: `edge edge-${edge}` }));
    this.scale = make("div", { class: "scale", "data-part": "scale" }, make("span", {}));
    this.sentence = make("p", { class: "visually-hidden" });
    this.box = make("div", { class: "marks", "data-part": "marks" }, ...this.letters, this.scale, this.sentence);
    this.button = iconButton(LETTERS, t("kinds.marks"));
    this.button.dataset["part"] = "marks-button";
    pane.stage.append(this.box);
    pane.section.querySelector(".tools")?.append(this.button);
    this.button.addEventListener("click", () => this.show(this.box.hidden));
    pane.addEventListener("change", () => this.changed());
    pane.view.addEventListener("change", () => this.changed());
    this.show(true);
  }

  /** @param {boolean} on */
  show(on) {
    this.box.hidden = !on;
    this.pane.section.classList.toggle("unmarked", !on);
    this.button.setAttribute("aria-pressed", String(on));
    this.changed();
  }

  changed() {
    const { stack, source, view } = this.pane;
    const image = source.image(stack.index);
    const dataSet = source.dataSet(stack.index);
    // A presentation state turns and cuts the image as it likes.
    const known = dataSet && image && !stack.presented?.(stack.index);
    const found = known ? directions(dataSet, image.frame) : null;
    const spacing = known ? columnSpacing(dataSet, image.frame) : null;
    this.write(found && edges(found, view));
    this.measure(spacing);
  }

  /** @param {import("./orientation.js").Edges | null} found */
  write(found) {
    const key = JSON.stringify(found);
    if (key === this.told) {
      return;
    }
    this.told = key;
    const { t } = this;
    const names = found ? [found.top, found.right, found.bottom, found.left] : [];
    this.letters.forEach((letter, at) => {
      letter.textContent = names[at] ?? "";
      letter.title = this.spoken(names[at] ?? "");
    });
    const [top = "", right = "", bottom = "", left = ""] = names.map((name) => this.spoken(name));
    this.sentence.textContent = found ? t("kinds.directions", { top, right, bottom, left }) : "";
  }

  /** @param {string} direction */
  spoken(direction) {
    return [...direction].map((letter) => this.t(`kinds.direction_${letter}`)).join(", ");
  }

  /** @param {{mm: number, exact: boolean} | null} spacing */
  measure(spacing) {
    const { view, source, stack, stage } = this.pane;
    const columns = source.description(stack.index)?.columns ?? 0;
    const perMm = spacing && columns ? (view.extent().width * view.zoom) / (columns * spacing.mm) : 0;
    const most = perMm > 0 ? (stage.clientWidth * WIDEST) / perMm : 0;
    this.scale.hidden = !(most > 0.001 && most < 1e6);
    if (this.scale.hidden || !spacing) {
      return;
    }
    const length = roundLength(most);
    const said = length >= 10 ? `${length / 10} cm` : `${Number(length.toPrecision(1))} mm`;
    const label = said.replace(".", this.t("kinds.decimal_point"));
    this.scale.style.width = `${length * perMm}px`;
    const text = this.scale.firstElementChild;
    if (text && text.textContent !== label) {
      text.textContent = spacing.exact ? label : `≈ ${label}`;
    }
    this.scale.title = spacing.exact ? "" : this.t("kinds.scale_detector");
  }
}
