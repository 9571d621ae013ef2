// Where in the body an image lies: a small picture across it, with a line.

import { dot, fromPatient, planeOf, toPatient } from "./geometry.js";
import { draw, make } from "./markup.js";

/** @typedef {import("./dicom.js").DataSet} DataSet */
/** @typedef {import("./geometry.js").Plane} Plane */
/** @typedef {{root: string, uid: string, plane: Plane, localizer: boolean}} Scout */

const ALONG = 0.7;
const SIDE = 256;

export class Place {
  /**
   * @param {import("./pane.js").Pane} pane
   * @param {Scout[]} scouts
   * @param {import("../page.js").Texts} t
   */
  constructor(pane, scouts, t) {
    this.pane = pane;
    this.scouts = scouts;
    /** @type {Scout | undefined} */
    this.shown = undefined;
    this.image = make("img", { alt: "" });
    this.line = draw("polygon", { points: "" });
    this.drawing = draw("svg", { preserveAspectRatio: "none" }, this.line);
    this.box = make("figure", { class: "place", role: "img", "aria-label": t("kinds.place"), title: t("kinds.place") });
    this.box.append(this.image, this.drawing);
    this.box.dataset["part"] = "place";
    pane.stage.append(this.box);
    pane.addEventListener("change", () => this.changed());
    this.changed();
  }

  changed() {
    const here = this.pane.source.plane(this.pane.stack.index);
    const scout = here ? across(here, this.scouts) : undefined;
    this.box.hidden = !scout || !here;
    if (!scout || !here) {
      return;
    }
    this.see(scout);
    const { columns, rows } = here;
    const corners = [{ x: 0, y: 0 }, { x: columns, y: 0 }, { x: columns, y: rows }, { x: 0, y: rows }];
    const points = corners.map((corner) => fromPatient(scout.plane, toPatient(here, corner)));
    this.line.setAttribute("points", points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
  }

  /** @param {Scout} scout */
  see(scout) {
    if (scout === this.shown) {
      return;
    }
    this.shown = scout;
    const { columns, rows, columnSpacing, rowSpacing } = scout.plane;
    const query = `accept=image/jpeg&quality=80&viewport=${SIDE},${SIDE}`;
    this.image.src = `${scout.root}/instances/${scout.uid}/frames/1/rendered?${query}`;
    this.drawing.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    this.box.style.aspectRatio = String((columns * columnSpacing) / (rows * rowSpacing));
  }
}

/**
 * The images of other series that may show where others lie.
 * @param {string[]} roots addresses of these series
 * @returns {Promise<Scout[]>}
 */
export async function scoutsOf(roots) {
  const found = await Promise.all(roots.map(async (root) => {
    const answer = await fetch(`${root}/metadata`, { headers: { Accept: "application/dicom+json" } }).catch(() => null);
    /** @type {DataSet[]} */
    const dataSets = answer?.ok ? await answer.json() : [];
    return dataSets.map((dataSet) => ({ root, dataSet }));
  }));
  return found.flat().flatMap(({ root, dataSet }) => {
    const plane = planeOf(dataSet, 1);
    const localizer = (dataSet["00080008"]?.Value ?? []).includes("LOCALIZER");
    return plane ? [{ root, uid: String(dataSet["00080018"]?.Value?.[0] ?? ""), plane, localizer }] : [];
  });
}

/**
 * The scout that is cut most steeply, a real localizer before any other image.
 * @param {Plane} here
 * @param {Scout[]} scouts
 */
function across(here, scouts) {
  const parallel = (/** @type {Scout} */ { plane }) => Math.abs(dot(plane.normal, here.normal));
  return scouts
    .filter((one) => one.plane.frameOfReference !== "" && one.plane.frameOfReference === here.frameOfReference)
    .filter((one) => parallel(one) < ALONG)
    .sort((one, other) => Number(other.localizer) - Number(one.localizer) || parallel(one) - parallel(other))[0];
}
