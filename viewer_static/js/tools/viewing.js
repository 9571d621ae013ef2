// The group "Ansicht": turn, mirror, invert, zoom, for the active pane.

import { make } from "../viewer/markup.js";
import { button } from "./build.js";

/** @typedef {import("../viewer/view.js").View} View */

/** @type {Record<string, [string, (view: View) => void]>} Picture and action. */
const ACTIONS = {
  rotate_left: ["left", (view) => view.rotate(-90)],
  rotate_right: ["right", (view) => view.rotate(90)],
  flip_horizontal: ["horizontal", (view) => view.flipHorizontally()],
  flip_vertical: ["vertical", (view) => view.flipVertically()],
  invert: ["invert", (view) => view.invert()],
  zoom_in: ["plus", (view) => view.zoomBy(1.5)],
  zoom_out: ["minus", (view) => view.zoomBy(1 / 1.5)],
  reset: ["reset", (view) => view.reset()],
};

/** @param {import("./workbench.js").Workbench} bench */
export function viewing(bench) {
  const { t } = bench.say;
  const choices = Object.entries(ACTIONS).map(([name, [picture, action]]) =>
    button(picture, t(`tools.${name}`), () => action(bench.pane.view), { "data-action": name }),
  );
  return make(
    "details",
    {},
    make("summary", {}, t("tools.view")),
    make("div", { class: "tools", role: "group", "aria-label": t("tools.view") }, ...choices),
  );
}
