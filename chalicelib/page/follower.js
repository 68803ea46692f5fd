// Keeps the page up to date, whatever the network does: a connection, another one after a break, and polling where
// WebSockets are blocked. Says truly how things are: 'connecting', 'catching-up', 'live', 'polling' or 'offline'.

import { Connection } from './connection.js';
import { poll } from './poller.js';

const FIRST_DELAY = 1000; // milliseconds, as all of these
const LONGEST_DELAY = 30_000;
const POLL = 4000;
/** A break is short. Two in a row may be a proxy that lets no WebSocket through. */
const FAILURES_TO_POLL = 2;

export class Follower {
  #url;
  #api;
  #book;
  #token;
  #listener;
  #connection = null;
  #failures = 0;
  #stopped = false;
  #polling = false;
  #polled = null; // whether the last poll worked; null while there was none
  #wake = null;
  #pollNow = null;

  /** `listener` has state(name), expiring(when), refused(problem) and notRenewed(problem). */
  constructor({ url, api, book, token, listener }) {
    [this.#url, this.#api, this.#book, this.#token, this.#listener] = [url, api, book, token, listener];
  }

  get state() {
    if (this.#connection?.authenticated) return this.#connection.current ? 'live' : 'catching-up';
    if (this.#polled !== null) return this.#polled ? 'polling' : 'offline';
    return 'connecting';
  }

  async run() {
    while (!this.#stopped) {
      this.#connection = new Connection(this.#url, this.#book, this.#token, {
        ...this.#listener,
        changed: () => this.#changed(),
        refused: (problem) => { this.stop(); this.#listener.refused(problem); },
      });
      this.#changed();
      const { useful, planned } = await this.#connection.over;
      this.#connection = null;
      this.#failures = useful ? 1 : this.#failures + 1;
      if (this.#stopped) return;
      if (this.#failures >= FAILURES_TO_POLL) this.#keepPolling();
      this.#changed();
      if (!planned) await this.#pause(Math.random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (this.#failures - 1)));
    }
  }

  stop() {
    this.#stopped = true;
    this.#connection?.end();
    this.#wake?.();
    this.#pollNow?.();
  }

  /** Ask for a night that the book has begun to follow. */
  follow(left) {
    this.#connection?.follow(left);
    this.nudge();
    this.#changed();
  }

  /** Something was done that is worth looking for at once. */
  nudge() { this.#pollNow?.(); }

  /** The tab was woken up, or the network has changed. */
  wake() {
    this.#wake?.();
    this.#pollNow?.();
    this.#connection?.probe();
  }

  renew(token) {
    this.#token = token;
    this.#connection?.renew(token);
  }

  #changed() {
    if (this.#connection?.authenticated) {
      this.#polled = null;
      this.#pollNow?.();
    }
    if (!this.#stopped) this.#listener.state(this.state);
  }

  #pause(milliseconds) {
    return new Promise((wake) => {
      this.#wake = wake;
      setTimeout(wake, milliseconds);
    });
  }

  async #keepPolling() {
    if (this.#polling) return;
    this.#polling = true;
    const needed = () => !this.#stopped && !this.#connection?.authenticated;
    while (needed()) {
      let worked = true;
      try {
        await poll(this.#api, this.#book, needed);
      } catch {
        worked = false;
      }
      if (!needed()) break;
      this.#polled = worked;
      this.#changed();
      await new Promise((again) => {
        this.#pollNow = again;
        setTimeout(again, POLL * (0.75 + Math.random() / 2));
      });
    }
    this.#polling = false;
    this.#pollNow = null;
  }
}
