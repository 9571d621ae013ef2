// Sends a file so that it can be gone on with after every interruption: a client of tus 1.0.0.

const PATH = "/u/transfers";
const CHUNK = 8 << 20;
const HASHED_UP_TO = 64 << 20;
const PAUSES = [1000, 2000, 4000, 8000, 15000];

/** The server will not take this, however often it is asked. */
export class Refused extends Error {
  /** @param {number} status */
  constructor(status) {
    super(String(status));
    this.status = status;
  }
}

export class Transfer {
  /**
   * @param {string} secret
   * @param {(bytes: number) => void} moved called with every step, also back when something was lost on the way
   * @param {(waiting: boolean) => void} interrupted whether there is no connection
   */
  constructor(secret, moved, interrupted) {
    this.secret = secret;
    this.moved = moved;
    this.interrupted = interrupted;
  }

  /**
   * Send a file to its end. Raises Refused.
   * @param {File} file
   * @param {string} name with the folders that it came from
   */
  async send(file, name) {
    const url = await this.patiently(async () => this.create(file, name));
    let told = 0;
    for (;;) {
      const offset = await this.patiently(async () => this.offset(url));
      this.moved(offset - told);
      told = offset;
      if (offset >= file.size) {
        return;
      }
      const piece = file.slice(offset, offset + CHUNK);
      try {
        await this.ask("PATCH", url, { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) }, piece);
      } catch (problem) {
        // Where the file ends by now, the next round asks; what was another's turn or did not fit is sent again.
        if (problem instanceof Refused && ![409, 423, 460].includes(problem.status)) {
          throw problem;
        }
        if (problem instanceof Refused) {
          await pause(PAUSES[0] ?? 0);
        }
      }
    }
  }

  /**
   * @param {File} file
   * @param {string} name
   */
  async create(file, name) {
    const pairs = [`filename ${base64(name)}`];
    if (file.size <= HASHED_UP_TO && crypto.subtle) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
      pairs.push(`sha256 ${base64([...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""))}`);
    }
    const headers = { "Upload-Length": String(file.size), "Upload-Metadata": pairs.join(",") };
    return (await this.ask("POST", PATH, headers)).headers.get("Location") ?? "";
  }

  /** @param {string} url */
  async offset(url) {
    return Number((await this.ask("HEAD", url, {})).headers.get("Upload-Offset"));
  }

  /**
   * Until it works: without connection, or while the server has too much to do.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async patiently(work) {
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await work();
        this.interrupted(false);
        return result;
      } catch (problem) {
        if (problem instanceof Refused) {
          throw problem;
        }
        this.interrupted(true);
        await pause(PAUSES[Math.min(attempt, PAUSES.length - 1)] ?? 0);
      }
    }
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {Record<string, string>} headers
   * @param {Blob} [body]
   */
  async ask(method, url, headers, body) {
    const own = { "Tus-Resumable": "1.0.0", Authorization: `Bearer ${this.secret}` };
    const answer = await fetch(url, { method, headers: { ...own, ...headers }, body: body ?? null });
    if ([429, 500, 502, 503, 504, 507].includes(answer.status)) {
      throw new Error(String(answer.status));
    }
    if (!answer.ok) {
      throw new Refused(answer.status);
    }
    return answer;
  }
}

/** @param {string} text */
function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}
