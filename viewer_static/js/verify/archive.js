// Reads a ZIP archive whose files are stored as they are (ISO/IEC 21320-1, ZIP64), piece by piece from the disk.

/** @typedef {{name: string, offset: number, size: number}} Entry offset of its local header */

const END = 22;
const LONGEST_COMMENT = 65535;
const LARGE = 0xffffffff;

/** This is no archive, or none of ours. */
export class NoArchive extends Error {}

export class Archive {
  /**
   * @param {Blob} file
   * @param {Map<string, Entry>} entries
   */
  constructor(file, entries) {
    this.file = file;
    this.entries = entries;
  }

  /**
   * Read the directory. Raises NoArchive.
   * @param {Blob} file
   */
  static async open(file) {
    const { offset, size, count } = await directory(file);
    const view = await bytes(file, offset, size);
    /** @type {Map<string, Entry>} */
    const entries = new Map();
    let at = 0;
    for (let number = 0; number < count; number++) {
      need(at + 46 <= view.byteLength && view.getUint32(at, true) === 0x02014b50);
      const [name, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
      const entry = { ...fields(view, at, name ?? 0, extra ?? 0), name: text(view, at + 46, name ?? 0) };
      // Of two files of one name, programs differ in which they unpack.
      need(!entries.has(entry.name) && view.getUint16(at + 10, true) === 0);
      entries.set(entry.name, entry);
      at += 46 + (name ?? 0) + (extra ?? 0) + (comment ?? 0);
    }
    return new Archive(file, entries);
  }

  /**
   * The content of a file. Raises NoArchive.
   * @param {string} name
   */
  async content(name) {
    const entry = this.entries.get(name);
    need(entry);
    const { offset, size } = /** @type {Entry} */ (entry);
    const head = await bytes(this.file, offset, 30);
    need(head.getUint32(0, true) === 0x04034b50);
    const begin = offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
    need(begin + size <= this.file.size);
    return this.file.slice(begin, begin + size).arrayBuffer();
  }
}

/**
 * Where the central directory lies.
 * @param {Blob} file
 */
async function directory(file) {
  const begin = Math.max(file.size - END - LONGEST_COMMENT, 0);
  const tail = await bytes(file, begin, file.size - begin);
  let at = tail.byteLength - END;
  while (at >= 0 && tail.getUint32(at, true) !== 0x06054b50) {
    at -= 1;
  }
  need(at >= 0);
  const [count, size, offset] = [tail.getUint16(at + 10, true), tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
  if (count !== 0xffff && size !== LARGE && offset !== LARGE) {
    return { count, size, offset };
  }
  need(at >= 20 && tail.getUint32(at - 20, true) === 0x07064b50);
  const large = await bytes(file, number(tail, at - 12), 56);
  need(large.getUint32(0, true) === 0x06064b50);
  return { count: number(large, 32), size: number(large, 40), offset: number(large, 48) };
}

/**
 * Size and offset of an entry, which stand in the extra field where they are large.
 * @param {DataView} view
 * @param {number} at
 * @param {number} name
 * @param {number} extra
 */
function fields(view, at, name, extra) {
  let size = view.getUint32(at + 24, true);
  let offset = view.getUint32(at + 42, true);
  let place = at + 46 + name + 4;
  if ((size === LARGE || offset === LARGE) && extra >= 12 && view.getUint16(place - 4, true) === 1) {
    if (size === LARGE) {
      size = number(view, place);
      place += 16;
    }
    offset = offset === LARGE ? number(view, place) : offset;
  }
  return { size, offset };
}

/**
 * @param {Blob} file
 * @param {number} offset
 * @param {number} size
 */
async function bytes(file, offset, size) {
  need(offset >= 0 && offset + size <= file.size);
  return new DataView(await file.slice(offset, offset + size).arrayBuffer());
}

/**
 * @param {DataView} view
 * @param {number} at
 */
function number(view, at) {
  need(at + 8 <= view.byteLength);
  return Number(view.getBigUint64(at, true));
}

/**
 * @param {DataView} view
 * @param {number} at
 * @param {number} length
 */
function text(view, at, length) {
  need(at + length <= view.byteLength);
  return new TextDecoder().decode(new Uint8Array(view.buffer, at, length));
}

/** @param {unknown} holds */
function need(holds) {
  if (!holds) {
    throw new NoArchive();
  }
}
