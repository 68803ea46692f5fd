// Decides which events a client gets, and which nights it follows: all of them, or those that it chooses.

import { Refused } from './errors.js';
import { NOW, SESSIONS, nightIn, streamOf } from './names.js';
import { claimsOf } from './token.js';

/**
 * @typedef {import('./streams.js').Place} Place
 * @typedef {Record<string, string | null>} Moves the new cursor of each stream; null if the client leaves it
 */

const NEWEST = 100; // a page, at most
const ACTIVE = 10; // how many active nights a client without a cursor gets: the newest
const MOST = 50; // how many a connection may follow

export class Nights {
  #streams;
  #rest;
  #every;
  #deliver;
  /** @type {number | undefined} the night of a guest's token */
  #guestOf;

  /**
   * @param {import('./streams.js').Streams} streams
   * @param {import('./rest.js').Rest} rest
   * @param {boolean} every whether to follow every night
   * @param {(event: any, moves: Moves) => void} deliver
   */
  constructor(streams, rest, every, deliver) {
    this.#streams = streams;
    this.#rest = rest;
    this.#every = every;
    this.#deliver = deliver;
  }

  /**
   * Follow the nights of stored cursors: the newest, as many as a connection may follow.
   * @param {import('./cursors.js').Cursors} cursors
   */
  resume(cursors) {
    const known = Object.keys(cursors).filter((name) => /^session:[1-9]\d{0,14}$/.test(name));
    this.#streams.follow(SESSIONS, cursors[SESSIONS] ?? NOW);
    for (const night of known.sort((a, b) => nightIn(a) - nightIn(b)).slice(-MOST)) {
      this.#streams.follow(night, cursors[night]);
    }
  }

  /**
   * Follow the night of a guest, once, because a guest gets no starts.
   * @param {string} token
   */
  admitted(token) {
    const night = claimsOf(token)?.session;
    if (!this.#every || night === this.#guestOf) return;
    this.#guestOf = night;
    if (night && !this.#streams.place(streamOf(night))) this.#streams.follow(streamOf(night), NOW);
  }

  /** @param {import('./streams.js').Frame} frame */
  happened(frame) {
    const { stream, type, data } = frame;
    const night = data?.session?.id;
    /** @type {Moves} */
    const moves = { [stream]: frame.cursor };
    if (!Number.isInteger(night)) this.#deliver(null, moves); // a malformed event
    else if (!this.#every) this.#deliver(frame, moves);
    else if (stream === SESSIONS) this.#started(frame, night, moves);
    else if (type === 'session.started') this.#deliver(null, moves); // the stream of starts delivers it
    else {
      if (type === 'session.ended') {
        this.#streams.leave(stream);
        moves[stream] = null;
      }
      this.#deliver(frame, moves);
    }
  }

  /**
   * @param {import('./streams.js').Frame} frame
   * @param {number} night
   * @param {Moves} moves
   */
  #started(frame, night, moves) {
    const stream = streamOf(night);
    if (this.#streams.place(stream)) {
      this.#deliver(frame, moves);
      return;
    }
    this.#deliver(frame, { ...moves, [stream]: '' });
    this.#streams.follow(stream, ''); // the replay has the events before the answer
    const { nights } = this.#streams;
    if (nights.length <= MOST) return;
    const oldest = Math.min(...nights);
    this.#streams.leave(streamOf(oldest));
    this.vanished(streamOf(oldest));
  }

  /** @param {string} stream */
  vanished(stream) { this.#deliver(made('gap', { id: nightIn(stream) }), { [stream]: null }); }

  /**
   * Read the current state instead of lost events.
   * @param {string} stream
   * @param {Place} place
   * @param {boolean} lost
   * @returns {Promise<[Place, () => void]>}
   */
  restore(stream, place, lost) {
    return stream === SESSIONS ? this.#restoreStarts(place, lost) : this.#restoreNight(stream, place, lost);
  }

  /**
   * @param {Place} place
   * @param {boolean} lost
   * @returns {Promise<[Place, () => void]>}
   */
  async #restoreStarts(place, lost) {
    const { sessions, cursor } = await this.#newest(place);
    const end = place.sequence ? place : { cursor, sequence: sessions[0]?.id ?? 0 }; // a poll's answer lacks it
    // A night that has started since comes as an event.
    const on = sessions.filter((/** @type {any} */ night) => night.is_active && night.id <= end.sequence);
    const tell = () => {
      const unknown = on.slice(0, ACTIVE).map((/** @type {any} */ { id }) => streamOf(id))
        .filter((/** @type {string} */ name) => !this.#streams.place(name));
      const room = Math.max(0, MOST - this.#streams.nights.length);
      const fresh = this.#every ? unknown.slice(0, room).reverse() : [];
      const moves = Object.fromEntries(fresh.map((/** @type {string} */ name) => [name, NOW]));
      this.#deliver(lost ? made('gap', null) : null, { [SESSIONS]: end.cursor, ...moves });
      for (const name of fresh) this.#streams.follow(name, NOW);
    };
    return [end, tell];
  }

  /**
   * Return the newest nights and where the stream of starts ends.
   * @param {Place} place
   */
  async #newest({ cursor }) {
    try {
      return await this.#rest.request('GET', `/api/sessions?newest=${NEWEST}`);
    } catch (problem) {
      if (!(problem instanceof Refused) || problem.code !== 'forbidden') throw problem;
      return { sessions: [], cursor }; // a guest's token is for one night
    }
  }

  /**
   * @param {string} stream
   * @param {Place} place
   * @param {boolean} lost
   * @returns {Promise<[Place, () => void]>}
   */
  async #restoreNight(stream, place, lost) {
    const session = await this.#rest.request('GET', `/api/sessions/${nightIn(stream)}`);
    const tell = () => {
      const over = this.#every && !session.is_active;
      if (lost) this.#deliver(made('gap', { id: session.id }), {});
      this.#deliver({ ...made('snapshot', session), stream, ...place }, { [stream]: over ? null : place.cursor });
      if (over) this.#streams.leave(stream);
    };
    return [place, tell];
  }
}

/**
 * @param {'gap' | 'snapshot'} type
 * @param {object | null} session
 */
const made = (type, session) => ({ type, timestamp: new Date().toISOString(), data: { session } });
