// "Werkzeuge", the tools for doctors: loaded when the button is pressed for the first time.

import { texts } from "../page.js";
import { make } from "../viewer/markup.js";
import { Panes } from "../viewer/panes.js";
import { header } from "./header.js";
import { Layouts } from "./layouts.js";
import { Workbench } from "./workbench.js";
import { Wording } from "./wording.js";
import { measuring } from "./measuring.js";
import { reformatting } from "./reformatting.js";
import { regions } from "./regions.js";
import { viewing } from "./viewing.js";
import { levels } from "./levels.js";

/** @typedef {import("./workbench.js").Workbench} Bench */

/**
 * Put the panel of tools below those of the patient.
 * @param {import("../viewer/pane.js").Pane} pane
 * @param {import("../viewer/toolbar.js").Toolbar} toolbar the patient's buttons, which serve all panes
 * @param {HTMLButtonElement} opener says where styles and texts are (data-style, data-texts …), and gets the state
 */
export async function openTools(pane, toolbar, opener) {
  const { dataset } = opener;
  const [t, more, planes, drawn] = await Promise.all([
    texts(dataset["texts"]),
    texts(dataset["panes"]),
    texts(dataset["mpr"]),
    texts(dataset["regions"]),
    styled(dataset["style"]),
    styled(dataset["mprStyle"]),
  ]);
  const panes = new Panes();
  panes.add(pane);
  const bench = new Workbench(panes, new Wording(t));
  const layouts = new Layouts(bench, toolbar, more);
  const panel = make(
    "section",
    { class: "doctor", id: "doctor", "aria-labelledby": "doctor-title" },
    make("h2", { id: "doctor-title", tabindex: -1 }, t("tools.title")),
    make("p", { class: "hint" }, t("tools.notice")),
    measuring(bench),
    viewing(bench),
    levels(bench),
    layouts.group,
    regions(bench, drawn),
    reformatting(bench, planes),
    header(bench, more),
  );
  const elsewhere = document.getElementById("open-elsewhere");
  if (elsewhere) {
    panel.append(elsewhere);
    elsewhere.hidden = false;
  }
  opener.closest(".viewer")?.append(panel);
  opener.setAttribute("aria-controls", panel.id);
  toggle(opener, panel, bench);
  opener.addEventListener("click", () => toggle(opener, panel, bench));
  await layouts.restore();
}

/** @param {string} [href] */
function styled(href = "") {
  const style = make("link", { rel: "stylesheet", href });
  const loaded = new Promise((resolve) => ["load", "error"].forEach((end) => style.addEventListener(end, resolve)));
  document.head.append(style);
  return loaded;
}

/**
 * @param {HTMLButtonElement} opener
 * @param {HTMLElement} panel
 * @param {Bench} bench
 */
function toggle(opener, panel, bench) {
  const open = opener.getAttribute("aria-expanded") !== "true";
  opener.setAttribute("aria-expanded", String(open));
  opener.setAttribute("aria-pressed", String(open));
  panel.hidden = !open;
  if (open) {
    panel.querySelector("h2")?.focus({ preventScroll: true });
  } else {
    bench.take(null);
  }
}
