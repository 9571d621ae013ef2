// The group "Messen": one button for each measurement, how it is done, and what was measured, as text.

import { make } from "../viewer/markup.js";
import { button, icon } from "./build.js";
import { KINDS, resultOf } from "./measures.js";

/** @typedef {import("./measures.js").Measure} Measure */
/** @typedef {import("./workbench.js").Workbench} Workbench */

/** @param {Workbench} bench */
export function measuring(bench) {
  const { t } = bench.say;
  const hint = make("p", { class: "hint", role: "status" });
  const list = make("ul", { class: "measures" });
  const empty = make("p", { class: "hint" }, t("tools.no_measures"));
  const clear = make("button", { type: "button", class: "quiet", click: () => bench.book.clear(bench.pane) }, t("tools.clear"));
  const choices = KINDS.map((kind) =>
    button(kind, t(`tools.${kind}`), () => take(bench, kind), { "data-kind": kind, "aria-pressed": "false" }),
  );
  let told = "";
  bench.addEventListener("change", () => {
    const { kind } = bench.chosen;
    choices.forEach((choice) => choice.setAttribute("aria-pressed", String(choice.dataset["kind"] === kind)));
    const words = kind ? t(`tools.how_${kind}`) : "";
    if (hint.textContent !== words) {
      hint.textContent = words;
    }
    told = tell(bench, list, told);
    empty.hidden = list.childElementCount > 0;
    clear.hidden = list.childElementCount === 0;
  });
  bench.changed();
  return make(
    "details",
    { open: true },
    make("summary", {}, t("tools.measure")),
    make("div", { class: "tools", role: "group", "aria-label": t("tools.measure") }, ...choices),
    hint,
    make("h3", {}, t("tools.measures")),
    empty,
    list,
    clear,
    make("p", { class: "hint" }, t("tools.keys")),
  );
}

/**
 * @param {Workbench} bench
 * @param {import("./measures.js").Kind} kind
 */
function take(bench, kind) {
  const again = bench.chosen.kind === kind;
  bench.take(again ? null : kind);
  if (!again) {
    bench.pane.stage.focus({ preventScroll: true });
  }
}

/**
 * The measurements of the image in sight, written anew only when they read otherwise.
 * @param {Workbench} bench
 * @param {HTMLUListElement} list
 * @param {string} told what the list says already
 */
function tell(bench, list, told) {
  const { book, pane, say } = bench;
  const rows = book.of(pane).map((measure) => ({ measure, result: resultOf(measure, pane, say) }));
  const text = JSON.stringify([rows, rows.findIndex(({ measure }) => measure === book.selected)]);
  if (text !== told) {
    list.replaceChildren(...rows.map(({ measure, result }, at) => row(bench, measure, result, at + 1)));
  }
  return text;
}

/**
 * @param {Workbench} bench
 * @param {Measure} measure
 * @param {import("./measures.js").Result} result
 * @param {number} number
 */
function row(bench, measure, { lines, notes }, number) {
  const { book, say } = bench;
  const name = `${say.t(`tools.${measure.kind}`)} ${number}`;
  const select = () => {
    book.select(measure);
    bench.pane.stage.focus({ preventScroll: true });
  };
  return make(
    "li",
    { class: book.selected === measure ? "chosen" : "" },
    make(
      "button",
      { type: "button", class: "measure-name", click: select },
      make("strong", {}, name),
      ...lines.map((line) => make("span", {}, line)),
      ...notes.map((note) => make("small", {}, note)),
    ),
    make(
      "button",
      { type: "button", class: "remove", click: () => book.remove(measure), "aria-label": say.t("tools.remove", { name }) },
      icon("remove"),
    ),
  );
}
