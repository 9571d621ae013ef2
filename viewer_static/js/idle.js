// Asks before the session ends for want of requests (WCAG 2.2.1), and takes the images off the screen when it has.

import { element } from "./page.js";

const WARNING = 90;
const PING_EVERY = 120;

/** @param {number} seconds until the session ends when nothing more is asked of the server */
export function watchSession(seconds) {
  const dialog = element("idle", HTMLDialogElement);
  let end = Date.now() + seconds * 1000;
  let asked = Date.now();

  async function extend() {
    asked = Date.now();
    const answer = await fetch("/session", { redirect: "manual" }).catch(() => null);
    if (answer?.ok) {
      end = Date.now() + 1000 * (await answer.json()).seconds;
    } else if (answer) {
      leave();
    }
  }

  function act() {
    if (!dialog.open && Date.now() - asked > PING_EVERY * 1000) {
      void extend();
    }
  }

  setInterval(() => {
    const left = (end - Date.now()) / 1000;
    if (left <= 0) {
      leave();
    } else if (left < WARNING && !dialog.open) {
      dialog.showModal();
    }
  }, 1000);
  dialog.addEventListener("close", () => void extend());
  for (const name of ["pointerdown", "keydown", "wheel"]) {
    addEventListener(name, act, { passive: true });
  }
  // Who signs out reads of that, not of a session that has ended, whatever is refused to this page in the meantime.
  document.addEventListener("submit", ({ target }) => {
    if (target instanceof Element && target.matches('form[action="/logout"]')) {
      leaving();
    }
  });
}

/** To the start page, which says that the session has ended. Once: a second way there would break off the first. */
export function leave() {
  if (leaving()) {
    location.replace("/?ended");
  }
}

/** @returns {boolean} whether this page was not being left before */
function leaving() {
  const { dataset } = document.documentElement;
  const first = !dataset["leaving"];
  dataset["leaving"] = "yes";
  return first;
}
