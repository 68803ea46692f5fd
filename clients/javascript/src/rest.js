// Makes REST requests, and retries failures that may pass. A POST carries an idempotency key, so a retry doesn't
// repeat it.

import { GameNightError, Refused, Unreachable } from './errors.js';
import { backOff, sleep } from './timing.js';

const ATTEMPTS = 4;
const FIRST_DELAY = 1000; // milliseconds, as all of these
const LONGEST_WAIT = 30_000; // the longest Retry-After; beyond it the request fails
const TIMEOUT = 10_000;
const OPEN = ['/api', '/api/join']; // paths that need no token
const GONE = ['game_not_found', 'vote_not_found'];

/** @typedef {{ key?: string, attempts?: number }} RequestOptions your own Idempotency-Key, and the number of attempts */

export class Rest {
  #root;
  #tokens;
  #signal;
  reached = false; // whether the service has answered

  /**
   * @param {string} root the URL without `/api`
   * @param {import('./token.js').Tokens} tokens
   * @param {AbortSignal} signal ends every request
   */
  constructor(root, tokens, signal) {
    this.#root = root;
    this.#tokens = tokens;
    this.#signal = signal;
  }

  /**
   * Return the answer. Throws Refused, TokenRefused, and Unreachable if there is none. Returns null for a DELETE that
   * finds nothing, because an earlier attempt was carried out.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  async request(method, path, body, { key = newKey(), attempts = ATTEMPTS } = {}) {
    if (!path.startsWith('/')) throw new TypeError(`${JSON.stringify(path)} is no path of a request: it begins with a slash.`);
    let maybeDone = false;
    for (let attempt = 1; ; attempt += 1) {
      const token = OPEN.includes(path) ? '' : await this.#tokens.latest();
      try {
        const content = await this.#once(method, path, token, key, body);
        this.reached = true;
        if (token) this.#tokens.accepted();
        return content;
      } catch (problem) {
        if (!(problem instanceof GameNightError) || this.#signal.aborted) throw problem;
        if (maybeDone && GONE.includes(problem.code)) return null;
        maybeDone ||= method === 'DELETE' && problem.passing && !(problem instanceof Refused && problem.status === 429);
        if (token && problem instanceof Refused && problem.status === 401) await this.#tokens.refused(token, problem);
        else if (!problem.passing) throw problem;
        const asked = problem instanceof Refused ? problem.retryAfter : 0;
        if (attempt >= attempts || asked > LONGEST_WAIT) throw problem;
        await sleep(asked + backOff(FIRST_DELAY, attempt, LONGEST_WAIT), this.#signal);
      }
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {string} token
   * @param {string} key
   * @param {object} [body]
   */
  async #once(method, path, token, key, body) {
    /** @type {Record<string, string>} */
    const headers = { Accept: 'application/json' };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (method === 'POST') Object.assign(headers, { 'Content-Type': 'application/json', 'Idempotency-Key': key });
    let answer;
    let content;
    try {
      answer = await fetch(`${this.#root}${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: 'no-store',
        redirect: 'error', // it would take the token to another host
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT)]),
      });
      content = answer.status === 204 ? null : await answer.json();
    } catch (failure) {
      if (this.#signal.aborted) throw new GameNightError('closed', 'This client is closed.');
      if (!answer || !(failure instanceof SyntaxError)) throw new Unreachable(`${this.#root} could not be reached.`);
      if (answer.ok) throw new Refused(502, 'no_json', `${this.#root}${path} did not answer with JSON.`);
    }
    if (answer.ok) return content;
    throw new Refused(answer.status, content?.code ?? 'unknown', content?.detail ?? 'The answer does not say why.', {
      errors: content?.errors,
      retryAfter: retryAfter(answer.headers.get('Retry-After')),
    });
  }
}

/**
 * Return a Retry-After header, which has seconds or a date, in milliseconds.
 * @param {string | null} header
 */
function retryAfter(header) {
  if (!header) return 0;
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Math.max(0, milliseconds || 0);
}

/** Return a unique key. `crypto.randomUUID` is missing on pages over plain http. */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-');
