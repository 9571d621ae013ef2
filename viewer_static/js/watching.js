// A page on which something advances elsewhere: bars that move, and the page anew when something has another state.

const GONE = new Set([403, 404]);

/**
 * @template {{id: string | number, state: string, percent: number}} T
 * @typedef {object} Watched
 * @property {string} url answers with a list of what advances, under one name
 * @property {string} list this name
 * @property {string} attribute what marks the element of each by its id; the element has data-state
 * @property {(one: T) => string} said what stands at data-progress of the element
 * @property {number} every milliseconds
 */

/**
 * Looks for as long as the page is open; a look that fails is left to the next one.
 * @template {{id: string | number, state: string, percent: number}} T
 * @param {Watched<T>} watched
 */
export function watchProgress({ url, list, attribute, said, every }) {
  /** @param {T} one */
  const show = (one) => {
    const place = document.querySelector(`[${attribute}="${CSS.escape(String(one.id))}"]`);
    if (!(place instanceof HTMLElement)) {
      return;
    }
    if (place.dataset["state"] !== one.state) {
      location.reload();
      return;
    }
    const bar = place.querySelector("progress");
    if (bar) {
      bar.value = one.percent;
    }
    // A reader of screens tells what is written, so the same is not written twice.
    const told = place.querySelector("[data-progress]");
    const words = said(one);
    if (told && told.textContent !== words) {
      told.textContent = words;
    }
  };
  const look = async () => {
    const answer = await fetch(url);
    // The session has ended, or this may no longer be seen: the page anew says so.
    if (answer.redirected || GONE.has(answer.status)) {
      location.reload();
      return;
    }
    /** @type {Record<string, T[]>} */
    const answered = await answer.json();
    answered[list]?.forEach(show);
  };
  setInterval(() => void look().catch(() => {}), every);
}
