// The panes of a page: which of them is worked with, and what the others do when it moves.

/** @typedef {import("./pane.js").Pane} Pane */

/**
 * What the other panes take over from the active one: the place in the patient, zoom and pan, the window.
 * @typedef {{position: boolean, view: boolean, window: boolean}} Links
 */

/** Sends "change" when panes come or go, when another is active, and when links change. */
export class Panes extends EventTarget {
  constructor() {
    super();
    /** @type {Pane[]} */
    this.all = [];
    /** @type {Links} */
    this.links = { position: false, view: false, window: false };
    this.following = false;
    /** @type {typeof import("./following.js").samePlace | null} Loaded when panes are joined first. */
    this.samePlace = null;
    /** @type {Map<Pane, number>} Image from which each pane follows, since the link was made. */
    this.origins = new Map();
  }

  /** @returns {Pane | undefined} the one that keys and tools are for */
  get active() {
    return this.all.find(({ active }) => active);
  }

  /** @param {Pane} pane it is active when it is the first */
  add(pane) {
    this.all.push(pane);
    pane.active = this.all.length === 1;
    const chosen = () => this.activate(pane);
    pane.section.addEventListener("pointerdown", chosen);
    pane.section.addEventListener("focusin", chosen);
    pane.section.addEventListener("wheel", chosen, { capture: true, passive: true });
    pane.addEventListener("change", () => this.follow(pane, "image"));
    pane.view.addEventListener("change", () => this.follow(pane, "view"));
    this.settle();
  }

  /** @param {Pane} pane */
  remove(pane) {
    this.all = this.all.filter((one) => one !== pane);
    if (pane.active && this.all[0]) {
      this.all[0].active = true;
    }
    pane.active = false;
    this.settle();
  }

  /** @param {Pane} pane */
  activate(pane) {
    if (!pane.active && this.all.includes(pane)) {
      this.all.forEach((one) => (one.active = one === pane));
      this.settle();
    }
  }

  /**
   * @param {Partial<Links>} links those that change
   * @param {Map<Pane, number>} [from] image of each pane from which they are joined; without, from those in sight
   */
  async link(links, from) {
    const { samePlace } = await import("./following.js");
    this.samePlace = samePlace;
    this.links = { ...this.links, ...links };
    this.settle();
    this.origins = from ?? this.origins;
    if (this.active) {
      this.follow(this.active, "image");
      this.follow(this.active, "view");
    }
  }

  settle() {
    this.origins = new Map(this.all.map((pane) => [pane, pane.stack.index]));
    for (const { section, active } of this.all) {
      section.classList.toggle("active", active && this.all.length > 1);
    }
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {Pane} leader
   * @param {"image" | "view"} what has changed
   */
  follow(leader, what) {
    if (!leader.active || this.following) {
      return;
    }
    this.following = true;
    for (const pane of this.all.filter((one) => one !== leader)) {
      if (what === "view") {
        this.followView(leader, pane);
      } else {
        this.followImage(leader, pane);
      }
    }
    this.following = false;
  }

  /**
   * @param {Pane} leader
   * @param {Pane} pane
   */
  followImage(leader, pane) {
    if (this.links.position && this.samePlace) {
      const at = this.samePlace(leader, this.origins.get(leader) ?? 0, pane, this.origins.get(pane) ?? 0);
      if (at !== null && at !== pane.stack.index) {
        pane.stack.show(at);
      }
    }
    const { window } = leader.stack;
    if (this.links.window && pane.modality === leader.modality && window !== pane.stack.window) {
      pane.stack.setWindow(window);
    }
  }

  /**
   * @param {Pane} leader
   * @param {Pane} pane
   */
  followView({ view, stage }, pane) {
    if (this.links.view) {
      pane.view.zoom = view.zoom;
      pane.view.x = (view.x * pane.stage.clientWidth) / Math.max(stage.clientWidth, 1);
      pane.view.y = (view.y * pane.stage.clientHeight) / Math.max(stage.clientHeight, 1);
      pane.view.apply();
    }
  }
}
