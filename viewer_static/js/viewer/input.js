// Fingers, mouse and keys on the stage.
//   one finger or left button: changes the image (or moves it when it is enlarged); in window mode, brightness
//   right button or a long press: brightness and contrast      two fingers: zoom and move      two taps: close and back
//   wheel: changes the image, with ctrl zooms                  keys: as keys.js says

import { KEYS, inReading } from "./keys.js";

/**
 * What a gesture asks for.
 * @typedef {object} Actions
 * @property {(images: number) => void} step
 * @property {(last: boolean) => void} edge first or last image
 * @property {(right: number, up: number) => void} window drag in CSS pixels
 * @property {(factor: number, client?: {x: number, y: number}) => void} zoom
 * @property {(x: number, y: number) => void} pan
 * @property {() => void} reset
 * @property {() => boolean} isZoomed
 * @property {() => boolean} isWindowing whether the window mode is on
 * @property {() => number} total
 * @property {() => boolean} hasKeys whether keys are meant for this stage
 * @property {() => Pen | null} pen what draws on the stage now
 * @property {() => {toggle: () => void} | null} film what plays the images
 * @property {(() => void) | null} help shows what keys do, where there is help
 */

/**
 * A tool that may take what one finger, the left button or a key does, in CSS pixels of the window. Two fingers zoom also
 * while it draws; `cancel` then undoes what the first of them began.
 * @typedef {object} Pen
 * @property {(at: Point) => boolean} down whether it takes the gesture that begins here
 * @property {(at: Point) => void} move
 * @property {(at: Point) => void} up
 * @property {() => void} cancel
 * @property {(at: Point) => void} hover the mouse is here with no button down
 * @property {(event: KeyboardEvent) => boolean} key whether it takes the key, on the focused stage
 */

const STILL = 8;
const LONG = 500;
const DOUBLE = 320;
const NOTCH = 50;
const TRICKLE = 40;

/** @typedef {{x: number, y: number}} Point */

