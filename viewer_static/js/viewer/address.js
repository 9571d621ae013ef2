// What the address says of the page besides its path: which images are in sight, and how they are laid out.

/** Numbers of images, the layout, and what its cells hold. */
const KEPT = ["i", "j", "layout", "c1", "c2", "c3", "c4"];
const PLAIN = /^[\d./x]+$/;

/**
 * The query of this page with some of its values changed; empty ones are left out.
 * @param {Record<string, string>} changes
 */
export function query(changes) {
  const now = new URLSearchParams(location.search);
  const wanted = KEPT.map((name) => [name, changes[name] ?? now.get(name) ?? ""]);
  return `?${wanted.filter(([, value]) => PLAIN.test(value ?? "")).map(([name, value]) => `${name}=${value}`).join("&")}`;
}

/**
 * Let the address say this, and the links that lead to the same place.
 * @param {string} address a query
 */
export function keep(address) {
  history.replaceState(null, "", address);
  for (const link of document.querySelectorAll("a[data-place], a[data-language]")) {
    if (link instanceof HTMLAnchorElement) {
      link.search = link.dataset["language"] === undefined ? address : `?lang=${link.lang}&${address.slice(1)}`;
    }
  }
}
