// Windows by plain names.

/** @type {Record<string, import("./dicom.js").Window>} In Hounsfield units, so for CT only. */
export const CT = {
  soft: { center: 40, width: 400, shape: "LINEAR" },
  lung: { center: -600, width: 1500, shape: "LINEAR" },
  bone: { center: 400, width: 1800, shape: "LINEAR" },
  brain: { center: 40, width: 80, shape: "LINEAR" },
};
