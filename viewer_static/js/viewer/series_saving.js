// The whole series as a film or as PDF: the server makes it with the window in sight, and the page says how that goes.
// Without script the same links do it with the window of each image. Loaded when one is pressed for the first time.

import { element } from "../page.js";
import { parameter } from "./source.js";

/**
 * Fetch what the link leads to and hand it to the browser's downloads.
 * @param {import("./pane.js").Pane} pane
 * @param {HTMLAnchorElement} link
 */
export async function saveSeries({ stack }, link) {
  const said = element("save-said", HTMLElement);
  const { making = "", seriesSaved = "", seriesFailed = "", signedOut = "" } = said.dataset;
  if (link.getAttribute("aria-disabled")) {
    return;
  }
  const links = [...document.querySelectorAll("#keep a")];
  links.forEach((one) => one.setAttribute("aria-disabled", "true"));
  said.textContent = making;
  try {
    const answer = await fetch(link.href + (stack.window ? `?window=${parameter(stack.window)}` : ""));
    if (answer.redirected) {
      said.textContent = signedOut;
      return;
    }
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    const [, file = ""] = /filename(?:="|\*=UTF-8'')([^"]+)/u.exec(answer.headers.get("content-disposition") ?? "") ?? [];
    const saving = document.createElement("a");
    saving.download = decodeURIComponent(file);
    saving.href = URL.createObjectURL(await answer.blob());
    saving.click();
    setTimeout(() => URL.revokeObjectURL(saving.href), 60_000);
    said.textContent = seriesSaved;
  } catch {
    said.textContent = seriesFailed;
  } finally {
    links.forEach((one) => one.removeAttribute("aria-disabled"));
  }
}
