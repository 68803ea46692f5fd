// Stores a client's cursors while it is not running. `gamenight/node` has the store in a file.

/**
 * @typedef {Record<string, string>} Cursors the cursor of each stream that is followed
 *
 * @typedef {object} CursorStore an object with these two methods; both may be async
 * @property {() => Cursors | null | undefined | Promise<Cursors | null | undefined>} load returns what was saved last
 * @property {(cursors: Cursors) => unknown} save saves all cursors; called once an event is done
 */

/** In memory: the cursors survive a break, but no restart. */
export class MemoryCursors {
  /** @type {Cursors} */
  #cursors = {};

  load() { return this.#cursors; }

  /** @param {Cursors} cursors */
  save(cursors) { this.#cursors = { ...cursors }; }
}

/** In the browser's localStorage. Each tab needs its own name. */
export class LocalStorageCursors {
  #name;

  /** @param {string} [name] */
  constructor(name = 'gamenight') { this.#name = name; }

  /** @returns {Cursors} */
  load() {
    try {
      return JSON.parse(localStorage.getItem(this.#name) ?? '{}');
    } catch {
      return {}; // forbidden, or another program's: start from now
    }
  }

  /** @param {Cursors} cursors */
  save(cursors) {
    try {
      localStorage.setItem(this.#name, JSON.stringify(cursors));
    } catch {
      // Full, or forbidden: the next start resumes from an older cursor, and nothing is lost.
    }
  }
}
