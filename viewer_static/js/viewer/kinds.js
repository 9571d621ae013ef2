// What belongs to an image besides its pixels, each loaded only where there is something to show.

import { Progress } from "./progress.js";
import { texts } from "../page.js";

/** @typedef {import("./pane.js").Pane} Pane */
/** @typedef {import("../page.js").Texts} Texts */

/** @param {Pane} pane whose metadata are there */
export async function enrich(pane) {
  const t = await texts(document.documentElement.dataset["kinds"]);
  new Progress(pane, t);
  await addCine(pane, t);
  const { Marks } = await import("./marks.js");
  new Marks(pane, t);
  watchForPlanes(pane);
  await addStates(pane, t);
  await addPlace(pane, t);
}

/**
 * @param {Pane} pane
 * @param {Texts} t
 */
async function addCine(pane, t) {
  if (pane.stack.total > 1) {
    const { Cine, startsByItself } = await import("./cine.js");
    const cine = new Cine(pane, t);
    if (startsByItself(pane)) {
      cine.play();
    }
  }
}

/** @param {Pane} pane */
export function watchForPlanes(pane) {
  let loaded = false;
  const look = async () => {
    const dataSet = pane.source.dataSet(pane.stack.index);
    // Overlays lie in groups of their own, shutters in this element.
    if (!loaded && dataSet && Object.keys(dataSet).some((tag) => tag.startsWith("60") || tag === "00181600")) {
      loaded = true;
      const { Planes } = await import("./planes.js");
      new Planes(pane);
    }
  };
  pane.addEventListener("change", () => void look());
  void look();
}

/**
 * @param {Pane} pane
 * @param {Texts} t
 */
async function addStates(pane, t) {
  const listed = document.getElementById("states");
  if (listed) {
    const { States } = await import("./states.js");
    new States(pane, listed, t);
  }
}

/**
 * @param {Pane} pane
 * @param {Texts} t
 */
async function addPlace(pane, t) {
  const roots = document.getElementById("scouts")?.dataset["roots"] ?? "";
  if (roots && pane.source.plane(pane.stack.index) && !pane.source.savesData) {
    const { Place, scoutsOf } = await import("./place.js");
    new Place(pane, await scoutsOf(roots.split(" ")), t);
  }
}
