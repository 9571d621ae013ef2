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
const BIG_ENDIAN = "1.2.840.10008.1.2.2";
const DEFLATED = "1.2.840.10008.1.2.1.99";
const UNDEFINED = 0xffffffff;
const ITEM_ENDS = "FFFEE00D";
const SEQUENCE_ENDS = "FFFEE0DD";
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
  const inflated = syntax === DEFLATED ? await inflate(file.slice(end)) : null;
  const [data, begin] = inflated ? [inflated, 0] : [view, end];
  // There are files that say explicit VR and are not.
  const explicit = syntax !== IMPLICIT && data.byteLength >= begin + 6 && /^[A-Z]{2}$/.test(ascii(data, begin + 4, 2));
  new Elements(data, explicit, syntax !== BIG_ENDIAN).walk(begin, (tag, bytes) => {
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
  const end = new Elements(view, true, true).walk(132, (tag, bytes) => {
    if (tag === "00020010") {
      syntax = decoded(bytes, "iso-8859-1");
    }
    isDirectory ||= tag === "00020002" && decoded(bytes, "iso-8859-1") === "1.2.840.10008.1.3.10";
    return tag < "00030000";
  });
  return { end, syntax, isDirectory };
}

/**
 * The beginning of a deflated data set (PS3.5 A.5), as far as it goes.
 * @param {Blob} file
 */
async function inflate(file) {
  const bytes = new Uint8Array(ENOUGH);
  let length = 0;
  const reader = file.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  // What is damaged, or followed by padding, ends with an error.
  for (let piece = await reader.read().catch(() => null); piece?.value; piece = await reader.read().catch(() => null)) {
    const fits = piece.value.subarray(0, ENOUGH - length);
    bytes.set(fits, length);
    length += fits.length;
    if (length === ENOUGH) {
      await reader.cancel();
      break;
    }
  }
  return new DataView(bytes.buffer, 0, length);
}

/** The elements of a data set (PS3.5 7), of which the end may be missing. */
class Elements {
  /**
   * @param {DataView} view
   * @param {boolean} explicit
   * @param {boolean} little
   */
  constructor(view, explicit, little) {
    this.view = view;
    this.explicit = explicit;
    this.little = little;
  }

  /**
   * Tell of each element until `tell` wants no more, or the bytes at hand end; returns where the last one begins.
   * @param {number} at
   * @param {(tag: string, bytes: Uint8Array) => boolean} tell
   */
  walk(at, tell) {
    while (at + 12 <= this.view.byteLength) {
      const { tag, begin, length, isUnknown } = this.head(at);
      const end = length === UNDEFINED ? this.behind(begin, isUnknown) : begin + length;
      if (end > this.view.byteLength || !tell(tag, new Uint8Array(this.view.buffer, begin, end - begin))) {
        return at;
      }
      at = end;
    }
    return at;
  }

  /**
   * @param {number} at
   */
  head(at) {
    const { view, little } = this;
    const tag = hex(view.getUint16(at, little)) + hex(view.getUint16(at + 2, little));
    // Items and delimiters have no VR (PS3.5 7.5).
    const vr = this.explicit && !tag.startsWith("FFFE") ? ascii(view, at + 4, 2) : "";
    const begin = LONG.has(vr) ? at + 12 : at + 8;
    if (begin > view.byteLength) {
      return { tag, begin, length: 0, isUnknown: false };
    }
    const length = vr && !LONG.has(vr) ? view.getUint16(begin - 2, little) : view.getUint32(begin - 4, little);
    return { tag, begin, length, isUnknown: vr === "UN" };
  }

  /**
   * Where a sequence of undefined length ends, whatever is nested in it.
   * @param {number} at
   * @param {boolean} isUnknown of VR UN, within which everything has implicit VR (PS3.5 6.2.2)
   * @returns {number}
   */
  behind(at, isUnknown) {
    if (isUnknown) {
      return new Elements(this.view, false, true).behind(at, false);
    }
    for (let open = 1; open > 0; ) {
      if (at + 8 > this.view.byteLength) {
        return Infinity;
      }
      const { tag, begin, length, isUnknown: inner } = this.head(at);
      if (tag === ITEM_ENDS || tag === SEQUENCE_ENDS) {
        open -= 1;
        at = begin;
      } else if (length !== UNDEFINED) {
        at = begin + length;
      } else if (inner) {
        at = this.behind(begin, true);
      } else {
        open += 1;
        at = begin;
      }
    }
    return at;
  }
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
