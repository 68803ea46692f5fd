// One stream of events: brings them into order, drops what has come before, and notices a hole.
// Knows cursors ("{epoch}:{sequence}", dense within a stream). Leaves asking to whoever has a connection.

/** A position of no stream: whoever asks from it is told where the stream ends, and is replayed nothing. */
export const NOWHERE = 'new:0';

export function cursorOf(text) {
  const [, epoch, digits] = /^(.+):(\d{1,15})$/.exec(typeof text === 'string' ? text : '') ?? [];
  return epoch ? { epoch, sequence: Number(digits) } : null;
}

export class Stream {
  #epoch = null; // null while it is not known where we are
  #position = 0;
  #promised = 0;
  #ahead = new Map(); // sequence -> { epoch, event }

  /** `since` is a stored cursor, '' for the beginning, or NOWHERE. */
  constructor(since = NOWHERE) {
    const at = cursorOf(since);
    if (since === '') this.#epoch = '';
    else if (at && since !== NOWHERE) [this.#epoch, this.#position] = [at.epoch, at.sequence];
    this.asked = false;
    this.movedAt = 0;
  }

  get known() { return this.#epoch !== null; }

  get epoch() { return this.#epoch || null; }

  get position() { return this.#position; }

  /** Where it is to be asked from. */
  get since() {
    if (!this.known) return NOWHERE;
    return this.#epoch ? `${this.#epoch}:${this.#position}` : '';
  }

  /** Whether something is to come: an answer, a replay, or what belongs into a hole. */
  get behind() { return this.asked || !this.known || this.#position < this.#promised || this.#ahead.size > 0; }

  /** Forget a position that is worth nothing any more. */
  lose() {
    [this.#epoch, this.#position, this.#promised] = [null, 0, 0];
    this.#ahead.clear();
  }

  /** Return the events that are due, in order, now that one has come. */
  take(cursor, event) {
    if (this.#epoch && this.#epoch !== cursor.epoch) this.lose(); // the tables were made anew
    if (this.#epoch === '') this.#epoch = cursor.epoch;
    if (!this.known || cursor.sequence > this.#position) {
      this.#ahead.set(cursor.sequence, { epoch: cursor.epoch, event });
    }
    return this.#inOrder();
  }

  /** Note where the stream ends. Says what is due, and whether events are gone and the state is to be read. */
  answered(end, recovered) {
    this.asked = false;
    if (recovered && this.known && ['', end.epoch].includes(this.#epoch)) {
      this.#epoch = end.epoch;
      this.#promised = Math.max(this.#promised, end.sequence);
      return { due: this.#inOrder(), lost: false };
    }
    [this.#epoch, this.#position, this.#promised] = [end.epoch, end.sequence, end.sequence];
    for (const [sequence, { epoch }] of this.#ahead) {
      if (epoch !== end.epoch || sequence <= end.sequence) this.#ahead.delete(sequence);
    }
    return { due: this.#inOrder(), lost: true };
  }

  #inOrder() {
    const due = [];
    while (this.known && this.#ahead.has(this.#position + 1)) {
      this.#position += 1;
      due.push({ sequence: this.#position, event: this.#ahead.get(this.#position).event });
      this.#ahead.delete(this.#position);
    }
    return due;
  }
}
