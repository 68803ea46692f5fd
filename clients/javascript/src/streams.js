// The places in the streams that a client follows. The contract's rule is all there is to it: an event up to the place
// came twice, and whoever comes back brings the place's cursor.

import { GameNightError } from './errors.js';
import { NOW, SESSIONS, nightIn } from './names.js';

/**
 * @typedef {{ cursor: string, sequence: number }} Place where a client is; `sequence` is 0 until a frame has told it
 * @typedef {Place & { stream: string, type: string, timestamp: string, data: any }} Frame an event as it came
 *
 * @typedef {object} StreamsListener
 * @property {(frame: Frame) => void} happened gets events, in order
 * @property {(stream: string, place: Place, lost: boolean) => Promise<[Place, () => void]>} restore reads the state as
 *   of a place, where events can't be had; `lost` says whether any were missed. Returns the place, and what tells it
 * @property {(stream: string) => void} vanished the service does not know the night any more
 * @property {(stream: string) => void} followed
 * @property {(stream: string) => void} left
 */

export class Streams {
  /** @type {Map<string, Place & { lost?: boolean }>} */
  #places = new Map();
  /** @type {Map<string, Frame[]>} what comes while a stream's state is read */
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
   * Give up a night that the service does not know any more.
   * @param {string} stream
   */
  vanished(stream) {
    this.#held.delete(stream);
    if (this.#places.delete(stream)) this.#listener.vanished(stream);
  }

  /**
   * Forget a place that is worth nothing any more.
   * @param {string} stream
   */
  lose(stream) {
    const place = this.#places.get(stream);
    if (place) this.#places.set(stream, { cursor: NOW, sequence: 0, lost: place.lost || place.cursor !== NOW });
  }

  /**
   * Take an event, once.
   * @param {Frame} frame
   */
  take(frame) {
    const held = this.#held.get(frame.stream);
    if (held) {
      held.push(frame);
      return;
    }
    const place = this.#places.get(frame.stream);
    if (!place || frame.sequence <= place.sequence) return; // it came twice
    this.#places.set(frame.stream, { cursor: frame.cursor, sequence: frame.sequence }); // come back with its cursor
    this.#listener.happened(frame);
  }

  /**
   * Take an answer. Returns once the state has been read, where it had to be; throws what stood in the way.
   * @param {string} stream
   * @param {{ cursor: string, sequence?: number, recovered: boolean }} answer
   */
  async answered(stream, { cursor, sequence = 0, recovered }) {
    const before = this.#places.get(stream);
    if (!before) return;
    if (recovered && before.cursor !== NOW) {
      if (sequence > before.sequence) this.#places.set(stream, { cursor, sequence });
      return; // otherwise, polling came further meanwhile
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
