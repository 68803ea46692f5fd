// What survives a reload of this tab, and nothing else: the token, the voter's name, the positions in both streams
// and the night as it was at its position. In sessionStorage, so that it ends with the tab.

export class Memory {
  #prefix;

  /** `root` keeps two stages on one address apart. */
  constructor(root) { this.#prefix = `game-night ${new URL(root).pathname} `; }

  read(name) {
    try {
      return JSON.parse(sessionStorage.getItem(this.#prefix + name));
    } catch {
      return null;
    }
  }

  write(name, value) {
    try {
      if (value === null) sessionStorage.removeItem(this.#prefix + name);
      else sessionStorage.setItem(this.#prefix + name, JSON.stringify(value));
    } catch {
      // Full, or forbidden: then a reload begins anew, and nothing is wrong until then.
    }
  }

  /** Leave nothing behind, as whoever signs out expects. */
  forget() {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(this.#prefix)) sessionStorage.removeItem(key);
  }
}
