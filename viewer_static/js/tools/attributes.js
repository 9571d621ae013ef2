// A data set (DICOM JSON model, PS3.18 F.2) as rows to be read and searched.

/** @typedef {import("../viewer/dicom.js").Attribute} Attribute */
/** @typedef {import("../viewer/dicom.js").DataSet} DataSet */
/** @typedef {import("../page.js").Texts} Texts */

/**
 * An attribute, or the beginning of an item of a sequence (without tag); `depth` is how far it is nested.
 * @typedef {{keyword: string, tag: string, vr: string, value: string, depth: number, text: string}} Row
 */

const LONGEST = 400;
const MOST_VALUES = 200;

/**
 * @param {DataSet} dataSet
 * @param {Record<string, string>} names keywords by tag; repeating groups as "60xx3000"
 * @param {Texts} t
 * @param {number} [depth]
 * @returns {Row[]} in the order of their tags, what is nested behind what it is nested in
 */
export function rowsOf(dataSet, names, t, depth = 0) {
  return Object.keys(dataSet).sort().flatMap((tag) => {
    const attribute = dataSet[tag] ?? {};
    const keyword = keywordOf(tag, dataSet, names, t);
    const own = row(keyword, `(${tag.slice(0, 4)},${tag.slice(4)})`, attribute.vr ?? "", valueOf(attribute, t), depth, tag);
    const items = attribute.vr === "SQ" ? attribute.Value ?? [] : [];
    const nested = items.flatMap((item, at) => [
      row(t("panes.item", { n: at + 1 }), "", "", "", depth + 1, ""),
      ...rowsOf(/** @type {DataSet} */ (item ?? {}), names, t, depth + 2),
    ]);
    return [own, ...nested];
  });
}

/**
 * Rows that hold the words, and those in which they are nested.
 * @param {Row[]} rows
 * @param {string} words
 * @returns {(Row & {hit: boolean})[]}
 */
export function sought(rows, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [];
  let inside = 0;
  for (const one of [...rows].reverse()) {
    const hit = wanted.every((word) => one.text.includes(word));
    if (hit || one.depth < inside) {
      inside = one.depth;
      found.push({ ...one, hit });
    }
  }
  return found.reverse();
}

/**
 * @param {string} keyword
 * @param {string} tag
 * @param {string} vr
 * @param {string} value
 * @param {number} depth
 * @param {string} plain the tag without signs
 * @returns {Row}
 */
function row(keyword, tag, vr, value, depth, plain) {
  return { keyword, tag, vr, value, depth, text: `${keyword} ${tag} ${plain} ${vr} ${value}`.toLowerCase() };
}

/**
 * A private attribute is called by its creator (PS3.5 7.8.1).
 * @param {string} tag
 * @param {DataSet} dataSet
 * @param {Record<string, string>} names
 * @param {Texts} t
 */
function keywordOf(tag, dataSet, names, t) {
  const known = names[tag] ?? names[`${tag.slice(0, 2)}xx${tag.slice(4)}`];
  if (known || parseInt(tag.slice(0, 4), 16) % 2 === 0) {
    return known ?? "";
  }
  const creator = dataSet[`${tag.slice(0, 4)}00${tag.slice(4, 6)}`]?.Value?.[0];
  return t(creator ? "panes.private_of" : "panes.private", { creator: String(creator ?? "") });
}

/**
 * @param {Attribute} attribute
 * @param {Texts} t
 */
function valueOf({ vr, Value: values = [], BulkDataURI: elsewhere, InlineBinary: binary }, t) {
  if (vr === "SQ") {
    return t("panes.items", { n: values.length });
  }
  if (elsewhere !== undefined || binary !== undefined) {
    return t("panes.binary");
  }
  const said = values.slice(0, MOST_VALUES).map(plain).join(" \\ ");
  return said.length > LONGEST || values.length > MOST_VALUES ? `${said.slice(0, LONGEST)} …` : said;
}

/**
 * A value, or the groups of a name (PS3.18 F.2.2).
 * @param {unknown} value
 */
function plain(value) {
  return value !== null && typeof value === "object" ? Object.values(value).join(" = ") : String(value ?? "");
}
