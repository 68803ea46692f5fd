// Where a client's cursors are kept while it is not running. The file of a Node program is in `gamenight/node`.

/**
 * @typedef {Record<string, string>} Cursors the cursor of each stream that is followed
 *
 * @typedef {object} CursorStore anything that has these two; both may be async
 * @property {() => Cursors | null | undefined | Promise<Cursors | null | undefined>} load returns what was saved last
 * @property {(cursors: Cursors) => unknown} save keeps all cursors; called once an event is dealt with
 */

/** For as long as the program runs: breaks are survived, restarts are not. */
export class MemoryCursors {
  /** @type {Cursors} */
  #cursors = {};

  load() { return this.#cursors; }

  /** @param {Cursors} cursors */
  save(cursors) { this.#cursors = { ...cursors }; }
}

/** In the browser's localStorage. Two tabs need a name each. */
export class LocalStorageCursors {
  #name;

  /** @param {string} [name] */
  constructor(name = 'gamenight') { this.#name = name; }

  /** @returns {Cursors} */
  load() {
    try {
      return JSON.parse(localStorage.getItem(this.#name) ?? '{}');
    } catch {
      return {}; // forbidden, or somebody else's: from now on
    }
  }

  /** @param {Cursors} cursors */
  save(cursors) {
    try {
      localStorage.setItem(this.#name, JSON.stringify(cursors));
    } catch {
      // Full, or forbidden: then the next start is from an older place, and nothing is lost.
    }
  }
}
