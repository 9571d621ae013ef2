// The page of what comes from the archive while something is on its way: counts that grow, and the page anew when a
// study has another state.

const EVERY = 2000;

/** @typedef {{id: number, state: string, percent: number, progress: string}} Retrieval */

/** @param {Retrieval} retrieval */
function show({ id, state, percent, progress }) {
  const line = document.querySelector(`[data-retrieval="${id}"]`);
  if (!(line instanceof HTMLElement)) {
    return;
  }
  if (line.dataset["state"] !== state) {
    location.reload();
    return;
  }
  const told = line.querySelector("[data-progress]");
  if (told && told.textContent !== progress) {
    told.textContent = progress;
  }
  const bar = line.querySelector("progress");
  if (bar) {
    bar.value = percent;
  }
}

async function look() {
  const answer = await fetch(`${location.pathname}/progress`);
  if (answer.redirected || !answer.ok) {
    location.reload();
    return;
  }
  /** @type {{retrievals: Retrieval[]}} */
  const { retrievals } = await answer.json();
  retrievals.forEach(show);
}

setInterval(() => void look().catch(() => {}), EVERY);
