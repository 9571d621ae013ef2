// The page of downloads while something is being prepared: bars that move, and the page anew when something is ready.

import { texts } from "./page.js";

const EVERY = 1500;

/** @typedef {{id: string, state: string, percent: number}} Download */

const t = await texts();

/** @param {Download} download */
function show({ id, state, percent }) {
  const offer = document.querySelector(`[data-download="${CSS.escape(id)}"]`);
  if (!(offer instanceof HTMLElement)) {
    return;
  }
  if (offer.dataset["state"] !== state) {
    location.reload();
    return;
  }
  const bar = offer.querySelector("progress");
  const label = offer.querySelector("[data-percent]");
  if (bar && label) {
    bar.value = percent;
    label.textContent = t("downloads.preparing", { n: percent });
  }
}

async function look() {
  const answer = await fetch("/downloads/progress");
  if (answer.redirected) {
    location.reload();
    return;
  }
  /** @type {{downloads: Download[]}} */
  const { downloads } = await answer.json();
  downloads.forEach(show);
}

setInterval(() => void look().catch(() => {}), EVERY);
