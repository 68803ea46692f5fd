// The REST API: one request, tried again where that may help. A POST carries an idempotency key, so that it is
// done once however often it is sent. Leaves what a problem means to `words.js`.

const ATTEMPTS = 4;
const FIRST_DELAY = 500; // milliseconds; doubled for each attempt, and a random share of it is waited
const TIMEOUT = 10_000;

/** An answer that is an error, or none at all: `status` is 0 then, and it may have been carried out. */
export class Problem extends Error {
  constructor(status, code, detail, errors = []) {
    super(detail);
    Object.assign(this, { status, code, detail, errors });
  }

  get unreachable() { return this.status === 0; }

  /** Whether it may go away by itself. */
  get passing() { return this.status === 0 || this.status === 429 || this.status >= 500; }
}

export class Api {
  #root;
  #token;
  #refused;

  /** `root` is the URL that `/api` stands below; `refused` is called when the token is not accepted. */
  constructor(root, token, refused) {
    [this.#root, this.#token, this.#refused] = [root, token, refused];
  }

  set token(token) { this.#token = token; }

  get(path) { return this.#request('GET', path, undefined, undefined, ATTEMPTS); }

  /** Once only: whoever polls asks again anyway. */
  poll(path) { return this.#request('GET', path, undefined, undefined, 1); }

  post(path, body, key) { return this.#request('POST', path, body, key, ATTEMPTS); }

  async #request(method, path, body, key, attempts) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(method, path, body, key);
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if (problem.status === 401) this.#refused?.(problem);
        if (!problem.passing || attempt >= attempts) throw problem;
      }
      await new Promise((wake) => setTimeout(wake, Math.random() * FIRST_DELAY * 2 ** attempt));
    }
  }

  async #once(method, path, body, key) {
    const headers = { Accept: 'application/json' };
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    if (method === 'POST') Object.assign(headers, { 'Content-Type': 'application/json', 'Idempotency-Key': key });
    let answer;
    let content;
    try {
      answer = await fetch(`${this.#root}${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: 'no-store',
        signal: AbortSignal.timeout(TIMEOUT),
      });
      content = await answer.json();
    } catch (failure) {
      if (answer && failure instanceof SyntaxError) throw new Problem(answer.ok ? 502 : answer.status, 'no_json', '');
      throw new Problem(0, 'unreachable', '');
    }
    if (answer.ok) return content;
    throw new Problem(answer.status, content?.code ?? 'unknown', content?.detail ?? '', content?.errors ?? []);
  }
}

/** A key that nobody else makes. `crypto.randomUUID` is missing where a page comes over plain http from another machine. */
const newKey = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-');

/** A request that a person makes: pressing the button again sends the same thing under the same key. */
export class Deed {
  #api;
  #said = null;
  #key = null;

  constructor(api) { this.#api = api; }

  async post(path, body) {
    const said = JSON.stringify([path, body]);
    if (said !== this.#said) [this.#said, this.#key] = [said, newKey()];
    try {
      const answer = await this.#api.post(path, body, this.#key);
      this.#said = null;
      return answer;
    } catch (problem) {
      // Only where nobody knows whether it was carried out does the key matter again.
      if (!problem.passing) this.#said = null;
      throw problem;
    }
  }
}
