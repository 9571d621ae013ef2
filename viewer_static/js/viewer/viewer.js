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
  if (new URLSearchParams(location.search).has("layout")) {
    opener.click();
  }
}

const [save, paper] = [element("save", HTMLElement), element("print", HTMLElement)];
save.onclick = async () => (await import("./saving.js")).save(pane);
paper.onclick = () => print();
save.hidden = paper.hidden = false;
for (const link of element("keep", HTMLElement).querySelectorAll("a")) {
  link.onclick = async (event) => {
    event.preventDefault();
    (await import("./series_saving.js")).saveSeries(pane, link);
  };
}

await started;
const { enrich } = await import("./kinds.js");
await enrich(pane);
