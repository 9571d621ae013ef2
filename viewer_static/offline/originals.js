// The DICOM files of the folder that the reader has chosen: frames with the values that were stored.

import { Cache } from "../js/viewer/cache.js";
import { describe } from "../js/viewer/dicom.js";
import { originalOf } from "./catalogue.js";
import { TooShort, parse } from "./part10.js";

/** @typedef {import("../js/viewer/dicom.js").DataSet} DataSet */
/** @typedef {import("../js/viewer/dicom.js").Description} Description */
/** @typedef {import("../js/viewer/render.js").Frame} Frame */
/** @typedef {import("./catalogue.js").Series} Series */

/** @typedef {{description: Description, dataSet: DataSet, frame: Frame, number: number}} Original */

const BUDGET = 128 << 20;
const HEAD = 1 << 18;

export class Originals {
  constructor() {
    /** @type {Map<string, File>} by path below the root of the archive */
    this.files = new Map();
    /** @type {Cache<Original | null>} */
    this.cache = new Cache(BUDGET);
  }

  get chosen() {
    return this.files.size > 0;
  }

  /**
   * Take the files of a folder, if it is the one of this archive.
   * @param {Iterable<File>} files
   * @param {string} example path of a file that must be there
   */
  choose(files, example) {
    /** @type {Map<string, File>} */
    const found = new Map();
    for (const file of files) {
      const path = /(?:^|\/)(DICOM\/ST\d{6}\/SE\d{6}\/IN\d{6})$/.exec(file.webkitRelativePath)?.[1];
      if (path) {
        found.set(path, file);
      }
    }
    if (!found.has(example)) {
      return false;
    }
    this.files = found;
    return true;
  }

  /**
   * What is in memory of an image: undefined when it was not read yet, null when only its picture can be shown.
   * @param {Series} series
   * @param {number} index from 0
   */
  at(series, index) {
    return this.cache.get(`${series.folder} ${index}`);
  }

  /**
   * @param {Series} series
   * @param {number} index from 0
   */
  async load(series, index) {
    const key = `${series.folder} ${index}`;
    if (!this.cache.has(key)) {
      const found = await this.read(series, index).catch(() => null);
      this.cache.set(key, found, found ? found.frame.samples.byteLength : 1);
    }
    return this.cache.get(key) ?? null;
  }

  /**
   * @param {Series} series
   * @param {number} index
   * @returns {Promise<Original | null>} null for what is no grey image, or another one than it should be
   */
  async read(series, index) {
    const wanted = originalOf(series, index);
    const file = wanted && this.files.get(wanted.path);
    if (!wanted || !file) {
      return null;
    }
    const { dataSet, pixels, pixelLength } = await beginning(file);
    const description = describe(dataSet, wanted.frame);
    const { rows, columns, bitsAllocated, raw } = description;
    const length = (rows * columns * bitsAllocated) / 8;
    const end = wanted.frame * length;
    if (dataSet["00080018"]?.Value?.[0] !== wanted.uid || !raw || !length || pixels < 0 || end > pixelLength) {
      return null;
    }
    const bytes = await file.slice(pixels + end - length, pixels + end).arrayBuffer();
    if (bytes.byteLength < length) {
      return null;
    }
    const samples = bitsAllocated === 8 ? new Uint8Array(bytes) : new Uint16Array(bytes);
    return { description, dataSet, frame: { samples, columns, rows }, number: wanted.frame };
  }
}

/**
 * What stands before the Pixel Data; most need a small part of the file for that.
 * @param {File} file
 */
async function beginning(file) {
  for (let size = HEAD; ; size *= 8) {
    try {
      return parse(await file.slice(0, size).arrayBuffer());
    } catch (problem) {
      if (!(problem instanceof TooShort) || size >= file.size) {
        throw problem;
      }
    }
  }
}
