// Which examinations of the overview are unfolded, kept in this tab until the visitor signs out.

const KEPT = "unfolded";

function keepFolds() {
  /** @type {Record<string, boolean>} */
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  for (const fold of document.querySelectorAll("details.fold")) {
    if (fold instanceof HTMLDetailsElement) {
      fold.open = kept[fold.id] ?? fold.open;
      fold.addEventListener("toggle", () => {
        kept[fold.id] = fold.open;
        sessionStorage.setItem(KEPT, JSON.stringify(kept));
      });
    }
  }
}

keepFolds();
