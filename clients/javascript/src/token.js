// Keeps the token: a text, or the result of a function, which it calls again before the token expires.

import { GameNightError, TokenRefused } from './errors.js';

/** @typedef {string | (() => string | Promise<string>)} Token */

const EARLY = 120_000; // milliseconds before it expires; the service notifies as early
const AGAIN = 30_000; // milliseconds between two calls of the function, at least
const OTHER = /[^ -~]/; // characters that no HTTP header may have

export class Tokens {
  #given;
  #problem;
  #latest = '';
  #askedAt = -Infinity;
  #refused = false;
  /** @type {Promise<string> | null} */
  #asking = null;

  /**
   * @param {Token} given
   * @param {(problem: GameNightError) => void} problem is called when getting a new token fails
   */
  constructor(given, problem) {
    this.#given = given;
    this.#problem = problem;
  }

  /** Return the token, or a new one if there is none or it expires soon. Throws TokenRefused. */
  async latest() {
    const expires = claimsOf(this.#latest)?.expiresAt ?? Infinity;
    const soon = expires - Date.now() < EARLY && Date.now() - this.#askedAt >= AGAIN;
    return this.#latest && !soon ? this.#latest : this.fresh();
  }

  /** Return a new token, or the old one if getting a new one fails. Throws TokenRefused if there is neither. */
  async fresh() {
    try {
      return await this.#ask();
    } catch (problem) {
      if (!this.#latest || !(problem instanceof GameNightError)) throw problem;
      this.#problem(problem);
      return this.#latest;
    }
  }

  /** Note that the service accepts the token. */
  accepted() { this.#refused = false; }

  /**
   * Replace a refused token. Throws TokenRefused if there is no other, or it is refused as well.
   * @param {string} token
   * @param {GameNightError} problem
   */
  async refused(token, problem) {
    if (token !== this.#latest) return; // another request has replaced it
    const refusal = new TokenRefused(problem.code, problem.detail);
    if (typeof this.#given === 'string' || this.#refused) throw refusal;
    let fresh;
    try {
      fresh = await this.#ask();
    } catch (failure) {
      if (!(failure instanceof GameNightError)) throw failure;
      this.#problem(failure);
      return; // the next attempt calls it again
    }
    if (fresh === token) throw refusal;
    this.#refused = true;
  }

  /** Get a token; calls at the same time share one request. */
  #ask() {
    this.#asking ??= this.#asked().finally(() => { this.#asking = null; });
    return this.#asking;
  }

  async #asked() {
    this.#askedAt = Date.now();
    let given;
    try {
      given = typeof this.#given === 'string' ? this.#given : await this.#given();
    } catch (problem) {
      throw new TokenRefused('no_token', `Getting a token has failed: ${problem instanceof Error ? problem.message : problem}`);
    }
    this.#latest = checked(given);
    return this.#latest;
  }
}

/**
 * Return a token without white space and `Bearer` around it. Throws TokenRefused if it can't be sent.
 * @param {unknown} token
 */
function checked(token) {
  const trimmed = typeof token === 'string' ? token.trim().replace(/^bearer\s+/i, '') : '';
  if (!trimmed) throw new TokenRefused('no_token', 'There is no token: the value for it is empty, or not text.');
  const odd = OTHER.exec(trimmed);
  if (odd) {
    const code = trimmed.codePointAt(odd.index)?.toString(16).toUpperCase().padStart(4, '0');
    throw new TokenRefused(
      'no_token',
      `What was given can't be a token: its character ${odd.index + 1} is U+${code}. Copy it again.`,
    );
  }
  return trimmed;
}

/**
 * Return a token's claims, with `expiresAt` in milliseconds, or null if it is no token. `session` is the night of a
 * guest. Only the service verifies them.
 * @param {string} token
 * @returns {{ sub: string, role: string, expiresAt: number, session?: number } | null}
 */
export function claimsOf(token) {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  try {
    const bytes = Uint8Array.from(atob(parts[1].replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const { sub, role, exp, session } = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof sub !== 'string' || typeof exp !== 'number') return null;
    return { sub, role, expiresAt: exp * 1000, ...(Number.isInteger(session) && { session }) };
  } catch {
    return null;
  }
}
