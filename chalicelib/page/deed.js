// Sends the request of a button. A repeated press sends the same idempotency key, so the request is done once.

import { GameNightError } from './gamenight/index.js';
import { newKey } from './gamenight/rest.js';

export class Deed {
  #client;
  #said = null;
  #key = null;

  constructor(client) { this.#client = client; }

  async post(path, body) {
    const said = JSON.stringify([path, body]);
    if (said !== this.#said) [this.#said, this.#key] = [said, newKey()];
    try {
      const answer = await this.#client.request('POST', path, body, { key: this.#key });
      this.#said = null;
      return answer;
    } catch (problem) {
      // The key is needed again only if nobody knows whether the request was done.
      if (!(problem instanceof GameNightError && problem.passing)) this.#said = null;
      throw problem;
    }
  }
}
