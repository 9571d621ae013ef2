// Runs on every page. Everything works without it; it only makes things easier.

import { watchSession } from "./idle.js";
import { enhancePrinting } from "./printing.js";

// A page that the browser kept for its back button may show what the visitor may no longer see.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

if (document.getElementById("login")) {
  const { enhanceLogin } = await import("./login.js");
  enhanceLogin();
}

const printing = document.getElementById("print");
if (printing) {
  enhancePrinting(printing);
}

const seconds = Number(document.body.dataset["idleSeconds"]);
if (seconds) {
  watchSession(seconds);
}

// What the next page will need comes into the browser's store when this one has all of its own. No <link rel="prefetch">:
// Firefox forbids it under our policy, and Safari knows none.
addEventListener("load", () => {
  const later = document.querySelector("[data-later]")?.getAttribute("data-later") ?? "";
  for (const url of later.split(" ").filter(Boolean)) {
    fetch(url, { priority: "low" }).then((answer) => answer.arrayBuffer()).catch(() => {});
  }
});
