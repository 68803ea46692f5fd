// The streams that the page follows: the starts of nights, and what happens in the night that is shown.
// Passes on what is due, and has the state read where events can't be had any more.

import { NOWHERE, Stream, cursorOf } from './stream.js';

export const SESSIONS = 'sessions';

export class Book {
  #listener;
  #restoring = 0;

  /**
   * `listener.happened(key, due)` gets events in order, `listener.lost(key, end)` reads the state and returns a
   * promise, and `listener.vanished()` hears that the night is gone. `since` is the stored position in the starts.
   */
  constructor(listener, since) {
    this.#listener = listener;
    this.streams = new Map([[SESSIONS, new Stream(since ?? NOWHERE)]]);
  }

  get sessions() { return this.streams.get(SESSIONS); }

  /** The key of the night that is followed, its id as text; undefined where there is none. */
  get night() { return [...this.streams.keys()].find((key) => key !== SESSIONS); }

  get behind() { return this.#restoring > 0 || [...this.streams.values()].some((stream) => stream.behind); }

  /** Follow a night from a position on, in place of another one. */
  follow(id, since) {
    this.leave();
    this.streams.set(String(id), new Stream(since));
  }

  leave() {
    if (this.night) this.streams.delete(this.night);
  }

  /** Give a night up that the service does not know any more. */
  vanished(key) {
    if (key !== SESSIONS && this.streams.delete(key)) this.#listener.vanished();
  }

  /** Take an event's frame; says on which stream it came, or null where nobody follows that one. */
  take(frame, authenticated) {
    const cursor = cursorOf(frame.cursor);
    const id = frame.data?.session?.id;
    if (!cursor || id === undefined) return null;
    const started = frame.type === 'session.started';
    const ofAll = cursor.epoch === this.sessions.epoch || (started && !authenticated);
    const key = ofAll ? SESSIONS : String(id);
    const stream = this.streams.get(key);
    if (!stream) return null;
    const { type, timestamp, data } = frame;
    this.#pass(key, stream.take(cursor, { type, timestamp, data }));
    return key;
  }

  /** Note where a stream ends. Returns a promise that is kept once the state has been read, if it had to be. */
  async answered(key, frame) {
    const [stream, end] = [this.streams.get(key), cursorOf(frame.cursor)];
    if (!stream || !end) return;
    const { due, lost } = stream.answered(end, frame.recovered === true);
    stream.movedAt = Date.now();
    if (!lost) {
      this.#pass(key, due);
      return;
    }
    this.#restoring += 1;
    const restored = this.#listener.lost(key, end); // from here on it keeps what happens until the state is there
    this.#pass(key, due);
    try {
      await restored;
    } catch (problem) {
      stream.lose(); // so that it is tried again with the next answer
      throw problem;
    } finally {
      this.#restoring -= 1;
    }
  }

  #pass(key, due) {
    if (due.length === 0) return;
    this.streams.get(key).movedAt = Date.now();
    this.#listener.happened(key, due);
  }
}
