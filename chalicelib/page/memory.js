// Stores what must survive a reload: the token, the voter's name, the cursors of both streams, and the shown night.
// It uses sessionStorage, which ends with the tab. A second Memory uses localStorage, for a host's list of games, a
// guest's token, and the token of a host who signed in by a link.

export class Memory {
  #prefix;
  #storage;

  /** `root` separates two stages on one host. */
  constructor(root, storage = 'sessionStorage') {
    this.#prefix = `game-night ${new URL(root).pathname} `;
    this.#storage = () => window[storage]; // a browser may forbid it
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
      // Full, or forbidden: the page works, but a reload starts from nothing.
    }
  }

  /** Remove everything, at a sign-out. */
  forget() {
    const storage = this.#storage();
    for (const key of Object.keys(storage)) if (key.startsWith(this.#prefix)) storage.removeItem(key);
  }
}
