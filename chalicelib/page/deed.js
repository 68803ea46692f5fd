// What a person does with a button. Pressing it again sends the same thing under the same key, so that it is done once.

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
      // Only where nobody knows whether it was carried out does the key matter again.
      if (!(problem instanceof GameNightError && problem.passing)) this.#said = null;
      throw problem;
    }
  }
}
