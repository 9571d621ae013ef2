// Is an archive as it left the house? The browser compares every file with the signed manifest; nothing is sent.

import { element, texts } from "../page.js";
import { Archive, NoArchive } from "./archive.js";

/** @typedef {{site: string, made: string, files: Record<string, string>}} Manifest */
/** @typedef {{site: string, made: string, intact: number, changed: string[], missing: string[], added: string[]}} Verdict */

const MANIFEST = "MANIFEST.JSN";
const SIGNATURE = "MANIFEST.SIG";
const SHOWN = 20;
// Reading a small file from a disk is mostly waiting.
const AT_ONCE = 8;

/** Why nothing can be told; the message is the key of a text. */
class Unknown extends Error {}

const t = await texts();
const root = element("verify", HTMLElement);
const chosen = element("archive", HTMLInputElement);
const progress = element("progress", HTMLProgressElement);
const verdict = element("verdict", HTMLElement);

/** @param {Blob} file */
async function check(file) {
  const archive = await Archive.open(file);
  const manifest = await signed(archive);
  /** @type {Verdict} */
  const found = { site: manifest.site, made: manifest.made, intact: 0, changed: [], missing: [], added: [] };
  const names = Object.keys(manifest.files);
  const left = names.values();
  const compare = async () => {
    for (const name of left) {
      if (!archive.entries.has(name)) {
        found.missing.push(name);
      } else if (hex(await crypto.subtle.digest("SHA-256", await archive.content(name))) === manifest.files[name]) {
        found.intact += 1;
      } else {
        found.changed.push(name);
      }
      progress.value = (found.intact + found.changed.length + found.missing.length) / names.length;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, compare));
  found.changed.sort();
  const listed = new Set([...names, MANIFEST, SIGNATURE]);
  found.added = [...archive.entries.keys()].filter((name) => !listed.has(name));
  return found;
}

/**
 * The manifest, if the signature of this house is under it.
 * @param {Archive} archive
 * @returns {Promise<Manifest>}
 */
async function signed(archive) {
  if (!archive.entries.has(MANIFEST) || !archive.entries.has(SIGNATURE)) {
    throw new Unknown("no_manifest");
  }
  const [content, signature] = [await archive.content(MANIFEST), await archive.content(SIGNATURE)];
  const key = await publicKey().catch(() => {
    throw new Unknown("no_crypto");
  });
  const given = decoded(new TextDecoder().decode(signature));
  if (!given || !(await crypto.subtle.verify("Ed25519", key, given, content))) {
    throw new Unknown("wrong_signature");
  }
  return JSON.parse(new TextDecoder().decode(content));
}

async function publicKey() {
  const pem = (root.dataset["key"] ?? "").replace(/-----[A-Z ]+-----/g, "");
  return crypto.subtle.importKey("spki", decoded(pem) ?? new Uint8Array(), "Ed25519", false, ["verify"]);
}

/**
 * @param {string} base64
 * @returns {Uint8Array<ArrayBuffer> | null}
 */
function decoded(base64) {
  try {
    return Uint8Array.from(atob(base64.replace(/\s/g, "")), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

/** @param {ArrayBuffer} digest */
function hex(digest) {
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} state "genuine", "changed" or "unknown"
 * @param {string} title
 * @param {string[]} sentences
 */
function say(state, title, sentences) {
  const heading = document.createElement("h2");
  heading.textContent = title;
  const lines = sentences.map((sentence) => {
    const line = document.createElement("p");
    line.textContent = sentence;
    return line;
  });
  verdict.replaceChildren(heading, ...lines);
  verdict.dataset["state"] = state;
}

/** @param {Verdict} found */
function tell(found) {
  const changes = [
    ...found.changed.map((name) => t("verify.changed", { name })),
    ...found.missing.map((name) => t("verify.missing", { name })),
    ...found.added.map((name) => t("verify.added", { name })),
  ];
  const shown = changes.slice(0, SHOWN);
  if (changes.length > SHOWN) {
    shown.push(t("verify.more", { n: changes.length - SHOWN }));
  }
  if (found.changed.length || found.missing.length) {
    say("changed", t("verify.not_genuine"), shown);
  } else {
    const where = t("verify.genuine_text", { site: found.site, date: found.made, n: found.intact });
    say("genuine", t("verify.genuine"), [where, ...shown]);
  }
}

chosen.addEventListener("change", async () => {
  const [file] = chosen.files ?? [];
  if (!file) {
    return;
  }
  verdict.replaceChildren();
  verdict.dataset["state"] = "";
  progress.hidden = false;
  try {
    tell(await check(file));
  } catch (problem) {
    const key = problem instanceof Unknown ? problem.message : "no_archive";
    if (!(problem instanceof Unknown || problem instanceof NoArchive || problem instanceof DOMException)) {
      throw problem;
    }
    say("unknown", t("verify.unknown"), [t(`verify.${key}`)]);
  } finally {
    progress.hidden = true;
    chosen.value = "";
  }
});
element("choose", HTMLElement).hidden = false;
