// Videos that the browser cannot play get a sentence; documents get a frame where the browser shows them in one.

import { make } from "./markup.js";

const NARROW = "(max-width: 48rem)";

for (const video of document.querySelectorAll("video")) {
  const problem = video.parentElement?.querySelector('[data-part="video-problem"]');
  const say = () => {
    if (problem instanceof HTMLElement) {
      problem.hidden = false;
    }
  };
  video.addEventListener("error", say);
  // With a source it is that which tells; it may have done so before this script ran.
  video.querySelector("source")?.addEventListener("error", say);
  if (video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) {
    say();
  }
}

if (navigator.pdfViewerEnabled && !matchMedia(NARROW).matches) {
  for (const place of document.querySelectorAll('[data-part="pdf"]')) {
    if (place instanceof HTMLElement) {
      const { url = "", title = "" } = place.dataset;
      place.append(make("iframe", { src: url, title, loading: "lazy" }));
      place.hidden = false;
    }
  }
}
