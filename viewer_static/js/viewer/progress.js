// How much of an image has come, on lines where one waits for it; and that data are saved, where they are.

import { make } from "./markup.js";

const LONG = 900;

export class Progress {
  /**
   * @param {import("./pane.js").Pane} pane
   * @param {import("../page.js").Texts} t
   */
  constructor(pane, t) {
    this.stack = pane.stack;
    this.t = t;
    this.at = -1;
    this.since = 0;
    this.text = make("p", { class: "progress", "data-part": "progress", hidden: "" });
    pane.stage.append(this.text);
    pane.addEventListener("change", () => this.changed());
    if (pane.source.savesData) {
      pane.section.querySelector(".browse")?.after(make("p", { class: "hint" }, t("kinds.saves_data")));
    }
  }

  changed() {
    const { index, shown, quality, arrived } = this.stack;
    const waits = !(shown === index && quality === "full") && arrived > 0 && arrived < 1;
    if (this.at !== index || !waits) {
      this.at = index;
      this.since = performance.now();
    }
    this.text.hidden = !waits || performance.now() - this.since < LONG;
    this.text.textContent = this.t("kinds.progress", { n: Math.round(100 * arrived) });
  }
}
