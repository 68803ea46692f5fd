// What waits for whoever reads the events, oldest first.

/** @template T */
export class Deliveries {
  /** @type {T[]} */
  #waiting = [];
  #ended = false;
  /** @type {unknown} */
  #problem = null;
  #wake = () => {};

  /** @param {T} delivery */
  push(delivery) {
    this.#waiting.push(delivery);
    this.#wake();
  }

  /** Nothing more is handed out: what waits comes again at the next start. */
  end() {
    [this.#ended, this.#waiting] = [true, []];
    this.#wake();
  }

  /**
   * End with a problem, once all that waits is handed out.
   * @param {unknown} problem
   */
  fail(problem) {
    this.#problem ??= problem;
    this.#wake();
  }

  async *[Symbol.asyncIterator]() {
    while (true) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else if (this.#problem) throw this.#problem;
      else await new Promise((wake) => { this.#wake = () => wake(undefined); });
    }
  }
}
