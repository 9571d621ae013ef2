// Zoom and pan of one plane: pinch and two fingers, the wheel with Ctrl, the right mouse button, and by calls.

import { zoomAbout } from "../viewer/view.js";

const NOTCH = 1.0015;

/** @typedef {{x: number, y: number}} Point */

export class Zooming {
  /**
   * @param {HTMLElement} stage
   * @param {HTMLElement} box what is zoomed and moved, by the properties --zoom, --x and --y of its style
   * @param {() => void} pinched called when a second finger comes: what the first has begun was not meant
   */
  constructor(stage, box, pinched) {
    this.stage = stage;
    this.box = box;
    this.zoom = 1;
    this.x = 0;
    this.y = 0;
    /** @type {Map<number, Point>} */
    this.fingers = new Map();
    /** Whether the mouse moves the image. */
    this.pulls = false;
    stage.addEventListener("pointerdown", (event) => this.down(event, pinched));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      stage.addEventListener(end, ({ pointerId }) => {
        this.fingers.delete(pointerId);
        this.pulls = false;
      });
    }
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.apply()).observe(stage);
  }

  /** Whether hands are at it, and so do nothing else. */
  get busy() {
    return this.pulls || this.fingers.size > 1;
  }

  /**
   * @param {PointerEvent} event
   * @param {() => void} pinched
   */
  down({ pointerId, pointerType, button, clientX, clientY }, pinched) {
    if (pointerType === "touch" || button === 1 || button === 2) {
      this.stage.setPointerCapture(pointerId);
      this.fingers.set(pointerId, { x: clientX, y: clientY });
      this.pulls = pointerType !== "touch";
      if (this.fingers.size === 2) {
        pinched();
      }
    }
  }

  /** @param {PointerEvent} event */
  move({ pointerId, clientX, clientY }) {
    const before = this.fingers.get(pointerId);
    if (!before) {
      return;
    }
    const now = { x: clientX, y: clientY };
    const other = [...this.fingers].find(([id]) => id !== pointerId)?.[1];
    this.fingers.set(pointerId, now);
    if (other) {
      const [was, is] = [apart(before, other), apart(now, other)];
      this.by(was > 0 ? is / was : 1, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    }
    if (this.busy) {
      // Of two fingers, each moves what lies between them by half.
      const share = other ? 0.5 : 1;
      this.pan((now.x - before.x) * share, (now.y - before.y) * share);
    }
  }

  /** @param {WheelEvent} event */
  wheel({ deltaY, clientX, clientY }) {
    this.by(NOTCH ** -deltaY, { x: clientX, y: clientY });
  }

  /**
   * @param {number} factor
   * @param {Point} [client] what stays where it is; the middle without it
   */
  by(factor, client) {
    zoomAbout(this, factor, client);
    this.apply();
  }

  /**
   * @param {number} x CSS pixels
   * @param {number} y
   */
  pan(x, y) {
    this.x += x;
    this.y += y;
    this.apply();
  }

  reset() {
    this.zoom = 1;
    this.x = this.y = 0;
    this.apply();
  }

  /**
   * Move the image so far that a point of it is to be seen.
   * @param {number} x part of its width
   * @param {number} y
   */
  reveal(x, y) {
    if (this.zoom === 1) {
      return;
    }
    const [stage, box] = [this.stage.getBoundingClientRect(), this.box.getBoundingClientRect()];
    const missing = (/** @type {number} */ at, /** @type {number} */ low, /** @type {number} */ size) =>
      Math.min(Math.max(at, low + size * 0.1), low + size * 0.9) - at;
    this.pan(
      missing(box.left + x * box.width, stage.left, stage.width),
      missing(box.top + y * box.height, stage.top, stage.height),
    );
  }

  apply() {
    const { stage, box, zoom } = this;
    box.style.setProperty("--zoom", String(zoom));
    const slack = (/** @type {number} */ inner, /** @type {number} */ outer) => Math.max((inner - outer) / 2, 0);
    const [acrossSlack, downSlack] = [slack(box.offsetWidth, stage.clientWidth), slack(box.offsetHeight, stage.clientHeight)];
    this.x = Math.min(Math.max(this.x, -acrossSlack), acrossSlack);
    this.y = Math.min(Math.max(this.y, -downSlack), downSlack);
    box.style.setProperty("--x", `${this.x}px`);
    box.style.setProperty("--y", `${this.y}px`);
    stage.dataset["zoom"] = zoom.toFixed(2);
  }
}

/**
 * @param {Point} one
 * @param {Point} other
 */
function apart(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
