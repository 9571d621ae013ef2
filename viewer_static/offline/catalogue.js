// What the archive holds, and the texts of the page: both stand in a block of JSON on the page.

/** @typedef {Record<string, string>} Words a text in each language */
/** @typedef {{title: string, items: [number, boolean, string, string][]}} Report items: depth, heading or not, name, text */
/** @typedef {{href: string, kind: "pdf" | "video"}} Link */

/**
 * @typedef {object} Series
 * @property {Words} name
 * @property {string} modality
 * @property {string} folder below IHE_PDI and below DICOM
 * @property {number} total pictures
 * @property {[string, number, string][]} images file, frames and SOP Instance UID of each instance
 * @property {number[]} missing pictures, from 1, that could not be drawn
 * @property {Report[]} reports
 * @property {Link[]} links
 */

/** @typedef {{title: Words, date: Words, detail: Words, series: Series[]}} Study */

/**
 * @typedef {object} Data
 * @property {string} language
 * @property {Record<string, {name: string, direction: string}>} languages
 * @property {Record<string, Record<string, string>>} texts
 * @property {string} site
 * @property {string} contact
 * @property {string} made YYYY-MM-DD
 * @property {string} person
 * @property {Study[]} studies
 */

export class Catalogue {
  /** @param {Data} data */
  constructor(data) {
    this.data = data;
    const [wanted = ""] = navigator.language.toLowerCase().split("-");
    this.language = wanted in data.languages ? wanted : data.language;
  }

  get direction() {
    return this.data.languages[this.language]?.direction ?? "ltr";
  }

  /** The language for figures and dates, in the digits that stand in the texts and on the images. */
  get figures() {
    return `${this.language}-u-nu-latn`;
  }

  /**
   * @param {string} key without the name of the room
   * @param {Record<string, string | number>} [values]
   */
  t(key, values = {}) {
    const sentence = this.data.texts[this.language]?.[`offline.${key}`] ?? key;
    return sentence.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
  }

  /** @param {Words} words */
  say(words) {
    return words[this.language] ?? Object.values(words)[0] ?? "";
  }

  /** @param {Study} study */
  headline(study) {
    return [this.say(study.title), this.say(study.date)].join(", ");
  }

  /** @param {number} count */
  images(count) {
    return count === 0 ? this.t("no_images") : count === 1 ? this.t("images_one") : this.t("images", { n: count });
  }

  get made() {
    const [year = 0, month = 1, day = 1] = this.data.made.split("-").map(Number);
    const date = new Date(year, month - 1, day);
    return date.toLocaleDateString(this.figures, { day: "numeric", month: "long", year: "numeric" });
  }
}

/**
 * Where the picture of an image of a series lies.
 * @param {Series} series
 * @param {number} index from 0
 */
export function pictureOf(series, index) {
  return `IHE_PDI/${series.folder}/${String(index + 1).padStart(8, "0")}.JPG`;
}

/**
 * Which instance holds an image of a series: its file below the root of the archive, and which of its frames it is.
 * @param {Series} series
 * @param {number} index from 0
 */
export function originalOf(series, index) {
  let before = 0;
  for (const [file, frames, uid] of series.images) {
    if (index < before + frames) {
      return { path: `DICOM/${series.folder}/${file}`, frame: index - before + 1, uid };
    }
    before += frames;
  }
  return null;
}
