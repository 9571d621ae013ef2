// The page on which files are chosen and sent: whose and what images they are is told before anything leaves.

import { element, texts } from "../page.js";
import { headerOf, namedBy } from "./header.js";
import { Refused, Transfer } from "./transfer.js";

/** @typedef {import("./header.js").Header} Header */

/**
 * @typedef {object} Found
 * @property {File} file
 * @property {string} path with the folders in which it lay, where the browser tells
 */

const AT_ONCE = 3;
const MOST_TOLD = 20;
const TELL_EVERY = 1000; // milliseconds

const root = element("sending", HTMLElement);
const [t, words] = await Promise.all([texts(), texts(root.dataset["words"])]);

class Sending {
  constructor() {
    /** @type {Map<string, Found>} By what they are: chosen twice is sent once. */
    this.chosen = new Map();
    /** @type {Set<string>} Instances that a DICOMDIR names. */
    this.named = new Set();
    /** @type {Set<string>} Instances that were chosen. */
    this.instances = new Set();
    /** @type {Map<string, {header: Header, count: number}>} */
    this.studies = new Map();
    this.archives = 0;
    this.skipped = 0;
    this.sent = 0;
    this.total = 0;
    this.began = 0;
    this.waiting = false;
    this.button = element("send", HTMLButtonElement);
  }

  begin() {
    element("plain", HTMLElement).hidden = true;
    element("chooser", HTMLElement).hidden = false;
    for (const id of ["files", "folder"]) {
      const input = element(id, HTMLInputElement);
      input.addEventListener("change", () => void this.choose([...(input.files ?? [])].map(found)));
    }
    const drop = element("drop", HTMLElement);
    drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      void dropped(event.dataTransfer).then((files) => this.choose(files));
    });
    this.button.addEventListener("click", () => void this.send());
    // The address leads back here, also after the browser was closed; the secret stays out of what servers see.
    history.replaceState(null, "", `/u/sending#${root.dataset["secret"] ?? ""}`);
  }

  /** @param {Found[]} files */
  async choose(files) {
    let told = performance.now();
    for (const [n, one] of files.entries()) {
      if (performance.now() > told + TELL_EVERY) {
        element("found", HTMLElement).textContent = t("upload.looking", { n, of: files.length });
        told = performance.now();
      }
      await this.look(one);
    }
    this.tell();
  }

  /** @param {Found} one */
  async look(one) {
    const { file, path } = one;
    const header = await headerOf(file).catch(() => null);
    // Slices in several folders are often alike in name, size and moment, so an image is known by its own identifier.
    const key = header?.instance ? `${header.instance} ${file.size}` : `${path} ${file.size} ${file.lastModified}`;
    if (this.chosen.has(key)) {
      return;
    }
    if (header) {
      const study = this.studies.get(header.study) ?? { header, count: 0 };
      study.count += 1;
      this.studies.set(header.study, study);
      this.instances.add(header.instance);
    } else if (await isArchive(file)) {
      this.archives += 1;
    } else {
      const named = await namedBy(file);
      if (!named) {
        this.skipped += 1;
        return;
      }
      named.forEach((instance) => this.named.add(instance));
    }
    this.chosen.set(key, one);
    this.total += file.size;
  }

  tell() {
    const list = document.createElement("ul");
    for (const { header, count } of [...this.studies.values()].slice(0, MOST_TOLD)) {
      const row = document.createElement("li");
      const what = [kind(header.modality), apart(header.description), day(header.date)].filter(Boolean).join(", ");
      row.textContent = t("upload.found_study", { name: spoken(header.name) || t("upload.no_name"), what, n: count });
      list.append(row);
    }
    const lines = [
      ...(this.archives ? [t("upload.found_archives", { n: this.archives })] : []),
      ...(this.skipped ? [t("upload.found_skipped", { n: this.skipped })] : []),
      ...(this.chosen.size + this.skipped > 0 ? [] : [t("upload.found_nothing")]),
    ];
    for (const line of lines) {
      const row = document.createElement("li");
      row.textContent = line;
      list.append(row);
    }
    element("found", HTMLElement).replaceChildren(list);
    this.warn();
    this.miss();
    this.button.disabled = this.studies.size + this.archives === 0;
  }

  // Who takes only some files of a disc along seldom knows that there are more. What lies in an archive is not seen here.
  miss() {
    const missed = [...this.named].filter((instance) => !this.instances.has(instance)).length;
    const missing = element("missing", HTMLElement);
    missing.hidden = missed === 0 || this.archives > 0;
    element("missing-text", HTMLElement).textContent = t("upload.missing_text", { n: missed, of: this.named.size });
  }

  // Somebody else's images are sent by mistake most often from a CD that lay on top.
  warn() {
    const { name = "", birthDate = "" } = root.dataset;
    const others = [...this.studies.values()].filter(
      ({ header }) => (header.birthDate && header.birthDate !== birthDate) || !isSame(header.name, name),
    );
    const warning = element("warning", HTMLElement);
    warning.hidden = others.length === 0;
    const whose = others.map(({ header }) => [spoken(header.name) || t("upload.no_name"), day(header.birthDate)].filter(Boolean).join(", "));
    element("warning-text", HTMLElement).textContent = t("upload.other_person_text", { whose: [...new Set(whose)].join("; ") });
  }

  async send() {
    this.button.disabled = true;
    element("progress", HTMLElement).hidden = false;
    this.began = Date.now();
    const waiting = [...this.chosen.values()];
    const senders = Array.from({ length: AT_ONCE }, async () => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        await this.one(file);
      }
    });
    // Nobody closes the page by mistake while something is on its way.
    const stay = (/** @type {Event} */ event) => event.preventDefault();
    addEventListener("beforeunload", stay);
    await Promise.all(senders);
    removeEventListener("beforeunload", stay);
    if (element("troubles", HTMLElement).childElementCount === 0 || this.sent > 0) {
      element("finish", HTMLFormElement).submit();
    }
  }

  /** @param {Found} found */
  async one({ file, path }) {
    const transfer = new Transfer(
      root.dataset["secret"] ?? "",
      (bytes) => {
        this.sent += bytes;
        this.progress();
      },
      (waiting) => {
        this.waiting = waiting;
        this.progress();
      },
    );
    try {
      await transfer.send(file, path);
    } catch (problem) {
      if (!(problem instanceof Refused)) {
        throw problem;
      }
      const row = document.createElement("li");
      row.textContent = t("upload.not_taken", { name: path });
      element("troubles", HTMLElement).append(row);
    }
  }

  progress() {
    const part = this.total ? this.sent / this.total : 1;
    element("bar", HTMLProgressElement).value = part;
    const seconds = part > 0.02 ? ((Date.now() - this.began) / 1000) * (1 / part - 1) : 0;
    const left = seconds > 90 ? t("upload.minutes_left", { n: Math.round(seconds / 60) }) : seconds > 0 ? t("upload.soon") : "";
    const percent = t("upload.percent", { n: Math.floor(part * 100) });
    element("progress-text", HTMLElement).textContent = this.waiting ? t("upload.offline") : `${percent} ${left}`;
  }
}

