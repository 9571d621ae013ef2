// The access code's check character, as auth/codes.py computes it: 16 characters of Crockford's base32, taken as a
// polynomial over GF(32) that has a zero at x.

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH = 16;

/**
 * The characters of a typed code without separators, lookalikes replaced.
 * @param {string} text
 */
export function characters(text) {
  return text
    .normalize("NFKC")
    .toUpperCase()
    .replace(/[\p{Pd}\p{Z}\p{Cc}\p{Cf}._,:;/'"]/gu, "")
    .replace(/O/g, "0")
    .replace(/[IL]/g, "1")
    // The digits of Arabic and Persian keyboards end in the four bits of theirs.
    .replace(/[\u0660-\u0669\u06F0-\u06F9]/g, (digit) => String(digit.charCodeAt(0) & 15));
}

/**
 * Characters in four groups, as they are printed.
 * @param {string} bare
 */
export function grouped(bare) {
  return (bare.match(/.{1,4}/gu) ?? []).join("-");
}

/**
 * How a typed code is so far: "more" with the number of missing characters, or what else is the matter.
 * @param {string} text
 * @returns {{state: "empty" | "more" | "good" | "typo" | "long", missing: number}}
 */
export function judge(text) {
  const bare = characters(text);
  const missing = Math.max(LENGTH - bare.length, 0);
  if (!bare) {
    return { state: "empty", missing };
  }
  if ([...bare].some((character) => !ALPHABET.includes(character))) {
    return { state: "typo", missing };
  }
  if (missing) {
    return { state: "more", missing };
  }
  if (bare.length > LENGTH) {
    return { state: "long", missing };
  }
  return { state: remainder(bare) ? "typo" : "good", missing };
}

/** @param {string} bare */
function remainder(bare) {
  let result = 0;
  for (const character of bare) {
    const doubled = result << 1;
    result = (doubled & 32 ? doubled ^ 0b100101 : doubled) ^ ALPHABET.indexOf(character);
  }
  return result;
}
