// Films: multi-frame images at the speed that the data set names, other series at an even one. Only what is there is
// shown; where the line is slower than the film, the film waits and says so.

import { number, numbers } from "./dicom.js";
import { iconButton, make } from "./markup.js";

/** @typedef {import("./dicom.js").DataSet} DataSet */
/** @typedef {import("./pane.js").Pane} Pane */

const UNKNOWN = 100;
const SHORTEST = 10;
const LONGEST = 3000;
const AT_LEAST = 8;
const SPEEDS = [0.25, 0.5, 1, 2];
const PLAY = "M7 4.500v15l12-7.500z";
const PAUSE = "M8 5v14M16 5v14";

/**
 * How long a frame stays, in ms: by Recommended Display Frame Rate or Cine Rate, else by Frame Time Vector or Frame Time
 * (PS3.3 C.7.6.5).
 * @param {DataSet | undefined} dataSet
 * @param {number} frame from 1
 * @returns {number | null} null when the data set does not say
 */
export function frameTime(dataSet, frame) {
  if (!dataSet) {
    return null;
  }
  const rate = number(dataSet, "00082144") || number(dataSet, "00180040") || 0;
  // The vector says how long after the frame before it each frame was made.
  const vector = numbers(dataSet, "00181065");
  const time = rate > 0 ? 1000 / rate : vector[frame] || vector[1] || number(dataSet, "00181063") || 0;
  return time > 0 ? Math.min(Math.max(time, SHORTEST), LONGEST) : null;
}

export class Cine {
  /**
   * @param {Pane} pane
   * @param {import("../page.js").Texts} t
   */
  constructor(pane, t) {
    this.pane = pane;
    this.stack = pane.stack;
    this.t = t;
    this.since = 0;
    this.waiting = false;
    this.speed = 1;
    this.loop = true;
    this.button = iconButton(PLAY, t("kinds.play"));
    this.tempo = this.speeds();
    this.again = make("button", { type: "button", "aria-pressed": "true" }, t("kinds.loop"));
    this.state = make("p", { class: "hint", role: "status", "data-part": "cine-state" });
    this.place();
    this.tell();
    pane.film = this;
    pane.addEventListener("change", () => this.tell());
  }

  place() {
    const tempo = make("label", {}, make("span", {}, this.t("kinds.speed")), this.tempo);
    const bar = make("div", { class: "cine", role: "group", "aria-label": this.t("kinds.film"), "data-part": "cine" });
    this.button.classList.add("play");
    bar.append(this.button, tempo, this.again, this.state);
    this.pane.section.querySelector(".browse")?.after(bar);
    this.button.addEventListener("click", () => this.toggle());
    this.again.addEventListener("click", () => this.setLoop(!this.loop));
    this.tempo.addEventListener("change", () => {
      this.speed = Number(this.tempo.value);
      this.tell();
    });
  }

  speeds() {
    const select = make("select");
    for (const speed of SPEEDS) {
      const option = make("option", { value: String(speed) }, this.t(`kinds.speed_${speed}`));
      option.selected = speed === 1;
      select.append(option);
    }
    return select;
  }

  get playing() {
    return this.stack.playing !== null;
  }

  toggle() {
    this.playing ? this.pause() : this.play();
  }

  // The frames of one instance are a film; a series of single images is one too.
  play() {
    const { source, index, total } = this.stack;
    const span = source.span(index);
    const alone = !span || span.first === span.last;
    const { first, last } = alone ? { first: 0, last: total - 1 } : span;
    this.waiting = false;
    this.stack.play({ first, last, loop: this.loop });
    if (index === last) {
      this.stack.go(first);
    }
    this.since = performance.now();
    requestAnimationFrame((now) => this.tick(now));
    this.tell();
  }

  pause() {
    this.waiting = false;
    this.stack.play(null);
    this.tell();
  }

  /** @param {boolean} on */
  setLoop(on) {
    this.loop = on;
    this.again.setAttribute("aria-pressed", String(on));
    if (this.stack.playing) {
      this.stack.play({ ...this.stack.playing, loop: on });
    }
  }

  /** What can be shown of the images to come. */
  coming() {
    return this.stack.coming().filter((at) => !this.stack.refused.has(this.stack.previewKey(at)));
  }

  duration() {
    const { source, index } = this.stack;
    return (frameTime(source.dataSet(index), source.image(index)?.frame ?? 1) ?? UNKNOWN) / this.speed;
  }

  /** @param {number} now */
  tick(now) {
    if (!this.playing) {
      return;
    }
    const coming = this.coming();
    if (coming.length === 0) {
      this.pause();
      return;
    }
    if (this.waiting) {
      this.buffer(coming, now);
    } else {
      this.advance(coming, now);
    }
    requestAnimationFrame((later) => this.tick(later));
  }

  /**
   * @param {number[]} coming
   * @param {number} now
   */
  advance(coming, now) {
    let next = -1;
    for (const at of coming) {
      const duration = this.duration();
      if (now - this.since < duration) {
        break;
      }
      if (!this.stack.isThere(at)) {
        this.waiting = true;
        this.tell();
        break;
      }
      next = at;
      // A slow device leaves images out rather than time.
      this.since = now - this.since > 5 * duration ? now : this.since + duration;
    }
    if (next >= 0) {
      this.stack.go(next);
    }
  }

  /**
   * @param {number[]} coming
   * @param {number} now
   */
  buffer(coming, now) {
    const first = coming.slice(0, AT_LEAST);
    if (first.every((at) => this.stack.isThere(at))) {
      this.waiting = false;
      this.since = now - this.duration();
      this.tell();
    }
  }

  tell() {
    const { t, playing, button } = this;
    this.waiting &&= playing;
    button.querySelector("path")?.setAttribute("d", playing ? PAUSE : PLAY);
    const name = button.querySelector("span");
    if (name) {
      name.textContent = t(playing ? "kinds.pause" : "kinds.play");
    }
    const rate = Math.round(10000 / this.duration()) / 10;
    const key = this.waiting ? "kinds.buffering" : "kinds.rate";
    const said = t(key, { n: rate.toLocaleString(`${document.documentElement.lang}-u-nu-latn`) });
    // What is written again is spoken again.
    if (this.state.textContent !== said) {
      this.state.textContent = said;
    }
    this.pane.stage.dataset["playing"] = this.waiting ? "waiting" : playing ? "yes" : "no";
  }
}

/**
 * Whether an image is a film by what it says of itself, and nobody asked for less movement or for less data.
 * @param {Pane} pane
 */
export function startsByItself({ asked, stack: { source, index } }) {
  const span = source.span(index);
  const film = !!span && span.last > span.first && frameTime(source.dataSet(index), 2) !== null;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return film && !calm && !source.savesData && !asked;
}