export class Input {
  /**
   * @param {HTMLElement} stage
   * @param {Actions} actions
   */
  constructor(stage, actions) {
    this.stage = stage;
    this.actions = actions;
    /** @type {Map<number, Point>} */
    this.pointers = new Map();
    /** @type {"none" | "waiting" | "draw" | "scroll" | "window" | "pan" | "pinch"} */
    this.gesture = "none";
    /** @type {Point} */
    this.origin = { x: 0, y: 0 };
    this.axis = "";
    this.rest = 0;
    this.wheelRest = 0;
    this.longPress = 0;
    this.pressedUntil = 0;
    this.lastTap = { x: 0, y: 0, time: 0 };
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    stage.addEventListener("pointerup", (event) => this.up(event));
    stage.addEventListener("pointercancel", (event) => this.up(event, true));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("dragstart", (event) => event.preventDefault());
    document.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {PointerEvent} event */
  down(event) {
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    clearTimeout(this.longPress);
    if (this.pointers.size > 1) {
      if (this.gesture === "draw") {
        this.actions.pen()?.cancel();
      }
      this.gesture = "pinch";
      return;
    }
    this.origin = { x: event.clientX, y: event.clientY };
    this.axis = "";
    this.rest = 0;
    this.pressedUntil = 0;
    if (event.button === 0 && this.actions.pen()?.down(this.origin)) {
      this.gesture = "draw";
    } else if (event.button === 2 || (event.button === 0 && this.actions.isWindowing())) {
      this.gesture = "window";
    } else if (event.button === 1) {
      this.gesture = "pan";
    } else {
      this.gesture = "waiting";
    }
    if (this.gesture === "waiting" && event.pointerType !== "mouse") {
      this.longPress = setTimeout(() => {
        this.gesture = "window";
        this.pressedUntil = event.timeStamp + LONG;
        navigator.vibrate?.(15);
      }, LONG);
    }
  }

  /** @param {PointerEvent} event */
  move(event) {
    const before = this.pointers.get(event.pointerId);
    const now = { x: event.clientX, y: event.clientY };
    if (!before) {
      this.actions.pen()?.hover(now);
      return;
    }
    // A busy device runs the timer of a long press before it tells of moves that were made earlier.
    if (this.gesture === "window" && event.timeStamp < this.pressedUntil && this.isFar(now)) {
      this.gesture = "waiting";
    }
    if (this.gesture === "draw") {
      this.actions.pen()?.move(now);
    } else if (this.gesture === "pinch") {
      this.pinch(event.pointerId, before, now);
    } else {
      this.drag(before, now);
    }
    this.pointers.set(event.pointerId, now);
  }

  /**
   * @param {Point} before
   * @param {Point} now
   */
  drag(before, now) {
    const [x, y] = [now.x - before.x, now.y - before.y];
    if (this.gesture === "waiting") {
      if (!this.isFar(now)) {
        return;
      }
      clearTimeout(this.longPress);
      this.gesture = this.actions.isZoomed() ? "pan" : "scroll";
      this.axis = Math.abs(now.x - this.origin.x) > Math.abs(now.y - this.origin.y) ? "x" : "y";
    }
    if (this.gesture === "pan") {
      this.actions.pan(x, y);
    } else if (this.gesture === "window") {
      this.actions.window(x, -y);
    } else if (this.gesture === "scroll") {
      this.scroll(this.axis === "x" ? -x : -y);
    }
  }

  // Whether somewhere is too far from where the gesture began to be the same place.
  /** @param {Point} place */
  isFar(place) {
    return Math.hypot(place.x - this.origin.x, place.y - this.origin.y) > STILL;
  }

  // A finger that crosses the stage passes the whole series, but never flies through it or crawls.
  /** @param {number} distance */
  scroll(distance) {
    const perImage = Math.min(Math.max(this.stage.clientHeight / this.actions.total(), 6), 48);
    this.rest += distance / perImage;
    const images = Math.trunc(this.rest);
    this.rest -= images;
    if (images) {
      this.actions.step(images);
    }
  }

  /**
   * @param {number} moved
   * @param {Point} before
   * @param {Point} now
   */
  pinch(moved, before, now) {
    const other = [...this.pointers].find(([id]) => id !== moved)?.[1];
    if (!other) {
      return;
    }
    const spread = Math.hypot(before.x - other.x, before.y - other.y) || 1;
    const factor = Math.hypot(now.x - other.x, now.y - other.y) / spread;
    this.actions.zoom(factor, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    this.actions.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  /**
   * @param {PointerEvent} event
   * @param {boolean} [cancelled]
   */
  up(event, cancelled = false) {
    this.pointers.delete(event.pointerId);
    clearTimeout(this.longPress);
    if (this.gesture === "draw") {
      const pen = this.actions.pen();
      cancelled ? pen?.cancel() : pen?.up({ x: event.clientX, y: event.clientY });
      this.gesture = "none";
    }
    const still = !this.isFar({ x: event.clientX, y: event.clientY });
    if (!cancelled && still && event.button === 0 && (this.gesture === "waiting" || this.gesture === "window")) {
      this.tap(event);
    }
    if (this.pointers.size === 0) {
      this.gesture = "none";
    }
  }

  /** @param {PointerEvent} event */
  tap({ clientX: x, clientY: y, timeStamp: time }) {
    const last = this.lastTap;
    const double = time - last.time < DOUBLE && Math.hypot(x - last.x, y - last.y) < 32;
    this.lastTap = double ? { x: 0, y: 0, time: 0 } : { x, y, time };
    if (double) {
      this.actions.zoom(this.actions.isZoomed() ? 0 : 2.5, { x, y });
    }
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : NOTCH;
    const distance = event.deltaY * unit;
    if (event.ctrlKey) {
      this.actions.zoom(Math.exp(-distance / 200), { x: event.clientX, y: event.clientY });
      return;
    }
    if (Math.abs(distance) >= NOTCH) {
      this.wheelRest = 0;
      this.actions.step(Math.sign(distance));
      return;
    }
    this.wheelRest += distance;
    const images = Math.trunc(this.wheelRest / TRICKLE);
    this.wheelRest -= images * TRICKLE;
    if (images) {
      this.actions.step(images);
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { target } = event;
    const elsewhere = target instanceof Element && target.closest("input, textarea, select, dialog, summary");
    if (elsewhere || event.altKey || event.ctrlKey || event.metaKey || !this.actions.hasKeys()) {
      return;
    }
    const onStage = target === this.stage;
    if ((onStage && this.actions.pen()?.key(event)) || this.act(event, onStage)) {
      event.preventDefault();
    }
  }

  /**
   * @param {KeyboardEvent} event
   * @param {boolean} onStage
   */
  act({ key, repeat }, onStage) {
    const read = inReading(key);
    const found = KEYS.find(({ keys, anywhere }) => keys.includes(read) && (onStage || anywhere));
    if (!found || !(found.possible?.(this.actions) ?? true)) {
      return false;
    }
    if (!repeat || !found.once) {
      found.act(this.actions);
    }
    return true;
  }
}
