// What survives a reload of this tab: the token, the voter's name, the positions in both streams and the night as it was
// at its position. In sessionStorage, so that it ends with the tab. Another Memory, in localStorage, keeps a host's list
// a guest's place, and the token of a host whom a link has let in.

export class Memory {
  #prefix;
  #storage;

  /** `root` keeps two stages on one address apart. */
  constructor(root, storage = 'sessionStorage') {
    this.#prefix = `game-night ${new URL(root).pathname} `;
    this.#storage = () => window[storage]; // which a browser may forbid
  }

  read(name) {
    try {
      return JSON.parse(this.#storage().getItem(this.#prefix + name));
    } catch {
      return null;
    }
  }

  write(name, value) {
    try {
      if (value === null) this.#storage().removeItem(this.#prefix + name);
      else this.#storage().setItem(this.#prefix + name, JSON.stringify(value));
    } catch {
      // Full, or forbidden: then a reload begins anew, and nothing is wrong until then.
    }
  }

  /** Leave nothing behind, as whoever signs out expects. */
  forget() {
    const storage = this.#storage();
    for (const key of Object.keys(storage)) if (key.startsWith(this.#prefix)) storage.removeItem(key);
  }
}
