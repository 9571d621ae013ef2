// The page of two series side by side: two panes that go along with each other until the reader parts them.

import { element, texts } from "../page.js";
import { Controls } from "../viewer/controls.js";
import { watchForPlanes } from "../viewer/kinds.js";
import { Marks } from "../viewer/marks.js";
import { Pane } from "../viewer/pane.js";
import { Panes } from "../viewer/panes.js";
import { Progress } from "../viewer/progress.js";
import { Toolbar } from "../viewer/toolbar.js";

const both = ["one-viewer", "other-viewer"].map((id) => new Pane(element(id, HTMLElement)));
// Whoever moves before they are joined has moved both from where the page showed them.
const opened = new Map(both.map((pane) => [pane, pane.stack.index]));
const started = both.map((pane) => pane.start());
const t = await texts();
const panes = new Panes();
both.forEach((pane) => panes.add(pane));
const toolbar = new Toolbar(element("together", HTMLElement), both.map((pane) => new Controls(pane, t)));
panes.addEventListener("change", () => toolbar.show());

const linked = element("linked", HTMLInputElement);
/** @param {Map<Pane, number>} [from] */
const link = async (from) => {
  const on = linked.checked;
  await panes.link({ position: on, view: on, window: on }, from);
};
linked.addEventListener("change", () => void link());
for (const id of ["linked-row", "linked-hint"]) {
  element(id, HTMLElement).hidden = false;
}

await Promise.all(started);
await link(opened);
const kinds = await texts(document.documentElement.dataset["kinds"]);
for (const pane of both) {
  new Progress(pane, kinds);
  new Marks(pane, kinds);
  watchForPlanes(pane);
}
