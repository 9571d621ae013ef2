// Where QR codes lead. Not a module, and in the page's head: browsers hold what follows until it has run, so it is there
// before anybody sees the form, however slow the line, and what is only for browsers without script never shows up.

/** The fragment never reaches the server. It moves into the form and out of the address, history and screenshots. */
function takeToken() {
  const field = document.getElementById("token");
  if (!(field instanceof HTMLInputElement) || field.value) {
    return;
  }
  const token = location.hash.slice(1);
  document.getElementById(token ? "qr-found" : "qr-missing")?.removeAttribute("hidden");
  if (!token) {
    document.getElementById("code-part")?.classList.remove("without-script");
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  field.value = token;
  /** @type {NodeListOf<HTMLAnchorElement>} */
  const languages = document.querySelectorAll("a[data-language]");
  for (const link of languages) {
    link.hash = token;
  }
  document.getElementById("birth-date")?.focus();
}

document.documentElement.classList.add("scripting");
// The page is read, and no module has come yet; or somebody was faster than the last of its bytes.
document.addEventListener("readystatechange", takeToken, { once: true });
document.addEventListener("submit", takeToken, { capture: true, once: true });
