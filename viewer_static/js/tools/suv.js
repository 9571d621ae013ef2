// Standardised uptake value by body weight, as the vendor-neutral pseudo-code of QIBA computes it: what the pixel values
// of a PET image are to be multiplied by, or why they cannot be.

import { items, number, text } from "../viewer/dicom.js";

/** @typedef {import("../viewer/dicom.js").DataSet} DataSet */

/**
 * `factor` makes SUV (g/ml) of a rescaled value; `source` or `reason` is a key of the texts.
 * @typedef {{factor: number, source: string} | {reason: string}} Suv
 */

const DAY = 86400;

/**
 * @param {DataSet} dataSet
 * @returns {Suv}
 */
export function suvOf(dataSet) {
  const units = text(dataSet, "00541001");
  const corrected = (dataSet["00280051"]?.Value ?? []).map(String);
  if (units === "GML") {
    const type = text(dataSet, "00541006");
    return type === "" || type === "BW"
      ? { factor: 1, source: "tools.suv_stored" }
      : { reason: "tools.suv_other_type" };
  }
  if (!corrected.includes("ATTN") || !corrected.some((one) => one === "DECY" || one === "DECAY")) {
    return { reason: "tools.suv_uncorrected" };
  }
  if (units === "CNTS") {
    return suvOfCounts(dataSet);
  }
  return units === "BQML" ? suvOfActivity(dataSet, 1) : { reason: "tools.suv_units" };
}

/**
 * Philips keeps what makes SUV, or else Bq/ml, of counts in private attributes.
 * @param {DataSet} dataSet
 * @returns {Suv}
 */
function suvOfCounts(dataSet) {
  const creator = "Philips PET Private Group";
  const toSuv = privateNumber(dataSet, "7053", creator, "00");
  const toActivity = privateNumber(dataSet, "7053", creator, "09");
  if (toSuv) {
    return { factor: toSuv, source: "tools.suv_philips" };
  }
  return toActivity ? suvOfActivity(dataSet, toActivity) : { reason: "tools.suv_units" };
}

/**
 * @param {DataSet} dataSet
 * @param {number} factor what makes Bq/ml of a rescaled value
 * @returns {Suv}
 */
function suvOfActivity(dataSet, factor) {
  const [dose] = items(dataSet, "00540016");
  const weight = number(dataSet, "00101030") ?? 0;
  const injected = (dose && number(dose, "00181074")) ?? 0;
  const halfLife = (dose && number(dose, "00181075")) ?? 0;
  if (!dose || !(weight > 0) || !(injected > 0) || !(halfLife > 0)) {
    return { reason: "tools.suv_missing" };
  }
  const correction = text(dataSet, "00541102");
  const waited = correction === "ADMIN" ? 0 : correction === "START" ? decayTime(dataSet, dose) : null;
  if (waited === null || waited < 0) {
    return { reason: correction === "NONE" ? "tools.suv_uncorrected" : "tools.suv_times" };
  }
  const decayed = injected * 2 ** (-waited / halfLife);
  return { factor: (factor * weight * 1000) / decayed, source: "tools.suv_computed" };
}

/**
 * Seconds from the injection to the moment that the values are corrected for.
 * @param {DataSet} dataSet
 * @param {DataSet} dose
 * @returns {number | null}
 */
function decayTime(dataSet, dose) {
  const series = moment(text(dataSet, "00080021"), text(dataSet, "00080031"));
  const acquisition = moment(text(dataSet, "00080022"), text(dataSet, "00080032"));
  // A series that was computed later bears the time of that; GE then keeps the time of the scan in a private attribute.
  const later = series !== null && acquisition !== null && series > acquisition;
  const scan = later ? dateTime(privateText(dataSet, "0009", "GEMS_PETD_01", "0D")) : series;
  if (scan === null) {
    return null;
  }
  const whole = dateTime(text(dose, "00181078"));
  if (whole !== null) {
    return scan - whole;
  }
  const clock = timeOfDay(text(dose, "00181072"));
  if (clock === null) {
    return null;
  }
  // The day of the injection is not said: that of the scan, or the day before when midnight lies between them.
  const waited = ((scan % DAY) - clock + DAY) % DAY;
  return waited < DAY / 2 ? waited : null;
}

/**
 * Seconds since an arbitrary midnight.
 * @param {string} date DA
 * @param {string} time TM
 * @returns {number | null}
 */
function moment(date, time) {
  const clock = timeOfDay(time);
  const day = /^(\d{4})(\d\d)(\d\d)$/.exec(date);
  return day && clock !== null ? Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3])) / 1000 + clock : null;
}

/**
 * Offsets from UTC are left out: series and injection bear the same one.
 * @param {string} value DT
 * @returns {number | null}
 */
function dateTime(value) {
  return moment(value.slice(0, 8), value.slice(8).replace(/[+-]\d{4}$/, ""));
}

/**
 * @param {string} time TM
 * @returns {number | null}
 */
function timeOfDay(time) {
  const [, hours, minutes = "0", seconds = "0"] = /^(\d\d)(\d\d)?(\d\d(?:\.\d+)?)?$/.exec(time) ?? [];
  return hours === undefined ? null : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/**
 * A private attribute by its creator (PS3.5 7.8.1).
 * @param {DataSet} dataSet
 * @param {string} of group
 * @param {string} creator
 * @param {string} element last two digits
 * @returns {string} empty where it is not there
 */
function privateText(dataSet, of, creator, element) {
  for (let block = 0x10; block <= 0xff; block++) {
    const digits = block.toString(16).toUpperCase();
    if (text(dataSet, `${of}00${digits}`) === creator) {
      return text(dataSet, `${of}${digits}${element}`);
    }
  }
  return "";
}

/**
 * @param {DataSet} dataSet
 * @param {string} of
 * @param {string} creator
 * @param {string} element
 */
function privateNumber(dataSet, of, creator, element) {
  const value = Number(privateText(dataSet, of, creator, element) || NaN);
  return Number.isFinite(value) && value > 0 ? value : 0;
}
