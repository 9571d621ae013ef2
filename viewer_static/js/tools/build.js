// Buttons and fields of the tools.

import { draw, make } from "../viewer/markup.js";

/** @type {Record<string, string>} Paths on a ground of 24 x 24. */
const PATHS = {
  length: "M4 20L20 4M2.5 17.5l4 4M17.5 2.5l4 4",
  angle: "M20 19H4L17 5M11 19a7 7 0 0 0-2.2-5.1",
  cobb: "M4 8l11-4M4 16l14 4M9 6.2l3 3M9.5 17.6l2.5-3.5",
  rectangle: "M4 6h16v12H4z",
  ellipse: "M12 6c5 0 9 2.7 9 6s-4 6-9 6-9-2.7-9-6 4-6 9-6z",
  probe: "M12 3v6M12 15v6M3 12h6M15 12h6",
  left: "M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5",
  right: "M20 12a8 8 0 1 1-2.5-5.8M20 4v5h-5",
  horizontal: "M12 3v18M9 7L3 12l6 5zM15 7l6 5-6 5z",
  vertical: "M3 12h18M7 9l5-6 5 6zM7 15l5 6 5-6z",
  invert: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  plus: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L21 21M10.5 7.5v6M7.5 10.5h6",
  minus: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L21 21M7.5 10.5h6",
  reset: "M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5M12 9v4h3",
  one: "M4 5h16v14H4z",
  two: "M4 5h16v14H4zM12 5v14",
  rows: "M4 5h16v14H4zM4 12h16",
  four: "M4 5h16v14H4zM12 5v14M4 12h16",
  planes: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  remove: "M6 6l12 12M18 6L6 18",
};

/**
 * A button with a picture above its word.
 * @param {string} picture
 * @param {string} word
 * @param {() => void} pressed
 * @param {Record<string, string | boolean>} [properties]
 */
export function button(picture, word, pressed, properties = {}) {
  return make("button", { type: "button", click: pressed, ...properties }, icon(picture), make("span", {}, word));
}

/** @param {string} name */
export function icon(name) {
  const path = draw("path", { d: PATHS[name] ?? "" });
  return draw("svg", { class: "icon", viewBox: "0 0 24 24", width: 24, height: 24, "aria-hidden": "true" }, path);
}

/**
 * A choice among several, with its label.
 * @param {string} label
 * @param {[string, string][]} choices value and word
 * @param {string} chosen
 * @param {(value: string) => void} changed
 */
export function select(label, choices, chosen, changed) {
  const options = choices.map(([value, word]) => make("option", { value, selected: value === chosen }, word));
  const field = make("select", {}, ...options);
  field.addEventListener("change", () => changed(field.value));
  return { field, row: make("label", { class: "field" }, make("span", {}, label), field) };
}

/**
 * @param {string} label
 * @param {boolean} on
 * @param {(on: boolean) => void} changed
 */
export function checkbox(label, on, changed) {
  const field = make("input", { type: "checkbox", checked: on });
  field.addEventListener("change", () => changed(field.checked));
  return { field, row: make("label", { class: "check" }, field, make("span", {}, label)) };
}

/**
 * A slider that says its value beside its label.
 * @param {string} label
 * @param {{min: number, max: number, step: number, value: number}} range
 * @param {(value: number) => string} worded
 * @param {(value: number) => void} changed
 */
export function slider(label, range, worded, changed) {
  // By its own attribute: a label's text is for the first element in it that can have one, which is the output.
  const field = make("input", { type: "range", "aria-label": label, ...range });
  const said = make("output", {});
  const tell = (/** @type {number} */ value) => {
    field.value = String(value);
    said.textContent = worded(value);
    field.setAttribute("aria-valuetext", said.textContent);
  };
  tell(range.value);
  field.addEventListener("input", () => {
    tell(Number(field.value));
    changed(Number(field.value));
  });
  const row = make("label", { class: "field slide" }, make("span", {}, label, " ", said), field);
  return { field, row, tell };
}
