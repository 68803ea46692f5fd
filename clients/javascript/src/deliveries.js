// Queues events until the program reads them, oldest first.

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

  /** End at once: queued events come again at the next start. */
  end() {
    [this.#ended, this.#waiting] = [true, []];
    this.#wake();
  }

  /**
   * End with an error, after the queued events.
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
