// What the beginning of a DICOM file says of whose and what it is (PS3.10 7), in whichever transfer syntax it is.

/**
 * @typedef {object} Header
 * @property {string} name as PS3.5 6.2.1 writes it
 * @property {string} birthDate YYYYMMDD
 * @property {string} date of the study, YYYYMMDD
 * @property {string} description of the study
 * @property {string} modality
 * @property {string} study Study Instance UID
 * @property {string} instance SOP Instance UID
 */

const ENOUGH = 64 * 1024;
const LONGEST_DIRECTORY = 64 * 1024 * 1024;
const REFERENCED_INSTANCE = 0x15110004;
const IMPLICIT = "1.2.840.10008.1.2";
const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);

/** @type {Record<string, string>} */
const WANTED = {
  "00080005": "charset",
  "00080018": "instance",
  "00080020": "date",
  "00080060": "modality",
  "00081030": "description",
  "00100010": "name",
  "00100030": "birthDate",
  "0020000D": "study",
};

/** @type {Record<string, string>} Encodings by Specific Character Set (PS3.3 C.12.1.1.2). */
const ENCODINGS = {
  ISO_IR_192: "utf-8",
  ISO_IR_100: "iso-8859-1",
  ISO_IR_101: "iso-8859-2",
  ISO_IR_109: "iso-8859-3",
  ISO_IR_110: "iso-8859-4",
  ISO_IR_144: "iso-8859-5",
  ISO_IR_127: "iso-8859-6",
  ISO_IR_126: "iso-8859-7",
  ISO_IR_138: "iso-8859-8",
  ISO_IR_148: "iso-8859-9",
  GB18030: "gb18030",
  GBK: "gbk",
};

/**
 * The header of a file; null for what is no DICOM file, or a DICOMDIR.
 * @param {Blob} file
 * @returns {Promise<Header | null>}
 */
export async function headerOf(file) {
  const view = new DataView(await file.slice(0, ENOUGH).arrayBuffer());
  if (view.byteLength < 136 || ascii(view, 128, 4) !== "DICM") {
    return null;
  }
  /** @type {Map<string, Uint8Array>} */
  const found = new Map();
  const { end, syntax, isDirectory } = meta(view);
  if (isDirectory) {
    return null;
  }
  walk(view, end, syntax !== IMPLICIT, (tag, bytes) => {
    const name = WANTED[tag];
    if (name) {
      found.set(name, bytes);
    }
    return tag <= "0020000D";
  });
  return worded(found);
}

/**
 * The SOP Instance UIDs that a DICOMDIR names (PS3.10 8.6); null for what is none.
 * @param {Blob} file
 * @returns {Promise<Set<string> | null>}
 */
export async function namedBy(file) {
  const head = new DataView(await file.slice(0, ENOUGH).arrayBuffer());
  if (head.byteLength < 136 || ascii(head, 128, 4) !== "DICM" || !meta(head).isDirectory) {
    return null;
  }
  const view = new DataView(await file.slice(0, LONGEST_DIRECTORY).arrayBuffer());
  /** @type {Set<string>} */
  const named = new Set();
  // By their tag (0004,1511), for there are discs whose records point to the wrong places.
  for (let at = 132; at + 8 <= view.byteLength; at += 2) {
    const length = view.getUint16(at + 6, true);
    if (view.getUint32(at, true) === REFERENCED_INSTANCE && ascii(view, at + 4, 2) === "UI" && at + 8 + length <= view.byteLength) {
      named.add(decoded(new Uint8Array(view.buffer, at + 8, length), "iso-8859-1"));
    }
  }
  return named;
}

/**
 * @param {Map<string, Uint8Array>} found
 * @returns {Header}
 */
function worded(found) {
  const charset = decoded(found.get("charset"), "iso-8859-1").split("\\")[0] ?? "";
  const encoding = ENCODINGS[charset.trim().replaceAll(" ", "_")] ?? "iso-8859-1";
  const text = (/** @type {string} */ name) => decoded(found.get(name), encoding);
  return {
    name: text("name"),
    birthDate: text("birthDate"),
    date: text("date"),
    description: text("description"),
    modality: text("modality"),
    study: text("study"),
    instance: text("instance"),
  };
}

/**
 * @param {Uint8Array | undefined} bytes
 * @param {string} encoding
 */
function decoded(bytes, encoding) {
  return bytes ? new TextDecoder(encoding).decode(bytes).replace(/[\0 ]+$/, "") : "";
}

/** @param {DataView} view */
function meta(view) {
  let syntax = "";
  let isDirectory = false;
  const end = walk(view, 132, true, (tag, bytes) => {
    if (tag === "00020010") {
      syntax = decoded(bytes, "iso-8859-1");
    }
    isDirectory ||= tag === "00020002" && decoded(bytes, "iso-8859-1") === "1.2.840.10008.1.3.10";
    return tag < "00030000";
  });
  return { end, syntax, isDirectory };
}

/**
 * Tell of each element until `tell` wants no more, or the bytes at hand end; returns where the last one begins.
 * @param {DataView} view
 * @param {number} at
 * @param {boolean} explicit
 * @param {(tag: string, bytes: Uint8Array) => boolean} tell
 */
function walk(view, at, explicit, tell) {
  while (at + 12 <= view.byteLength) {
    const tag = hex(view.getUint16(at, true)) + hex(view.getUint16(at + 2, true));
    const long = explicit && LONG.has(ascii(view, at + 4, 2));
    const begin = explicit ? at + (long ? 12 : 8) : at + 8;
    const length = !explicit || long ? view.getUint32(begin - 4, true) : view.getUint16(begin - 2, true);
    const end = begin + length;
    // An undefined length is that of a sequence, which nothing here needs.
    if (length === 0xffffffff || end > view.byteLength) {
      return at;
    }
    if (!tell(tag, new Uint8Array(view.buffer, begin, length))) {
      return at;
    }
    at = end;
  }
  return at;
}

/** @param {number} value */
function hex(value) {
  return value.toString(16).toUpperCase().padStart(4, "0");
}

/**
 * @param {DataView} view
 * @param {number} at
 * @param {number} length
 */
function ascii(view, at, length) {
  return String.fromCharCode(...new Uint8Array(view.buffer, at, length));
}
