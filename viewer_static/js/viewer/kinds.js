// What belongs to an image besides its pixels, each loaded only where there is something to show.

import { Progress } from "./progress.js";
import { texts } from "../page.js";

/** @param {import("./pane.js").Pane} pane whose metadata are there */
export async function enrich(pane) {
  const t = await texts(document.documentElement.dataset["kinds"]);
  new Progress(pane, t);
  const { Marks } = await import("./marks.js");
  new Marks(pane, t);
  const states = document.getElementById("states");
  if (states) {
    const { States } = await import("./states.js");
    new States(pane, states, t);
  }
  if (pane.stack.total > 1) {
    const { Cine, startsByItself } = await import("./cine.js");
    const cine = new Cine(pane, t);
    if (startsByItself(pane)) {
      cine.play();
    }
  }
}
