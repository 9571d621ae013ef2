// The login form: feedback while the access code and the birth date are typed.

import { characters, grouped, judge } from "./code.js";
import { element, texts } from "./page.js";

/** Makes the form on the page easier. */
export function enhanceLogin() {
  const input = document.getElementById("code");
  if (input instanceof HTMLInputElement) {
    watchCode(input);
  }
  watchDate(element("birth-date", HTMLInputElement));
}

/** @param {HTMLInputElement} input */
function watchCode(input) {
  const state = element("code-state", HTMLElement);
  const words = texts();
  input.addEventListener("input", async () => {
    group(input);
    const { state: verdict, missing } = judge(input.value);
    const t = await words;
    const sentences = {
      empty: "",
      more: missing === 1 ? t("login.code_one_more") : t("login.code_more", { n: missing }),
      good: t("login.code_ok"),
      typo: t("login.code_typo"),
      long: t("login.code_too_long"),
    };
    // Counting down on every key would drown the reader's voice.
    state.setAttribute("aria-live", verdict === "more" ? "off" : "polite");
    state.textContent = sentences[verdict];
    state.classList.toggle("good", verdict === "good");
    state.classList.toggle("wrong", verdict === "typo" || verdict === "long");
    if (verdict === "typo" || verdict === "long") {
      input.setAttribute("aria-invalid", "true");
    } else {
      input.removeAttribute("aria-invalid");
    }
  });
}

/**
 * Writes the code in groups, but only when the caret is at the end: nobody wants it to jump.
 * @param {HTMLInputElement} input
 */
function group(input) {
  if (input.selectionStart !== input.value.length) {
    return;
  }
  const written = grouped(characters(input.value));
  if (input.value !== written && input.value !== `${written}-`) {
    input.value = written;
  }
}

/**
 * Sets the dots of a date typed as digits only, since number pads of phones have none: those of the example above it.
 * @param {HTMLInputElement} input
 */
function watchDate(input) {
  const [, separator = "."] = /\d(\D)\d/.exec(element("birth-date-hint", HTMLElement).textContent ?? "") ?? [];
  input.addEventListener("input", () => {
    const digits = input.value;
    if (/^\d{8}$/.test(digits) && Number(digits.slice(4)) > 1849) {
      input.value = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].join(separator);
    }
  });
}
