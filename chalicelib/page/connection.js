// One WebSocket connection, from its opening to its end: authenticates, asks for what was missed, and makes sure that
// somebody is there. Leaves coming back to `follower.js`.

import { NOW, SESSIONS, nightIn } from './book.js';

const OPENING = 10_000; // milliseconds, as all of these
const SILENCE = 30_000; // after so much of it, a ping
const PONG = 10_000; // and after so much more, the connection is dead
const PROBE = 4_000; // the same for a tab that has just been woken up
const STALLED = 15_000; // so long an answer, or the next event of a replay, may be missing
const AGAIN = 1_000; // after so much, and a random share of four times as much, what was refused is asked again
const USEFUL = 5_000; // a connection that has lived so long was worth it
const LATEST_RECONNECT = 300_000; // the protocol's bound of afterMs
const TICK = 500;

const DROPS = ['token_expired', 'auth_timeout', 'connection_unknown', 'not_authenticated'];

export class Connection {
  #socket;
  #book;
  #token;
  #listener;
  #waiting = new Map(); // stream -> { last, movedAt, againAt }, while an answer or events up to `last` are to come
  #openedAt = Date.now();
  #heardAt = Date.now();
  #deadline = Date.now() + OPENING;
  #reconnectAt = Infinity;
  #ticking;
  #ended;

  /** `listener` has changed(), expiring(when), refused(problem) and notRenewed(problem). */
  constructor(url, book, token, listener) {
    [this.#book, this.#token, this.#listener] = [book, token, listener];
    this.authenticated = false;
    /** Kept when it is over: { useful, planned }. */
    this.over = new Promise((end) => { this.#ended = end; });
    this.#ticking = setInterval(() => this.#tick(Date.now()), TICK);
    try {
      this.#socket = new WebSocket(url);
    } catch {
      this.end(); // the browser does not allow it here
      return;
    }
    this.#socket.onopen = () => this.#ask(SESSIONS);
    this.#socket.onmessage = ({ data }) => this.#heard(data);
    this.#socket.onclose = () => this.end();
  }

  /** Whether everything that has happened has come, as far as anybody can tell. */
  get current() { return this.authenticated && this.#waiting.size === 0 && !this.#book.restoring; }

  /** Ask for a night that the book has begun to follow, and leave another one. */
  follow(left) {
    if (!this.authenticated) return; // auth_success asks for it
    if (left) {
      this.#waiting.delete(left);
      this.#send({ type: 'unsubscribe', sessionId: nightIn(left) });
    }
    if (this.#book.night) this.#ask(this.#book.night);
  }

  /** Go on with another token. */
  renew(token) {
    this.#token = token;
    if (this.authenticated) this.#send({ type: 'auth', token });
  }

  /** See at once whether somebody is there. */
  probe() {
    if (!this.authenticated) return;
    this.#send({ type: 'ping' });
    this.#deadline = Math.min(this.#deadline, Date.now() + PROBE);
  }

  end(planned = false) {
    if (!this.#ended) return;
    clearInterval(this.#ticking);
    if (this.#socket) {
      this.#socket.onclose = this.#socket.onmessage = this.#socket.onopen = null;
      this.#socket.close();
    }
    const useful = this.authenticated && Date.now() - this.#openedAt >= USEFUL;
    this.authenticated = false;
    this.#ended({ useful: useful || planned, planned });
    this.#ended = null;
  }

  #tick(now) {
    if (now >= this.#reconnectAt) this.end(true);
    else if (now >= this.#deadline) this.end();
    else if (this.authenticated) {
      if (this.#deadline === Infinity && now - this.#heardAt >= SILENCE) {
        this.#send({ type: 'ping' });
        this.#deadline = now + PONG;
      }
      for (const [stream, { movedAt, againAt }] of this.#waiting) {
        if (now - movedAt >= STALLED) this.end();
        else if (now >= againAt) this.#ask(stream);
      }
    }
  }

  #ask(stream) {
    const { movedAt = Date.now() } = this.#waiting.get(stream) ?? {};
    this.#waiting.set(stream, { last: null, movedAt, againAt: Infinity });
    const { cursor: since } = this.#book.place(stream);
    if (stream === SESSIONS) this.#send({ type: 'auth', token: this.#token, since, id: stream });
    else this.#send({ type: 'subscribe', sessionId: nightIn(stream), since, id: stream });
    this.#listener.changed();
  }

  #send(frame) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #heard(text) {
    this.#heardAt = Date.now();
    this.#deadline = this.authenticated ? Infinity : this.#deadline;
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // no frame of the protocol
    }
    switch (frame?.type) {
      case 'auth_success': this.#welcomed(frame); break;
      case 'subscribed': this.#answered(frame); break;
      case 'auth_error': this.#refused(frame); break;
      case 'error': this.#failed(frame); break;
      case 'reconnect': this.#reconnect(frame); break;
      case 'token_expiring': this.#listener.expiring(Date.parse(frame.expiresAt)); break;
      case 'pong': case 'unsubscribed': break;
      default: if (frame?.data) this.#happened(frame);
    }
    this.#listener.changed();
  }

  #happened(frame) {
    if (this.#waiting.get(frame.stream)?.last === null) return; // it comes again after the answer
    this.#book.take(frame);
    this.#moved(frame);
  }

  #moved({ stream, sequence }) {
    const waiting = this.#waiting.get(stream);
    if (!waiting) return;
    if (sequence >= waiting.last) this.#waiting.delete(stream);
    else waiting.movedAt = Date.now();
  }

  #welcomed(frame) {
    const first = !this.authenticated;
    this.authenticated = true;
    this.#deadline = Infinity;
    this.#answered(frame);
    if (first && this.#book.night) this.#ask(this.#book.night);
  }

  #answered(frame) {
    const waiting = this.#waiting.get(frame.stream);
    if (!waiting || waiting.last !== null || !Number.isInteger(frame.last)) return;
    waiting.last = frame.last;
    this.#book.answered(frame.stream, frame).then(this.#listener.changed, () => this.end());
    this.#moved(frame);
  }

  #refused({ code, message }) {
    const problem = { code, detail: message };
    if (!this.authenticated) {
      this.end();
      this.#listener.refused(problem);
      return;
    }
    this.#listener.notRenewed(problem);
  }

  #failed({ code, message, id: stream, retryable }) {
    if (code === 'token_expired') {
      this.end();
      this.#listener.refused({ code, detail: message });
    } else if (DROPS.includes(code)) this.end();
    else if (!this.#waiting.has(stream)) return; // it answers nothing that is waited for
    else if (code === 'session_not_found') {
      this.#waiting.delete(stream);
      this.#book.vanished(stream);
    } else if (code === 'invalid_cursor' && this.#book.place(stream)?.cursor !== NOW) {
      this.#book.lose(stream);
      this.#ask(stream);
    } else if (retryable) this.#waiting.get(stream).againAt = Date.now() + AGAIN * (1 + 4 * Math.random());
  }

  #reconnect({ afterMs }) {
    const after = afterMs >= 0 && afterMs <= LATEST_RECONNECT ? afterMs : 0;
    this.#reconnectAt = Date.now() + after;
  }
}
