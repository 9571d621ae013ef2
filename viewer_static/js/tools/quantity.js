// What the values of an image are: Hounsfield units, uptake, dose, or only what is stored.

import { number, text } from "../viewer/dicom.js";
import { suvOf } from "./suv.js";

/** @typedef {import("../viewer/dicom.js").DataSet} DataSet */

/**
 * A rescaled value times `factor` is in `unit`. `unit` is a symbol, or a key of the texts; so is `note`, which may be empty.
 * @typedef {{unit: string, factor: number, digits: number, note: string}} Quantity
 */

const SYMBOLS = /** @type {Record<string, string>} */ ({ BQML: "Bq/ml", GML: "g/ml", CNTS: "tools.unit_counts" });
const LONGEST_UNIT = 16;

/**
 * @param {DataSet} dataSet
 * @returns {Quantity}
 */
export function quantityOf(dataSet) {
  const modality = text(dataSet, "00080060");
  const type = text(dataSet, "00281054");
  if (modality === "PT") {
    return uptake(dataSet);
  }
  if (type === "HU" || (modality === "CT" && type === "" && "00281052" in dataSet)) {
    return { unit: "HU", factor: 1, digits: 1, note: "" };
  }
  const scaling = modality === "RTDOSE" ? number(dataSet, "3004000E") : undefined;
  if (scaling) {
    return { unit: text(dataSet, "30040002") === "GY" ? "Gy" : "tools.unit_relative", factor: scaling, digits: 2, note: "" };
  }
  const known = type !== "" && type !== "US" && type.length <= LONGEST_UNIT;
  return { unit: known ? type : "tools.unit_value", factor: 1, digits: 1, note: "" };
}

/**
 * @param {DataSet} dataSet
 * @returns {Quantity}
 */
function uptake(dataSet) {
  const suv = suvOf(dataSet);
  if ("factor" in suv) {
    return { unit: "SUV (bw)", factor: suv.factor, digits: 2, note: suv.source };
  }
  return { unit: SYMBOLS[text(dataSet, "00541001")] ?? "tools.unit_value", factor: 1, digits: 1, note: suv.reason };
}
