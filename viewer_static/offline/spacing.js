// How far apart the pixels of a frame are (PS3.3 10.7).

/** @typedef {import("../js/viewer/dicom.js").DataSet} DataSet */

/** @typedef {{across: number, down: number, detector: boolean}} Spacing millimetres; in the plane of the detector or in the patient */

/**
 * @param {DataSet} dataSet
 * @param {number} frame from 1
 * @returns {Spacing | null} null where nothing says it
 */
export function spacing(dataSet, frame) {
  const shared = item(dataSet, "52009229", 0);
  const own = item(dataSet, "52009230", frame - 1);
  for (const measures of [own, shared].map((groups) => groups && item(groups, "00289110", 0))) {
    const found = measures && pair(measures, "00280030");
    if (found) {
      return { ...found, detector: false };
    }
  }
  const inPatient = pair(dataSet, "00280030");
  const onDetector = pair(dataSet, "00181164");
  return inPatient ? { ...inPatient, detector: false } : onDetector && { ...onDetector, detector: true };
}

/**
 * @param {DataSet} dataSet
 * @param {string} tag
 * @param {number} number from 0
 * @returns {DataSet | undefined}
 */
function item(dataSet, tag, number) {
  return /** @type {DataSet[]} */ (dataSet[tag]?.Value ?? [])[number];
}

/**
 * @param {DataSet} dataSet
 * @param {string} tag
 */
function pair(dataSet, tag) {
  const [down = 0, across = 0] = (dataSet[tag]?.Value ?? []).map(Number);
  return down > 0 && across > 0 ? { across, down } : null;
}
