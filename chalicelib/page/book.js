// The places in the streams that the page follows: the starts of nights, and what happens in the night that is shown.
// The protocol's rule: an event up to the place came twice, and whoever comes back brings the place's cursor.

export const SESSIONS = 'sessions';

/** The cursor of a stream without a place: whoever asks from it is told where the stream ends. */
export const NOW = 'now';

/** The stream of a night, by its id. */
export const streamOf = (id) => `session:${id}`;

/** The night of a stream, by its id. */
export const nightIn = (stream) => Number(stream.slice('session:'.length));

export class Book {
  #listener;
  #places;
  #restoring = 0;

  /**
   * `listener.happened(stream, event)` gets events in order, `listener.lost(stream, place)` reads the state as of a
   * place and returns a promise, and `listener.vanished()` hears that the night is gone. `place` is that in the starts:
   * { cursor, sequence }, with a sequence of 0 where nobody knows it.
   */
  constructor(listener, place) {
    this.#listener = listener;
    this.#places = new Map([[SESSIONS, place]]);
  }

  get streams() { return [...this.#places.keys()]; }

  /** The stream of the night that is followed; undefined where there is none. */
  get night() { return this.streams.find((stream) => stream !== SESSIONS); }

  get restoring() { return this.#restoring > 0; }

  place(stream) { return this.#places.get(stream); }

  /** Follow a night from a place on, instead of another one. */
  follow(id, place) {
    this.leave();
    this.#places.set(streamOf(id), place);
  }

  leave() { this.#places.delete(this.night); }

  /** Give a night up that the service does not know any more. */
  vanished(stream) {
    if (stream !== SESSIONS && this.#places.delete(stream)) this.#listener.vanished();
  }

  /** Forget a place that is worth nothing any more. */
  lose(stream) {
    if (this.#places.has(stream)) this.#places.set(stream, { cursor: NOW, sequence: 0 });
  }

  /** Take an event; says whether it is news. */
  take({ stream, sequence, cursor, type, timestamp, data }) {
    const place = this.#places.get(stream);
    if (!place || !(sequence > place.sequence)) return false;
    this.#places.set(stream, { cursor, sequence });
    if (data?.session?.id !== undefined) this.#listener.happened(stream, { type, timestamp, data });
    return true;
  }

  /** Take an answer. Returns a promise that is kept once the state has been read, if it had to be. */
  async answered(stream, { cursor, sequence = 0, recovered }) {
    const [before, place] = [this.#places.get(stream), { cursor, sequence }];
    if (!before) return;
    if (recovered && before.cursor !== NOW) {
      if (sequence > before.sequence) this.#places.set(stream, place); // otherwise, polling came further meanwhile
      return;
    }
    this.#places.set(stream, place);
    this.#restoring += 1;
    try {
      await this.#listener.lost(stream, place);
    } catch (problem) {
      this.lose(stream); // so that it is tried again with the next answer
      throw problem;
    } finally {
      this.#restoring -= 1;
    }
  }
}
