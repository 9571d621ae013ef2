// What keys do on the stage. Input acts by this table and the help is written from it, so it tells what is so.

/** @typedef {import("./input.js").Actions} Actions */

/**
 * @typedef {object} Key
 * @property {string[]} keys by the names of KeyboardEvent.key
 * @property {string} text what it does: keyboard.{text} of the room keyboard
 * @property {(actions: Actions) => void} act
 * @property {boolean} [anywhere] also when the focus is elsewhere on the page; never single characters (WCAG 2.1.4)
 * @property {boolean} [once] a key that is held down acts once
 * @property {(actions: Actions) => boolean} [possible] whether it does anything with what is shown now
 */

/** @type {Key[]} */
export const KEYS = [
  { keys: ["ArrowDown", "ArrowRight"], text: "next", act: ({ step }) => step(1), anywhere: true },
  { keys: ["ArrowUp", "ArrowLeft"], text: "previous", act: ({ step }) => step(-1), anywhere: true },
  { keys: ["PageDown"], text: "forward", act: ({ step }) => step(10), anywhere: true },
  { keys: ["PageUp"], text: "back", act: ({ step }) => step(-10), anywhere: true },
  { keys: ["Home"], text: "first", act: ({ edge }) => edge(false), anywhere: true },
  { keys: ["End"], text: "last", act: ({ edge }) => edge(true), anywhere: true },
  { keys: ["+", "="], text: "larger", act: ({ zoom }) => zoom(1.25) },
  { keys: ["-"], text: "smaller", act: ({ zoom }) => zoom(0.8) },
  { keys: ["0", "Escape"], text: "reset", act: ({ reset }) => reset() },
  {
    keys: [" "],
    text: "film",
    act: ({ film }) => film()?.toggle(),
    once: true,
    possible: ({ film }) => film() !== null,
  },
  { keys: ["?"], text: "help", act: ({ help }) => help?.(), once: true, possible: ({ help }) => help !== null },
];

const TURNED = new Map([
  ["ArrowLeft", "ArrowRight"],
  ["ArrowRight", "ArrowLeft"],
]);

/**
 * The key of the table for a key of the keyboard, and the other way round: on a page that is read from the right, what
 * comes next lies on the left.
 * @param {string} key
 */
export function inReading(key) {
  return (document.documentElement.dir === "rtl" && TURNED.get(key)) || key;
}
