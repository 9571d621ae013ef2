// What every page needs: its elements by id, and its texts.

/**
 * The element with this id, which must be of this class.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new Error(`no ${kind.name} with the id ${id}`);
  }
  return found;
}

/**
 * The same inside a section, by data-part: a section may stand on a page several times.
 * @template {Element} T
 * @param {Element} section
 * @param {string} name
 * @param {new () => T} kind
 * @returns {T}
 */
export function part(section, name, kind) {
  const found = section.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof kind)) {
    throw new Error(`no ${kind.name} that is the part ${name}`);
  }
  return found;
}

/** @typedef {(key: string, values?: Record<string, string | number>) => string} Texts */

/**
 * Texts in the language of the page, as the server's templates have them.
 * @param {string} [url] those of another room than the page's
 * @returns {Promise<Texts>}
 */
export async function texts(url = document.documentElement.dataset["texts"] ?? "") {
  const answer = await fetch(url);
  /** @type {Record<string, string>} */
  const sentences = await answer.json();
  return (key, values = {}) =>
    (sentences[key] ?? key).replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}
