// The measurements: how many points each has, and what it says.

import { toPatient } from "../viewer/geometry.js";
import { quantityOf } from "./quantity.js";
import { scaleAt } from "./calibration.js";
import { statistics, valueAt } from "./statistics.js";

/** @typedef {import("../viewer/pane.js").Pane} Pane */
/** @typedef {import("../viewer/view.js").Point} Point */
/** @typedef {import("./calibration.js").Scale} Scale */
/** @typedef {import("./wording.js").Wording} Wording */

/** @typedef {"length" | "angle" | "cobb" | "rectangle" | "ellipse" | "probe"} Kind */
/** @typedef {{kind: Kind, points: Point[]}} Measure points of the image, as in View */

/** @type {Record<Kind, number>} */
export const POINTS = { length: 2, angle: 3, cobb: 4, rectangle: 2, ellipse: 2, probe: 1 };

export const KINDS = /** @type {Kind[]} */ (Object.keys(POINTS));

/**
 * What a measurement says: the figures, and what must be known of them.
 * @typedef {{lines: string[], notes: string[]}} Result
 */

/**
 * @param {Measure} measure all of its points must be there
 * @param {Pane} pane whose stack asks for the image that was measured
 * @param {Wording} say
 * @returns {Result}
 */
export function resultOf(measure, pane, say) {
  const { source, stack } = pane;
  const dataSet = source.dataSet(stack.index);
  if (!dataSet) {
    return { lines: [], notes: [] };
  }
  const scale = scaleAt(dataSet, source.image(stack.index)?.frame ?? 1, measure.points);
  const noted = scale.note ? [say.t(scale.note)] : [];
  switch (measure.kind) {
    case "length":
      return { lines: [say.number(distance(measure.points, scale), 1, scale.unit)], notes: noted };
    case "angle":
    case "cobb":
      return { lines: [say.number(angle(measure, scale), 1, "°")], notes: [] };
    case "probe":
      return probed(measure, pane, dataSet, say);
    default:
      return region(measure.kind, measure.points, pane, scale, noted, say);
  }
}

/**
 * @param {Point[]} points
 * @param {Scale} scale
 */
function distance([one, other], scale) {
  return one && other ? Math.hypot((other.x - one.x) * scale.x, (other.y - one.y) * scale.y) : 0;
}

/**
 * Degrees between the two lines: at the middle point of three, or between those of four, where 90 is the most.
 * @param {Measure} measure
 * @param {Scale} scale
 */
function angle({ kind, points }, scale) {
  const order = kind === "angle" ? [1, 0, 1, 2] : [0, 1, 2, 3];
  const [a, b, c, d] = order.map((at) => ({ x: (points[at]?.x ?? 0) * scale.x, y: (points[at]?.y ?? 0) * scale.y }));
  if (!a || !b || !c || !d) {
    return 0;
  }
  const between = Math.atan2(b.y - a.y, b.x - a.x) - Math.atan2(d.y - c.y, d.x - c.x);
  const cosine = Math.cos(between);
  return (Math.acos(kind === "cobb" ? Math.abs(cosine) : cosine) * 180) / Math.PI;
}

/**
 * @param {"rectangle" | "ellipse"} shape
 * @param {Point[]} points
 * @param {Pane} pane
 * @param {Scale} scale
 * @param {string[]} noted
 * @param {Wording} say
 * @returns {Result}
 */
function region(shape, [one, other], { source, stack }, scale, noted, say) {
  const image = source.description(stack.index);
  const dataSet = source.dataSet(stack.index);
  if (!one || !other || !image || !dataSet) {
    return { lines: [], notes: [] };
  }
  const box = Math.abs((other.x - one.x) * scale.x * (other.y - one.y) * scale.y);
  const area = shape === "ellipse" ? (box * Math.PI) / 4 : box;
  const size = `${say.t("tools.area")} ${say.number(area, 1, `${scale.unit}²`)}`;
  const frame = stack.frames.get(String(stack.index));
  if (!frame) {
    return { lines: [size], notes: [...noted, say.t(image.raw ? "tools.loading" : "tools.note_no_values")] };
  }
  const found = statistics(shape, one, other, image, frame);
  if (!found) {
    return { lines: [size], notes: noted };
  }
  const { unit, factor, digits, note } = quantityOf(dataSet);
  const worded = (/** @type {number} */ figure) => say.number(figure * factor, digits);
  const lines = [
    `${say.t("tools.mean")} ${worded(found.mean)} ${say.unit(unit)} · ${say.t("tools.sd")} ${worded(found.sd)}`,
    `${say.t("tools.min")} ${worded(found.min)} · ${say.t("tools.max")} ${worded(found.max)}`,
    `${size} · ${say.t("tools.pixels", { n: found.count })}`,
  ];
  return { lines, notes: note ? [...noted, say.t(note)] : noted };
}

/**
 * @param {Measure} measure
 * @param {Pane} pane
 * @param {import("../viewer/dicom.js").DataSet} dataSet
 * @param {Wording} say
 * @returns {Result}
 */
function probed({ points: [point] }, { source, stack }, dataSet, say) {
  const image = source.description(stack.index);
  const frame = stack.frames.get(String(stack.index));
  if (!point || !image) {
    return { lines: [], notes: [] };
  }
  const lines = [];
  const notes = [];
  const value = frame ? valueAt(point, image, frame) : null;
  if (value !== null) {
    const { unit, factor, digits, note } = quantityOf(dataSet);
    lines.push(say.number(value * factor, digits, say.unit(unit)));
    notes.push(...(note ? [say.t(note)] : []));
  }
  const plane = source.plane(stack.index);
  lines.push(plane ? say.place(toPatient(plane, point)) : say.pixel(point));
  return { lines, notes };
}
