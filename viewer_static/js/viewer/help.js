// The keys of the viewer in a dialog: loaded when somebody asks for them.

import { texts } from "../page.js";
import { KEYS, inReading } from "./keys.js";
import { make } from "./markup.js";

/** @typedef {import("../page.js").Texts} Texts */

/**
 * Shows what the keys do now. Escape closes it, and the focus goes back to where it was.
 * @param {import("./input.js").Actions} actions
 * @param {string} url of the texts
 */
export async function showKeys(actions, url) {
  const t = await texts(url);
  const list = make("dl", { class: "keys" });
  for (const { keys, text, possible } of KEYS) {
    if (possible?.(actions) ?? true) {
      const names = keys.map((key) => make("kbd", {}, nameOf(inReading(key), t)));
      list.append(make("div", {}, make("dt", {}, t(`keyboard.${text}`)), make("dd", {}, ...names)));
    }
  }
  const title = make("h2", { id: "keys-title", tabindex: "-1", autofocus: "" }, t("keyboard.title"));
  const close = make("form", { method: "dialog" }, make("button", { class: "primary" }, t("keyboard.close")));
  const hint = make("p", { class: "hint" }, t("keyboard.hint"));
  const dialog = make("dialog", { id: "keys", "aria-labelledby": "keys-title" }, title, hint, list, close);
  document.getElementById("keys")?.remove();
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}

/**
 * @param {string} key
 * @param {Texts} t
 */
function nameOf(key, t) {
  const name = key === " " ? "Space" : key;
  return name.length === 1 ? name : t(`keyboard.key_${name}`);
}
