// The group "MPR und MIP" of the panel; what it opens is loaded then.

import { make } from "../viewer/markup.js";

/**
 * @param {import("./workbench.js").Workbench} bench
 * @param {import("../page.js").Texts} t texts of the room "mpr"
 */
export function reformatting(bench, t) {
  const open = async () => {
    const { openPlanes } = await import("./mpr.js");
    await openPlanes(bench.pane, bench.say, t);
  };
  return make(
    "details",
    {},
    make("summary", {}, t("mpr.title")),
    make("p", { class: "hint" }, t("mpr.hint")),
    make("button", { type: "button", class: "quiet", id: "open-mpr", click: () => void open() }, t("mpr.open")),
  );
}
