// The page of a series: one pane, and what works it.

import { element, texts } from "../page.js";
import { Controls } from "./controls.js";
import { Pane } from "./pane.js";
import { Panes } from "./panes.js";

const pane = new Pane(element("viewer", HTMLElement));
const panes = new Panes();
panes.add(pane);
const started = pane.start();
new Controls(pane, await texts());
await started;
const { enrich } = await import("./kinds.js");
await enrich(pane);
