// The page of a series: one pane, and what works it.

import { element, texts } from "../page.js";
import { Controls } from "./controls.js";
import { Pane } from "./pane.js";

const pane = new Pane(element("viewer", HTMLElement));
const started = pane.start();
new Controls(pane, await texts());
await started;
