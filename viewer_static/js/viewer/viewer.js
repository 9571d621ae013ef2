// The page of a series: one pane, and what works it.

import { element, texts } from "../page.js";
import { Controls } from "./controls.js";
import { Pane } from "./pane.js";
import { Toolbar } from "./toolbar.js";

const pane = new Pane(element("viewer", HTMLElement));
const started = pane.start();
const controls = new Controls(pane, await texts());
const toolbar = new Toolbar(pane.section, [controls]);

const keyboard = element("keyboard", HTMLButtonElement);
keyboard.onclick = () => void controls.help();
keyboard.hidden = false;

const opener = document.getElementById("doctors-tools");
if (opener instanceof HTMLButtonElement) {
  const open = async () => {
    const { openTools } = await import("../tools/tools.js");
    await openTools(pane, toolbar, opener);
  };
  opener.addEventListener("click", () => void open(), { once: true });
}

element("save", HTMLElement).onclick = async () => (await import("./saving.js")).save(pane);
element("print", HTMLElement).onclick = () => print();
element("keep", HTMLElement).hidden = false;

await started;
const { enrich } = await import("./kinds.js");
await enrich(pane);
