// A button that prints the page, for those whose browser hides that well.

/**
 * Shows `button` and lets it print.
 * @param {HTMLElement} button
 */
export function enhancePrinting(button) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
