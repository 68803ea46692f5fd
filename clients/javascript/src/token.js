// The token: a text, or a function that returns one and is asked again before the old one expires.

import { GameNightError, TokenRefused } from './errors.js';

/** @typedef {string | (() => string | Promise<string>)} Token */

const EARLY = 120_000; // milliseconds before it expires; the service tells as early
const AGAIN = 30_000; // milliseconds after a function was asked, it is asked again at the earliest
const OTHER = /[^ -~]/; // no character of an HTTP header

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
   * @param {(problem: GameNightError) => void} problem hears that a new token could not be had
   */
  constructor(given, problem) {
    this.#given = given;
    this.#problem = problem;
  }

  /** Return a token; a new one where there is none yet, or the old one expires soon. Throws TokenRefused. */
  async latest() {
    const expires = claimsOf(this.#latest)?.expiresAt ?? Infinity;
    const soon = expires - Date.now() < EARLY && Date.now() - this.#askedAt >= AGAIN;
    return this.#latest && !soon ? this.#latest : this.fresh();
  }

  /** Return a token as new as can be had: where none can be had for now, the old one. Throws TokenRefused. */
  async fresh() {
    try {
      return await this.#ask();
    } catch (problem) {
      if (!this.#latest || !(problem instanceof GameNightError)) throw problem;
      this.#problem(problem);
      return this.#latest;
    }
  }

  /** Note that the service knows the token. */
  accepted() { this.#refused = false; }

  /**
   * Replace a token that the service has refused. Throws TokenRefused where that is of no use.
   * @param {string} token
   * @param {GameNightError} problem
   */
  async refused(token, problem) {
    if (token !== this.#latest) return; // it was replaced meanwhile
    const refusal = new TokenRefused(problem.code, problem.detail);
    if (typeof this.#given === 'string' || this.#refused) throw refusal;
    let fresh;
    try {
      fresh = await this.#ask();
    } catch (failure) {
      if (!(failure instanceof GameNightError)) throw failure;
      this.#problem(failure);
      return; // it is asked again with the next attempt
    }
    if (fresh === token) throw refusal;
    this.#refused = true;
  }

  /** Ask for a token, once at a time. */
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
      throw new TokenRefused('no_token', `No token could be had: ${problem instanceof Error ? problem.message : problem}`);
    }
    this.#latest = checked(given);
    return this.#latest;
  }
}

/**
 * Return a token without the white space around it. Throws TokenRefused for what can't be sent as one.
 * @param {unknown} token
 */
function checked(token) {
  const trimmed = typeof token === 'string' ? token.trim() : '';
  if (!trimmed) throw new TokenRefused('no_token', 'There is no token: what was given for it is empty, or no text.');
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
 * Return what a token says about itself, with `expiresAt` in milliseconds, or null for what is no token. The service
 * judges it.
 * @param {string} token
 * @returns {{ sub: string, role: string, expiresAt: number } | null}
 */
export function claimsOf(token) {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  try {
    const bytes = Uint8Array.from(atob(parts[1].replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const { sub, role, exp } = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof sub !== 'string' || typeof exp !== 'number') return null;
    return { sub, role, expiresAt: exp * 1000 };
  } catch {
    return null;
  }
}
