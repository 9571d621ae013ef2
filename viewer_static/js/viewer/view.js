// Zoom, pan, quarter turns, mirroring and inversion: where on the stage the image lies, and how. All surfaces get the
// same place, so nothing jumps when they change.

const MOST = 12;

/** @typedef {{x: number, y: number}} Point */

/**
 * @param {{stage: HTMLElement, zoom: number, x: number, y: number}} zoomed
 * @param {number} factor
 * @param {Point} [client] stays where it is; the middle without it
 */
export function zoomAbout(zoomed, factor, client) {
  const box = zoomed.stage.getBoundingClientRect();
  const x = client ? client.x - box.left - box.width / 2 : 0;
  const y = client ? client.y - box.top - box.height / 2 : 0;
  const zoom = Math.min(Math.max(zoomed.zoom * factor, 1), MOST);
  zoomed.x = x - ((x - zoomed.x) * zoom) / zoomed.zoom;
  zoomed.y = y - ((y - zoomed.y) * zoom) / zoomed.zoom;
  zoomed.zoom = zoom;
}

/**
 * Sends "change" when the image lies elsewhere than before.
 *
 * The image is mirrored left to right first (`flipped`), then turned clockwise by `rotation` degrees (0, 90, 180, 270).
 * A point of the image is in its own pixels: {0, 0} is the outer corner of the first one, so its middle is {0.5, 0.5}.
 */
export class View extends EventTarget {
  /** @param {HTMLElement} stage */
  constructor(stage) {
    super();
    this.stage = stage;
    /** @type {(HTMLElement | SVGSVGElement)[]} */
    this.surfaces = [];
    this.ratio = 1;
    this.columns = 1;
    this.rows = 1;
    this.rotation = 0;
    this.flipped = false;
    this.inverted = false;
    this.zoom = 1;
    this.x = 0;
    this.y = 0;
    new ResizeObserver(() => this.apply()).observe(stage);
  }

  /** @param {number} ratio width of the whole image divided by its height */
  setRatio(ratio) {
    if (ratio > 0 && ratio !== this.ratio) {
      this.ratio = ratio;
      this.apply();
    }
  }

  /**
   * @param {number} columns
   * @param {number} rows
   */
  setSize(columns, rows) {
    if (columns !== this.columns || rows !== this.rows) {
      this.columns = columns;
      this.rows = rows;
      this.dispatchEvent(new Event("change"));
    }
  }

  reset() {
    this.zoom = 1;
    this.x = this.y = this.rotation = 0;
    this.flipped = this.inverted = false;
    this.apply();
  }

  /** @param {number} degrees clockwise, a multiple of 90 */
  rotate(degrees) {
    this.rotation = (((this.rotation + degrees) % 360) + 360) % 360;
    this.apply();
  }

  /** As the viewer sees it, whatever the rotation. */
  flipHorizontally() {
    this.flipped = !this.flipped;
    this.rotate(-2 * this.rotation);
  }

  flipVertically() {
    this.flipped = !this.flipped;
    this.rotate(180 - 2 * this.rotation);
  }

  invert() {
    this.inverted = !this.inverted;
    this.apply();
  }

  /**
   * Where a point of the image lies in the window.
   * @param {Point} point
   * @returns {Point}
   */
  toClient({ x, y }) {
    const box = this.stage.getBoundingClientRect();
    const { width, height } = this.extent();
    const mirror = this.flipped ? -1 : 1;
    const right = mirror * (x / this.columns - 0.5) * width * this.zoom;
    const down = (y / this.rows - 0.5) * height * this.zoom;
    const turned = turn(right, down, this.rotation);
    return { x: box.left + box.width / 2 + this.x + turned.x, y: box.top + box.height / 2 + this.y + turned.y };
  }

  /**
   * Which point of the image lies there in the window; it may be outside of the image.
   * @param {Point} client
   * @returns {Point}
   */
  toImage({ x, y }) {
    const box = this.stage.getBoundingClientRect();
    const { width, height } = this.extent();
    const middle = { x: x - box.left - box.width / 2 - this.x, y: y - box.top - box.height / 2 - this.y };
    const lying = turn(middle.x, middle.y, 360 - this.rotation);
    const mirror = this.flipped ? -1 : 1;
    return {
      x: ((mirror * lying.x) / (width * this.zoom) + 0.5) * this.columns,
      y: (lying.y / (height * this.zoom) + 0.5) * this.rows,
    };
  }

  /** Size of the image before zoom and rotation, in CSS pixels: as large as fits the stage when it is turned. */
  extent() {
    const { clientWidth, clientHeight } = this.stage;
    const across = this.rotation % 180 !== 0;
    const [along, other] = across ? [clientHeight, clientWidth] : [clientWidth, clientHeight];
    const width = Math.min(along, other * this.ratio);
    return { width, height: width / this.ratio, across };
  }

  /**
   * @param {number} factor
   * @param {Point} [client]
   */
  zoomBy(factor, client) {
    zoomAbout(this, factor, client);
    this.apply();
  }

  /**
   * @param {number} byX
   * @param {number} byY
   */
  pan(byX, byY) {
    this.x += byX;
    this.y += byY;
    this.apply();
  }

  apply() {
    const { clientWidth, clientHeight } = this.stage;
    const { width, height, across } = this.extent();
    const slackX = Math.max(((across ? height : width) * this.zoom - clientWidth) / 2, 0);
    const slackY = Math.max(((across ? width : height) * this.zoom - clientHeight) / 2, 0);
    this.x = Math.min(Math.max(this.x, -slackX), slackX);
    this.y = Math.min(Math.max(this.y, -slackY), slackY);
    // In parts of the stage, whose proportions paper keeps (keep.css): no script runs between its layout and the print.
    const percent = (/** @type {number} */ length, /** @type {number} */ whole) => `${(100 * length) / whole}%`;
    for (const { style } of this.surfaces) {
      style.objectFit = "fill";
      style.width = percent(width, clientWidth);
      style.height = percent(height, clientHeight);
      style.left = percent((clientWidth - width) / 2, clientWidth);
      style.top = percent((clientHeight - height) / 2, clientHeight);
      style.transform = `translate(${percent(this.x, width)}, ${percent(this.y, height)}) rotate(${this.rotation}deg) scale(${this.flipped ? -this.zoom : this.zoom}, ${this.zoom})`;
    }
    this.stage.style.setProperty("--sides", `${clientWidth / clientHeight}`);
    this.stage.classList.toggle("zoomed", this.zoom > 1);
    this.stage.classList.toggle("inverted", this.inverted);
    this.stage.dataset["zoom"] = this.zoom.toFixed(2);
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} degrees clockwise, a multiple of 90
 * @returns {Point}
 */
function turn(x, y, degrees) {
  switch (degrees % 360) {
    case 90:
      return { x: -y, y: x };
    case 180:
      return { x: -x, y: -y };
    case 270:
      return { x: y, y: -x };
    default:
      return { x, y };
  }
}
