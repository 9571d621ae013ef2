// Parts of other pages of the portal, so that what the server renders is written once.

const REFERRING = ["aria-controls", "aria-labelledby", "aria-describedby"];

/**
 * Another page as a document. XMLHttpRequest makes it inert: no script of it runs, and no text of ours becomes markup.
 * @param {string} address
 * @returns {Promise<Document | null>} null when it cannot be had
 */
export function pageOf(address) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.addEventListener("load", () => resolve(request.status === 200 ? request.responseXML : null));
    request.addEventListener("error", () => resolve(null));
    request.send();
  });
}

/**
 * A copy for this page, its ids with a prefix so that none stands twice.
 * @param {HTMLElement} section
 * @param {string} prefix
 */
export function renamed(section, prefix) {
  const copy = document.importNode(section, true);
  for (const part of [copy, ...copy.querySelectorAll("*")]) {
    if (part.id) {
      part.id = prefix + part.id;
    }
    for (const name of REFERRING) {
      const ids = part.getAttribute(name);
      if (ids) {
        part.setAttribute(name, ids.split(" ").map((id) => prefix + id).join(" "));
      }
    }
  }
  return copy;
}
