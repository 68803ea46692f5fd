// Keeps a client up to date: connects, reconnects after a break, and polls if WebSockets are blocked.

import { Connection } from './connection.js';
import { ConnectionLost, GameNightError, NoCursors, Refused, TokenRefused, WrongAddress, known } from './errors.js';
import { poll } from './poller.js';
import { backOff, sleep } from './timing.js';
import { opener } from './websocket.js';

const FIRST_DELAY = 1000; // milliseconds
const LONGEST_DELAY = 30_000;
/** Two failures in a row may mean that a proxy blocks WebSockets. */
const FAILURES_TO_POLL = 2;

/**
 * @typedef {'connecting' | 'catching_up' | 'live' | 'polling' | 'closed'} State
 *
 * @typedef {object} FollowerListener
 * @property {(state: State) => void} state
 * @property {(problem: GameNightError) => void} error that the client recovers from by itself
 * @property {(expires: Date) => void} expiring
 * @property {(token: string) => void} admitted gets the token of each new connection
 */

export class Follower {
  #address;
  #streams;
  #rest;
  #tokens;
  #pollDelay;
  #listener;
  /** @type {Connection | null} */
  #connection = null;
  /** @type {Promise<void> | null} */
  #polling = null;
  #polled = false; // whether the last poll worked
  #failures = 0;
  #stopped = false;
  #told = '';
  #waking = new AbortController();
  #nudging = new AbortController();

  /**
   * @param {object} parts
   * @param {() => Promise<string>} parts.address returns the WebSocket's
   * @param {import('./streams.js').Streams} parts.streams
   * @param {import('./rest.js').Rest} parts.rest
   * @param {import('./token.js').Tokens} parts.tokens
   * @param {number} parts.pollDelay in milliseconds
   * @param {FollowerListener} parts.listener
   */
  constructor({ address, streams, rest, tokens, pollDelay, listener }) {
    this.#address = address;
    this.#streams = streams;
    this.#rest = rest;
    this.#tokens = tokens;
    this.#pollDelay = pollDelay;
    this.#listener = listener;
  }

  /** @returns {State} */
  get state() {
    if (this.#stopped) return 'closed';
    if (this.#connection?.authenticated) return this.#connection.current ? 'live' : 'catching_up';
    return this.#polled ? 'polling' : 'connecting';
  }

  get connection() { return this.#connection; }

  /** Follow until it is stopped. Throws errors that only a person can fix. */
  async run() {
    try {
      const open = await opener();
      while (!this.#stopped) {
        const { useful, planned, why } = await this.#connected(open);
        if (this.#stopped) break;
        if (why instanceof TokenRefused) await this.#tokens.refused(this.#connection?.token ?? '', why);
        this.#connection = null;
        this.#failures = useful ? 1 : this.#failures + 1;
        if (!planned) this.#tell(why);
        if (this.#failures >= FAILURES_TO_POLL) this.#polling ??= this.#poll();
        this.changed();
        if (!planned) await this.#pause(why);
      }
    } finally {
      this.stop();
      await this.#polling;
    }
    if (this.#fatal) throw this.#fatal;
  }

  /** @type {GameNightError | null} the error that ended polling, and so the client */
  #fatal = null;

  /**
   * Connect once, and return how the connection ended.
   * @param {(url: string) => WebSocket} open
   * @returns {Promise<import('./connection.js').End>}
   */
  async #connected(open) {
    try {
      const url = await this.#address();
      const token = await this.#tokens.fresh();
      this.#listener.admitted(token);
      if (this.#stopped) return { useful: false, planned: false, why: new ConnectionLost('closed') };
      const expiring = (/** @type {Date} */ expires) => this.#expiring(expires);
      this.#connection = new Connection(open, url, this.#streams, token, { changed: () => this.changed(), expiring });
      this.changed();
      return await this.#connection.over;
    } catch (problem) {
      if (isFatal(problem)) throw problem;
      return { useful: false, planned: false, why: known(problem) };
    }
  }

  /** @param {GameNightError} why */
  #pause(why) {
    const asked = why instanceof Refused ? why.retryAfter : 0;
    return sleep(asked + backOff(FIRST_DELAY, this.#failures, LONGEST_DELAY), this.#waking.signal);
  }

  stop() {
    this.#stopped = true;
    this.#connection?.end('closed');
    this.#waking.abort();
    this.#nudging.abort();
  }

  /** Poll at once: the program has just changed something. */
  nudge() {
    this.#nudging.abort();
    if (!this.#stopped) this.#nudging = new AbortController();
  }

  /** Check the connection at once: the machine woke up, or the network has changed. */
  wake() {
    this.#waking.abort();
    if (!this.#stopped) this.#waking = new AbortController();
    this.nudge();
    this.#connection?.probe();
  }

  /** Get a new token, and use it on the connection. Throws TokenRefused. */
  async renew() {
    const token = await this.#tokens.fresh();
    if (this.#connection && token !== this.#connection.token) await this.#connection.renew(token);
  }

  /** Tell the listener the state, which may have changed. */
  changed() {
    if (this.#connection?.authenticated) {
      this.#tokens.accepted();
      this.#polled = false;
      this.#told = '';
    }
    this.#listener.state(this.state);
  }

  /** @param {Date} expires */
  #expiring(expires) {
    this.#listener.expiring(expires);
    this.renew().catch((problem) => this.#tell(known(problem)));
  }

  /**
   * Report an error, but not the same one repeatedly.
   * @param {GameNightError} problem
   */
  #tell(problem) {
    if (this.#told === problem.message) return;
    this.#told = problem.message;
    this.#listener.error(problem);
  }

  async #poll() {
    const needed = () => !this.#stopped && !this.#connection?.authenticated;
    while (needed()) {
      let asked = 0;
      try {
        await poll(this.#rest, this.#streams, needed);
        this.#polled = needed();
        if (this.#polled) this.#told = '';
      } catch (problem) {
        this.#polled = false;
        if (isFatal(problem)) {
          this.#fatal ??= problem;
          this.stop();
          break;
        }
        if (problem instanceof Refused) asked = problem.retryAfter;
        if (needed()) this.changed();
        if (needed()) this.#tell(known(problem));
      }
      if (!needed()) break;
      this.changed();
      await sleep(Math.max(asked, this.#pollDelay * (0.75 + Math.random() / 2)), this.#nudging.signal);
    }
    this.#polling = null;
  }
}

/**
 * Whether only a person can fix a problem.
 * @param {unknown} problem
 * @returns {problem is GameNightError}
 */
const isFatal = (problem) =>
  problem instanceof TokenRefused || problem instanceof WrongAddress || problem instanceof NoCursors;
