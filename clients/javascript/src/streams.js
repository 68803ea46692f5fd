// Tracks a client's place in each stream. By the contract, an event up to the place is a duplicate, and a client
// resumes from the place's cursor.

import { GameNightError } from './errors.js';
import { NOW, SESSIONS, nightIn } from './names.js';

/**
 * @typedef {{ cursor: string, sequence: number }} Place a client's place in a stream; `sequence` is 0 until a frame has told it
 * @typedef {Place & { stream: string, type: string, timestamp: string, data: any }} Frame an event as it was sent
 *
 * @typedef {object} StreamsListener
 * @property {(frame: Frame) => void} happened gets events, in order
 * @property {(stream: string, place: Place, lost: boolean) => Promise<[Place, () => void]>} restore reads the state
 * instead of events; `lost` says whether some are lost. Returns its place, and a function that delivers it
 * @property {(stream: string) => void} vanished the service no longer knows the night
 * @property {(stream: string) => void} followed
 * @property {(stream: string) => void} left
 */

export class Streams {
  /** @type {Map<string, Place & { lost?: boolean }>} */
  #places = new Map();
  /** @type {Map<string, Frame[]>} frames that come while a stream's state is read */
  #held = new Map();
  #listener;

  /** @param {StreamsListener} listener */
  constructor(listener) { this.#listener = listener; }

  get names() { return [...this.#places.keys()]; }

  get nights() { return this.names.filter((stream) => stream !== SESSIONS).map(nightIn); }

  get restoring() { return this.#held.size > 0; }

  /** @param {string} stream */
  place(stream) { return this.#places.get(stream); }

  /**
   * Follow a stream from a cursor on.
   * @param {string} stream
   * @param {string} cursor
   */
  follow(stream, cursor) {
    this.#held.delete(stream);
    this.#places.set(stream, { cursor, sequence: 0 });
    this.#listener.followed(stream);
  }

  /** @param {string} stream */
  leave(stream) {
    this.#held.delete(stream);
    if (this.#places.delete(stream)) this.#listener.left(stream);
  }

  /**
   * Stop following a night that the service no longer knows.
   * @param {string} stream
   */
  vanished(stream) {
    this.#held.delete(stream);
    if (this.#places.delete(stream)) this.#listener.vanished(stream);
  }

  /**
   * Forget a place that the service can't resume from.
   * @param {string} stream
   */
  lose(stream) {
    const place = this.#places.get(stream);
    if (place) this.#places.set(stream, { cursor: NOW, sequence: 0, lost: place.lost || place.cursor !== NOW });
  }

  /**
   * Take an event, unless it is a duplicate.
   * @param {Frame} frame
   */
  take(frame) {
    const held = this.#held.get(frame.stream);
    if (held) {
      held.push(frame);
      return;
    }
    const place = this.#places.get(frame.stream);
    if (!place || frame.sequence <= place.sequence) return; // a duplicate
    this.#places.set(frame.stream, { cursor: frame.cursor, sequence: frame.sequence }); // resume from its cursor
    this.#listener.happened(frame);
  }

  /**
   * Take an answer. Reads the state first if the stream can't be resumed; throws what that throws.
   * @param {string} stream
   * @param {{ cursor: string, sequence?: number, recovered: boolean }} answer
   */
  async answered(stream, { cursor, sequence = 0, recovered }) {
    const before = this.#places.get(stream);
    if (!before) return;
    if (recovered && before.cursor !== NOW) {
      if (sequence > before.sequence) this.#places.set(stream, { cursor, sequence });
      return; // otherwise, polling got further meanwhile
    }
    this.lose(stream);
    /** @type {Frame[]} */
    const held = [];
    this.#held.set(stream, held);
    const lost = this.#places.get(stream)?.lost ?? false;
    try {
      const [place, tell] = await this.#listener.restore(stream, { cursor, sequence }, lost);
      if (this.#held.get(stream) !== held) return; // it is not followed any more, or was read again
      this.#held.delete(stream);
      this.#places.set(stream, place);
      tell();
    } catch (problem) {
      if (this.#held.get(stream) !== held) return;
      this.#held.delete(stream);
      if (!(problem instanceof GameNightError) || problem.code !== 'session_not_found') throw problem;
      this.vanished(stream);
    }
    for (const frame of held) this.take(frame);
  }
}
