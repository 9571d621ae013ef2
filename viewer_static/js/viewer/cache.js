// Bounded memory for what was fetched, and a queue that fetches only what is wanted now.

/**
 * Keeps what was used last within a budget of bytes.
 * @template T
 */
export class Cache {
  /**
   * @param {number} budget bytes
   * @param {(value: T) => void} dispose called with what is dropped
   */
  constructor(budget, dispose = () => {}) {
    this.budget = budget;
    this.dispose = dispose;
    this.used = 0;
    /** @type {Map<string, {value: T, bytes: number}>} */
    this.entries = new Map();
  }

  /** @param {string} key */
  has(key) {
    return this.entries.has(key);
  }

  /**
   * @param {string} key
   * @returns {T | undefined}
   */
  get(key) {
    const entry = this.entries.get(key);
    if (entry) {
      this.entries.delete(key);
      this.entries.set(key, entry);
    }
    return entry?.value;
  }

  /**
   * @param {string} key
   * @param {T} value
   * @param {number} bytes
   */
  set(key, value, bytes) {
    this.drop(key);
    this.entries.set(key, { value, bytes });
    this.used += bytes;
    for (const oldest of this.entries.keys()) {
      if (this.used <= this.budget || this.entries.size === 1) {
        break;
      }
      this.drop(oldest);
    }
  }

  /** @param {string} key */
  drop(key) {
    const entry = this.entries.get(key);
    if (entry) {
      this.entries.delete(key);
      this.used -= entry.bytes;
      this.dispose(entry.value);
    }
  }
}

/**
 * Something to fetch. What is `small` is not aborted: that would close its connection, and a new one takes longer than
 * the rest of it.
 * @typedef {{key: string, small: boolean, run: (signal: AbortSignal) => Promise<void>}} Job
 */

/** Runs the first few of the jobs that are wished for, and aborts large ones that no longer are. */
export class Queue {
  /** @param {number} places jobs at a time */
  constructor(places) {
    this.places = places;
    /** @type {Map<string, {small: boolean, controller: AbortController}>} */
    this.running = new Map();
    /** @type {Job[]} */
    this.wishes = [];
  }

  /** @param {Job[]} jobs all that is wanted from now on, most wanted first */
  wish(jobs) {
    this.wishes = jobs;
    const wanted = new Set(jobs.map(({ key }) => key));
    for (const [key, { small, controller }] of this.running) {
      if (!small && !wanted.has(key)) {
        this.running.delete(key);
        controller.abort();
      }
    }
    this.start();
  }

  start() {
    while (this.running.size < this.places) {
      const next = this.wishes.findIndex(({ key }) => !this.running.has(key));
      const job = next < 0 ? undefined : this.wishes[next];
      if (!job) {
        return;
      }
      this.wishes.splice(next, 1);
      const controller = new AbortController();
      this.running.set(job.key, { small: job.small, controller });
      void job.run(controller.signal).finally(() => {
        if (this.running.get(job.key)?.controller === controller) {
          this.running.delete(job.key);
        }
        this.start();
      });
    }
  }
}
