// MPR and MIP in a dialog: a series of slices as one volume, seen along the patient's three axes and obliquely, with slabs.
//
// For tests and the curious, it says what is in sight: the body's data-settled is "true" while all planes know what is
// asked for, and a plane's data-quality is "full" when it shows that.

import { texts } from "../page.js";
import { make } from "../viewer/markup.js";
import { Gathering } from "./gathering.js";
import { Reformats } from "./reformats.js";
import { Volume, budgetHere, latticeOf } from "./volume.js";

/** @typedef {import("../page.js").Texts} Texts */
/** @typedef {import("../viewer/pane.js").Pane} Pane */
/** @typedef {import("./wording.js").Wording} Wording */

/**
 * Open the planes of a pane's series, or say why there are none.
 * @param {Pane} pane
 * @param {Wording} say
 * @param {Texts} t texts of the room "mpr"
 * @param {number} [budget] bytes
 */
export async function openPlanes(pane, say, t, budget = budgetHere()) {
  const { dialog, body } = dialogFor(pane, t);
  const lattice = pane.source.dataSets ? latticeOf(pane.source, budget) : "mpr.loading";
  if (typeof lattice === "string") {
    body.append(make("p", { class: "mpr-why", role: "alert" }, t(lattice)));
    return;
  }
  const bar = make("progress", { max: 1, value: 0, "aria-labelledby": "mpr-progress" });
  const said = make("p", { id: "mpr-progress" });
  const waiting = make("div", { class: "mpr-wait" }, said, bar);
  const n = lattice.images.length;
  const progressed = (/** @type {number} */ part) => {
    bar.value = part;
    said.textContent = t("mpr.progress", { i: Math.round(part * n), n });
  };
  progressed(0);
  body.append(waiting);
  const volume = allocated(lattice);
  const gathering = volume && new Gathering(pane, volume, progressed);
  dialog.addEventListener("close", () => gathering?.stop());
  // The names of the windows are those of the page.
  const [whole, windows] = await Promise.all([gathering?.all(), texts()]);
  if (!dialog.open) {
    return;
  }
  waiting.remove();
  if (volume && whole) {
    new Reformats(volume, pane, { say, t, windows }, body).begin();
  } else {
    body.append(make("p", { class: "mpr-why", role: "alert" }, t(volume ? "mpr.failed" : "mpr.memory")));
  }
}

/** @param {import("./volume.js").Lattice} lattice */
function allocated(lattice) {
  try {
    return new Volume(lattice);
  } catch (problem) {
    if (problem instanceof RangeError) {
      return null;
    }
    throw problem;
  }
}

/**
 * @param {Pane} pane
 * @param {Texts} t
 */
function dialogFor(pane, t) {
  const close = make("button", { type: "button", class: "close", click: () => dialog.close() }, t("mpr.close"));
  const title = make("h2", { id: "mpr-title" }, t("mpr.title"), " ", make("bdi", { class: "hint" }, pane.name));
  const notice = make("p", { class: "mpr-notice" }, t("mpr.notice"));
  const body = make("div", { class: "mpr-body" });
  const dialog = make(
    "dialog",
    { class: "large mpr", "aria-labelledby": "mpr-title" },
    make("div", { class: "dialog-head" }, title, notice, close),
    body,
  );
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return { dialog, body };
}
