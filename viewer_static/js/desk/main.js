// Runs on every page of the desk. Everything works without it but the print button, for which browsers have a key too.

import { watchDesk } from "./idle.js";
import { offerPasskey } from "./passkeys.js";

// A page that the browser kept for its back button may show what is no longer there to see.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

document.getElementById("print")?.addEventListener("click", () => print());

// A second click must not open a second share. The clicked button has to be sent, so it is not disabled at once.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.hasAttribute("data-sent")) {
      event.preventDefault();
    }
    form.setAttribute("data-sent", "");
  });
}

// A scanner that types into a page without the field in focus still finds it. What was typed before this script had come
// is kept: the next letter would replace it.
const search = document.getElementById("q");
if (search instanceof HTMLInputElement && search.value === search.defaultValue) {
  search.select();
}

for (const button of document.querySelectorAll("button[data-passkey]")) {
  if (button instanceof HTMLButtonElement) {
    offerPasskey(button);
  }
}

const seconds = Number(document.body.dataset["idleSeconds"]);
if (seconds) {
  watchDesk(seconds);
}