/** @param {Blob} file */
async function isArchive(file) {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4;
}

/**
 * @param {File} file
 * @returns {Found}
 */
function found(file) {
  return { file, path: file.webkitRelativePath || file.name };
}

/**
 * All files of what was dropped, also below folders.
 * @param {DataTransfer | null} transfer
 * @returns {Promise<Found[]>}
 */
async function dropped(transfer) {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  /** @type {Found[]} */
  const files = [];
  for (let entry = entries.shift(); entry; entry = entries.shift()) {
    if (entry.isFile) {
      const own = /** @type {FileSystemFileEntry} */ (entry);
      /** @type {File} */
      const file = await new Promise((done, failed) => own.file(done, failed));
      files.push({ file, path: entry.fullPath.slice(1) });
    } else {
      const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
      for (;;) {
        /** @type {FileSystemEntry[]} */
        const some = await new Promise((done, failed) => reader.readEntries(done, failed));
        if (!some.length) {
          break;
        }
        entries.push(...some);
      }
    }
  }
  return files;
}

/** @param {string} name */
function spoken(name) {
  const [family = "", given = ""] = (name.split("=")[0] ?? "").split("^");
  return apart(`${given} ${family}`.trim());
}

/**
 * Foreign words keep to themselves which way they run, whatever stands around them (UAX 9, isolates).
 * @param {string} text
 */
function apart(text) {
  return text && `\u2068${text}\u2069`;
}

/**
 * The modality by its plain name, or a word for all those that have none.
 * @param {string} modality
 */
function kind(modality) {
  const key = `modality.${modality}`;
  const name = words(key);
  return name === key ? words("modality.other") : name;
}

/**
 * A date as the reader writes it; what is none stays as it came.
 * @param {string} date YYYYMMDD
 */
function day(date) {
  const [year, month, day] = [Number(date.slice(0, 4)), Number(date.slice(4, 6)), Number(date.slice(6))];
  const moment = new Date(Date.UTC(year, month - 1, day));
  if (!/^\d{8}$/.test(date) || moment.getUTCDate() !== day || moment.getUTCMonth() !== month - 1) {
    return date;
  }
  const habits = `${root.dataset["habits"]}-u-nu-latn-ca-gregory`;
  return moment.toLocaleDateString(habits, { dateStyle: "long", timeZone: "UTC" });
}

/**
 * Whether every word of the shorter of two names is one of the other: "Muster^Erika" and "Erika Muster".
 * @param {string} one
 * @param {string} other
 */
function isSame(one, other) {
  const [few = [], many = []] = [partsOf(one), partsOf(other)].sort((a, b) => a.length - b.length);
  return few.every((word) => many.includes(word));
}

/** @param {string} name */
function partsOf(name) {
  const plain = name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ß", "ss");
  return plain.replace(/[aou]e/g, (pair) => pair.charAt(0)).split(/[^\p{L}]+/u).filter(Boolean);
}

new Sending().begin();
