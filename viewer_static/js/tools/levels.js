// The group "Fenster": centre and width by numbers, and the windows that radiologists know, for the active pane.

import { make } from "../viewer/markup.js";
import { quantityOf } from "./quantity.js";

/** @typedef {import("./workbench.js").Workbench} Workbench */

/** @type {Record<string, [number, number]>} Centre and width in Hounsfield units, as reporting workstations have them. */
const CT = {
  abdomen: [50, 400],
  mediastinum: [50, 350],
  lung: [-600, 1500],
  bone: [400, 1800],
  brain: [40, 80],
  stroke: [35, 40],
  liver: [80, 150],
  angio: [300, 600],
};

/** @param {Workbench} bench */
export function levels(bench) {
  const { t } = bench.say;
  const center = make("input", { type: "number", step: "any", inputmode: "decimal" });
  const width = make("input", { type: "number", step: "any", min: 0, inputmode: "decimal" });
  const unit = make("p", { class: "hint" });
  const presets = make("div", { class: "choices" });
  for (const field of [center, width]) {
    field.addEventListener("change", () => set(bench, center.value, width.value));
  }
  bench.addEventListener("change", () => {
    show(bench, center, width);
    const { windowable, index } = bench.pane.stack;
    const dataSet = bench.pane.source.dataSet(index);
    const quantity = dataSet && quantityOf(dataSet);
    const key = quantity?.factor === 1 ? "tools.window_unit" : "tools.window_stored";
    unit.textContent = windowable ? t(key, { unit: bench.say.unit(quantity?.unit ?? "") }) : t("tools.window_fixed");
    const named = windowable && quantity?.unit === "HU" ? Object.entries(CT) : [];
    if (presets.childElementCount !== named.length) {
      presets.replaceChildren(...named.map(([name, values]) => preset(bench, name, values)));
    }
  });
  bench.changed();
  return make(
    "details",
    {},
    make("summary", {}, t("tools.window")),
    make(
      "div",
      { class: "pair" },
      make("label", { class: "field" }, make("span", {}, t("tools.center")), center),
      make("label", { class: "field" }, make("span", {}, t("tools.width")), width),
    ),
    unit,
    presets,
  );
}

/**
 * @param {Workbench} bench
 * @param {string} name
 * @param {[number, number]} values
 */
function preset(bench, name, [center, width]) {
  const words = bench.say.t(`tools.preset_${name}`);
  const figures = make("small", {}, `${bench.say.number(center, 0)} / ${bench.say.number(width, 0)}`);
  return make("button", { type: "button", click: () => set(bench, String(center), String(width)) }, `${words} `, figures);
}

/**
 * @param {Workbench} bench
 * @param {string} center
 * @param {string} width
 */
function set({ pane }, center, width) {
  const [middle, span] = [Number(center || NaN), Number(width || NaN)];
  if (Number.isFinite(middle) && span > 0 && Number.isFinite(span) && pane.stack.windowable) {
    const shape = pane.stack.effectiveWindow?.shape ?? "LINEAR";
    pane.stack.setWindow({ center: middle, width: shape === "LINEAR" ? Math.max(span, 1) : span, shape });
  }
}

/**
 * @param {Workbench} bench
 * @param {HTMLInputElement} center
 * @param {HTMLInputElement} width
 */
function show({ pane }, center, width) {
  const window = pane.stack.windowable ? pane.stack.effectiveWindow : null;
  for (const [field, value] of /** @type {[HTMLInputElement, number | undefined][]} */ ([
    [center, window?.center],
    [width, window?.width],
  ])) {
    field.disabled = value === undefined;
    if (field !== document.activeElement) {
      field.value = value === undefined ? "" : String(Number(value.toPrecision(6)));
    }
  }
}
