// The question which series is to be shown, with the answers of the page on which patients choose one to compare.

import { make } from "../viewer/markup.js";
import { pageOf, renamed } from "./elsewhere.js";

/**
 * @param {string} address of the series from which the choice begins
 * @param {import("../page.js").Texts} t
 * @returns {Promise<string>} address of the series' own page; empty when none was chosen
 */
export async function chooser(address, t) {
  const page = await pageOf(`${address}/compare`);
  const offers = page?.getElementById("offers");
  const close = make("button", { type: "button", class: "close", click: () => dialog.close() }, t("panes.close"));
  const head = make("div", { class: "dialog-head" }, make("h2", { id: "chooser-title" }, t("panes.choose")), close);
  const shown = offers ? renamed(offers, "chooser-") : make("p", {}, t("panes.failed"));
  const dialog = make("dialog", { class: "large", "aria-labelledby": "chooser-title" }, head, shown);
  document.body.append(dialog);
  dialog.addEventListener("click", (event) => {
    const tile = event.target instanceof Element ? event.target.closest("a") : null;
    if (tile) {
      event.preventDefault();
      dialog.close(tile.dataset["series"] ?? "");
    }
  });
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}
