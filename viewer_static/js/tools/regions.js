// The group "Konturen und Segmente" of the panel; what it shows is loaded when it is opened.

import { make } from "../viewer/markup.js";

/**
 * @param {import("./workbench.js").Workbench} bench
 * @param {import("../page.js").Texts} t texts of the room "regions"
 */
export function regions(bench, t) {
  const body = make("div", { class: "regions", "data-part": "regions" });
  /** @type {import("./region_panel.js").RegionPanel | null} */
  let panel = null;
  const group = make("details", {}, make("summary", {}, t("regions.title")), make("p", { class: "hint" }, t("regions.hint")), body);
  group.addEventListener("toggle", async () => {
    const { RegionPanel } = await import("./region_panel.js");
    panel ??= new RegionPanel(bench, body, t);
    await panel.setOpen(group.open);
  });
  return group;
}
