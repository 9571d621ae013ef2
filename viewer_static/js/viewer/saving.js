// "Bild speichern": the image in sight as a JPEG, with a strip below that says whose it is, of when, and what it is not
// good for. Loaded when it is pressed for the first time; nothing leaves the browser.

import { element, part } from "../page.js";
import { draw } from "./markup.js";

/** @typedef {import("./pane.js").Pane} Pane */
/** @typedef {{text: string, strong: boolean}} Line */

/** Small images become larger by whole pixels, so that the strip can be read. */
const NARROWEST = 480;
/** Some phones give no canvas of more pixels. */
const MOST_PIXELS = 16e6;
/** At 1 a pixel differs by rounding only. */
const QUALITY = 1;
const MOST_ROWS = 3;

/**
 * Hand the image in sight to the browser's downloads, and say so below the button.
 *
 * All of the image, whatever the zoom; window, turn, mirroring, inversion, overlays, shutters, segments, contours and
 * the letters for the directions as they are shown.
 * @param {Pane} pane
 */
export async function save(pane) {
  const { file = "" } = element("save", HTMLElement).dataset;
  const said = element("save-said", HTMLElement);
  const { saved = "", failed = "" } = said.dataset;
  said.textContent = "";
  try {
    await arrived(pane);
    const link = document.createElement("a");
    link.download = `${file}-${pane.stack.index + 1}.jpg`;
    link.href = URL.createObjectURL(await jpeg(await withStrip(pane)));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    said.textContent = saved;
  } catch {
    said.textContent = failed;
  }
}

/**
 * Until the image in sight is the one that the page names, so that no other's number stands below it.
 * @param {Pane} pane
 */
async function arrived(pane) {
  const { stack } = pane;
  while (stack.shown !== stack.index) {
    if (stack.failed || stack.offline) {
      throw new Error("no image in sight");
    }
    await new Promise((resolve) => pane.addEventListener("change", resolve, { once: true }));
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Promise<Blob>}
 */
function jpeg(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no image"))), "image/jpeg", QUALITY);
  });
}

/** @param {Pane} pane */
async function withStrip(pane) {
  const told = lines(pane);
  const image = await drawn(pane);
  const size = Math.max(Math.round(image.width / 40), 15);
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  const rows = broken(context(canvas), told, size, image.width - 2 * size);
  canvas.height = image.height + Math.ceil(size * (1.4 * rows.length + 1.4));
  const paper = context(canvas);
  paper.fillStyle = "#ffffff";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(image, 0, 0);
  const leftwards = getComputedStyle(pane.section).direction === "rtl";
  paper.direction = leftwards ? "rtl" : "ltr";
  paper.textBaseline = "middle";
  paper.fillStyle = "#000000";
  rows.forEach((row, at) => {
    paper.font = font(row, size);
    paper.fillText(row.text, leftwards ? image.width - size : size, image.height + size * (1.4 * at + 1.4));
  });
  return canvas;
}

/**
 * The image as it is turned and mirrored, one pixel of it at least one of the canvas.
 * @param {Pane} pane
 */
async function drawn(pane) {
  const { view, surface } = pane;
  const seen = surface.preview.hidden ? surface.renderer.canvas : surface.preview;
  const { width: columns, height: rows } = seen;
  const across = view.rotation % 180 !== 0;
  const tall = Math.max(rows, columns / view.ratio);
  const wanted = Math.ceil(NARROWEST / (across ? tall : tall * view.ratio));
  const scale = Math.min(Math.max(wanted, 1), Math.sqrt(MOST_PIXELS / (tall * tall * view.ratio)));
  const [width, height] = [Math.round(tall * view.ratio * scale), Math.round(tall * scale)];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = across ? [height, width] : [width, height];
  const paper = context(canvas);
  paper.imageSmoothingEnabled = scale < 1;
  paper.translate(canvas.width / 2, canvas.height / 2);
  paper.rotate((view.rotation * Math.PI) / 180);
  paper.scale(view.flipped ? -1 : 1, 1);
  paper.translate(-width / 2, -height / 2);
  paper.drawImage(seen, 0, 0, width, height);
  if (view.inverted) {
    paper.globalCompositeOperation = "difference";
    paper.fillStyle = "#ffffff";
    paper.fillRect(0, 0, width, height);
    paper.globalCompositeOperation = "source-over";
  }
  for (const cover of surface.covers.filter((one) => one instanceof HTMLCanvasElement)) {
    paper.globalAlpha = Number(cover.style.opacity || 1);
    paper.drawImage(cover, 0, 0, width, height);
  }
  paper.globalAlpha = 1;
  const above = await planes(pane, width, height);
  if (above) {
    paper.drawImage(above, 0, 0, width, height);
  }
  paper.resetTransform();
  letters(pane, paper);
  return canvas;
}

