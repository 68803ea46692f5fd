// One WebSocket connection, from its opening to its end: authenticates, asks for what was missed, asks again where
// something is missing, and makes sure that somebody is there. Leaves coming back to `follower.js`.

import { SESSIONS } from './book.js';

const OPENING = 10_000; // milliseconds, as all of these
const SILENCE = 30_000; // after so much of it, a ping
const PONG = 10_000; // and after so much more, the connection is dead
const PROBE = 4_000; // the same for a tab that has just been woken up
const HOLE = 3_000; // so long an event or an answer may be missing
const ASK_AT_MOST = 3;
const USEFUL = 5_000; // a connection that has lived so long was worth it
const LATEST_RECONNECT = 300_000; // the contract's bound of afterMs
const TICK = 500;

const DROPS = ['token_expired', 'auth_timeout', 'connection_unknown', 'not_authenticated'];

export class Connection {
  #socket;
  #book;
  #token;
  #listener;
  #asks = new Map();
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
    for (const stream of book.streams.values()) stream.asked = true;
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
  get current() { return this.authenticated && !this.#book.behind; }

  /** Ask for a night that the book has begun to follow, and leave another one. */
  follow(left) {
    if (!this.authenticated) return; // auth_success asks for it
    if (left) this.#send({ type: 'unsubscribe', sessionId: Number(left) });
    if (this.#book.night) this.#ask(this.#book.night);
  }

  /** Go on with another token. */
  renew(token) {
    this.#token = token;
    if (this.authenticated) this.#ask(SESSIONS);
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
      for (const [key, stream] of this.#book.streams) {
        if (!stream.behind) this.#asks.delete(key);
        else if (now - stream.movedAt >= HOLE) this.#askAgain(key);
      }
    }
  }

  #askAgain(key) {
    const asks = (this.#asks.get(key) ?? 0) + 1;
    this.#asks.set(key, asks);
    if (asks > ASK_AT_MOST) this.end();
    else this.#ask(key);
  }

  #ask(key) {
    const stream = this.#book.streams.get(key);
    stream.asked = true;
    stream.movedAt = Date.now();
    const { since } = stream;
    if (key === SESSIONS) this.#send({ type: 'auth', token: this.#token, since, id: key });
    else this.#send({ type: 'subscribe', sessionId: Number(key), since, id: key });
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
      return; // no frame of the contract; what it stood for is missing, and asked for again
    }
    switch (frame?.type) {
      case 'auth_success': this.#welcomed(frame); break;
      case 'subscribed': this.#answered(String(frame.sessionId), frame); break;
      case 'auth_error': this.#refused(frame); break;
      case 'error': this.#failed(frame); break;
      case 'reconnect': this.#reconnect(frame); break;
      case 'token_expiring': this.#listener.expiring(Date.parse(frame.expiresAt)); break;
      case 'pong': case 'unsubscribed': break;
      default: this.#happened(frame);
    }
    this.#listener.changed();
  }

  #happened(frame) {
    const key = this.#book.take(frame, this.authenticated);
    const stream = key && this.#book.streams.get(key);
    // From an epoch that nobody knows: what is there now has to be asked for.
    if (stream && !stream.known && !stream.asked) this.#ask(key);
  }

  #welcomed(frame) {
    const first = !this.authenticated;
    this.authenticated = true;
    this.#deadline = Infinity;
    this.#answered(SESSIONS, frame);
    if (first && this.#book.night) this.#ask(this.#book.night);
  }

  #answered(key, frame) {
    this.#book.answered(key, frame).then(this.#listener.changed, () => this.end());
  }

  #refused({ code, message }) {
    const problem = { code, detail: message };
    if (!this.authenticated) {
      this.end();
      this.#listener.refused(problem);
      return;
    }
    this.#book.sessions.asked = false;
    this.#listener.notRenewed(problem);
  }

  #failed({ code, message, id }) {
    if (code === 'token_expired') {
      this.end();
      this.#listener.refused({ code, detail: message });
    } else if (DROPS.includes(code)) this.end();
    else if (code === 'session_not_found') this.#book.vanished(String(id));
    else if (code === 'invalid_cursor' && this.#book.streams.has(String(id))) {
      this.#book.streams.get(String(id)).lose();
      this.#ask(String(id));
    }
    // Of anything else the answer is missing, and is asked for again.
  }

  #reconnect({ afterMs }) {
    const after = afterMs >= 0 && afterMs <= LATEST_RECONNECT ? afterMs : 0;
    this.#reconnectAt = Date.now() + after;
  }
}
