// Zoom and pan: where on the stage the image lies. All surfaces get the same place, so nothing jumps when they change.

const MOST = 12;

/** Sends "change" when the image lies elsewhere than before. */
export class View extends EventTarget {
  /** @param {HTMLElement} stage */
  constructor(stage) {
    super();
    this.stage = stage;
    /** @type {(HTMLElement | SVGSVGElement)[]} */
    this.surfaces = [];
    this.ratio = 1;
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

  reset() {
    this.zoom = 1;
    this.x = this.y = 0;
    this.apply();
  }

  /**
   * @param {number} factor
   * @param {number} [clientX] point that stays where it is; the middle without it
   * @param {number} [clientY]
   */
  zoomBy(factor, clientX, clientY) {
    const box = this.stage.getBoundingClientRect();
    const fromX = clientX === undefined ? 0 : clientX - box.left - box.width / 2;
    const fromY = clientY === undefined ? 0 : clientY - box.top - box.height / 2;
    const zoom = Math.min(Math.max(this.zoom * factor, 1), MOST);
    this.x = fromX - ((fromX - this.x) * zoom) / this.zoom;
    this.y = fromY - ((fromY - this.y) * zoom) / this.zoom;
    this.zoom = zoom;
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
    const width = Math.min(clientWidth, clientHeight * this.ratio);
    const height = width / this.ratio;
    const slackX = Math.max((width * this.zoom - clientWidth) / 2, 0);
    const slackY = Math.max((height * this.zoom - clientHeight) / 2, 0);
    this.x = Math.min(Math.max(this.x, -slackX), slackX);
    this.y = Math.min(Math.max(this.y, -slackY), slackY);
    for (const { style } of this.surfaces) {
      style.objectFit = "fill";
      style.width = `${width}px`;
      style.height = `${height}px`;
      style.left = `${(clientWidth - width) / 2}px`;
      style.top = `${(clientHeight - height) / 2}px`;
      style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.zoom})`;
    }
    this.stage.classList.toggle("zoomed", this.zoom > 1);
    this.stage.dataset["zoom"] = this.zoom.toFixed(2);
    this.dispatchEvent(new Event("change"));
  }
}
