// The group "DICOM-Kopf": all attributes of the instance in sight, to be searched. Values are text, whatever they hold.

import { make } from "../viewer/markup.js";
import { rowsOf, sought } from "./attributes.js";

/** @typedef {import("./attributes.js").Row} Row */
/** @typedef {import("../page.js").Texts} Texts */

/** More would make a page that nobody reads; the search finds the rest. */
const MOST = 1000;

/**
 * @param {import("./workbench.js").Workbench} bench
 * @param {Texts} t texts of the room "panes"
 */
export function header(bench, t) {
  const open = () => void show(bench.pane, t);
  return make(
    "details",
    {},
    make("summary", {}, t("panes.header")),
    make("p", { class: "hint" }, t("panes.header_hint")),
    make("button", { type: "button", class: "quiet", id: "open-header", click: open }, t("panes.header_open")),
  );
}

/**
 * @param {import("../viewer/pane.js").Pane} pane
 * @param {Texts} t
 */
async function show({ source, stack }, t) {
  const answer = await fetch("/dictionary").catch(() => null);
  /** @type {Record<string, string>} */
  const names = answer?.ok ? await answer.json() : {};
  const rows = rowsOf(source.dataSet(stack.index) ?? {}, names, t);
  const body = make("tbody");
  const said = make("p", { class: "hint", role: "status" });
  const field = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  const fill = () => {
    const found = sought(rows, field.value);
    body.replaceChildren(...found.slice(0, MOST).map(tableRow));
    const hits = found.filter(({ hit }) => hit).length;
    said.textContent = t(found.length > MOST ? "panes.too_many" : "panes.found", { n: hits, of: rows.length });
  };
  field.addEventListener("input", fill);
  const close = make("button", { type: "button", class: "close", click: () => dialog.close() }, t("panes.close"));
  const title = t("panes.header_of", { i: stack.index + 1, n: stack.total });
  const columns = ["keyword", "tag", "vr", "value"].map((name) => make("th", { scope: "col" }, t(`panes.${name}`)));
  const table = make("table", { class: "attributes" }, make("thead", {}, make("tr", {}, ...columns)), body);
  const dialog = make(
    "dialog",
    { class: "large", "aria-labelledby": "header-title" },
    make("div", { class: "dialog-head" }, make("h2", { id: "header-title" }, title), close),
    make("label", { class: "search" }, make("span", {}, t("panes.search")), field),
    said,
    make("div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": title }, table),
  );
  fill();
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  field.focus();
}

/** @param {Row} row */
function tableRow({ keyword, tag, vr, value, depth }) {
  const name = make("th", { scope: "row" }, make("bdi", {}, keyword));
  name.style.paddingInlineStart = `${0.4 + Math.min(depth, 8) * 0.9}rem`;
  return make("tr", {}, name, make("td", {}, tag), make("td", {}, vr), make("td", {}, make("bdi", {}, value)));
}