/**
 * Overlays, shutters and contours as a picture; null where nothing is to be seen of them.
 * @param {Pane} pane
 * @param {number} width
 * @param {number} height
 * @returns {Promise<HTMLImageElement | null>}
 */
async function planes({ layer }, width, height) {
  const seen = [...layer.querySelectorAll(":scope > .overlay, :scope > .shutter, :scope > .contours")].filter(
    (group) => group.hasChildNodes() && getComputedStyle(group).display !== "none",
  );
  const viewBox = layer.getAttribute("viewBox");
  if (!seen.length || !viewBox) {
    return null;
  }
  const drawing = draw("svg", { viewBox, width, height, preserveAspectRatio: "none" });
  drawing.append(...seen.map((group) => group.cloneNode(true)));
  const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(drawing)], { type: "image/svg+xml" }));
  try {
    const picture = new Image();
    picture.src = url;
    await picture.decode();
    return picture;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * An image that may be mirrored says where left and right are.
 * @param {Pane} pane
 * @param {CanvasRenderingContext2D} paper
 */
function letters({ stage }, paper) {
  const { width, height } = paper.canvas;
  const size = Math.max(Math.round(width / 32), 15);
  const places = { top: [width / 2, size], right: [width - size, height / 2], bottom: [width / 2, height - size], left: [size, height / 2] };
  paper.font = font({ text: "", strong: true }, size);
  paper.textAlign = "center";
  paper.textBaseline = "middle";
  paper.lineWidth = size / 5;
  paper.strokeStyle = "#000000";
  paper.fillStyle = "#f4fbfb";
  for (const [edge, [x = 0, y = 0]] of Object.entries(places)) {
    const letter = stage.querySelector(`.marks:not([hidden]) > .edge-${edge}`)?.textContent;
    if (letter) {
      paper.strokeText(letter, x, y);
      paper.fillText(letter, x, y);
    }
  }
}

/**
 * What the page puts below a printed image, which of how many it is, and the notice.
 * @param {Pane} pane
 * @returns {Line[]}
 */
function lines({ section }) {
  const found = [...element("caption", HTMLElement).querySelectorAll("p")].map((paragraph) => ({
    text: paragraph.textContent ?? "",
    strong: paragraph.querySelector("strong") !== null,
  }));
  const count = { text: part(section, "count", HTMLElement).textContent ?? "", strong: false };
  return [...found, count, { text: document.querySelector(".notice strong")?.textContent ?? "", strong: true }];
}

/**
 * Lines that fit the width; of a text without end, the beginning.
 * @param {CanvasRenderingContext2D} paper
 * @param {Line[]} whole
 * @param {number} size
 * @param {number} width
 */
function broken(paper, whole, size, width) {
  return whole.flatMap(({ text, strong }) => {
    paper.font = font({ text, strong }, size);
    const rows = [""];
    const fits = (/** @type {string} */ row) => paper.measureText(row.trimEnd()).width <= width;
    for (const word of text.slice(0, 1000).match(/\S+\s*/gu) ?? []) {
      for (const piece of fits(word) ? [word] : word) {
        const longer = (rows.at(-1) ?? "") + piece;
        if (fits(longer)) {
          rows[rows.length - 1] = longer;
        } else {
          rows.push(piece);
        }
      }
    }
    return rows.slice(0, MOST_ROWS).map((row) => ({ text: row, strong }));
  });
}

/**
 * @param {Line} line
 * @param {number} size
 */
function font({ strong }, size) {
  return `${strong ? "bold " : ""}${size}px system-ui, sans-serif`;
}

/** @param {HTMLCanvasElement} canvas */
function context(canvas) {
  const found = canvas.getContext("2d", { alpha: false });
  if (!found) {
    throw new Error("no canvas");
  }
  return found;
}
