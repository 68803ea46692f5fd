// One WebSocket connection, from its opening to its end: authenticates, asks for missed events, and checks that the
// service still answers.

import { ConnectionLost, GameNightError, TokenRefused, known } from './errors.js';
import { NOW, SESSIONS, nightIn } from './names.js';

const OPENING = 15_000; // milliseconds, as all of these
const SILENCE = 25_000; // after this a ping is sent: proxies close after a minute
const PONG = 10_000; // after this much more, the connection is dead
const PROBE = 4_000; // the same for a machine that has just been woken up
const STALLED = 15_000; // how long an answer, or the next event of a replay, may be missing
const AGAIN = 1_000; // a refused frame is sent again after this, plus a random share of four times as much
const USEFUL = 5_000; // a connection that lasted this long was useful
const LATEST_RECONNECT = 300_000; // the contract's bound of afterMs
const TICK = 500;

const RENEWAL = 'renewal'; // the id of an `auth` that replaces the token
const REFUSED = ['token_expired', 'token_revoked'];
const DROPS = ['auth_timeout', 'connection_unknown', 'not_authenticated'];

/**
 * @typedef {object} End how a connection has ended
 * @property {boolean} useful whether it lasted long enough to count as a success
 * @property {boolean} planned whether the service asked for a new connection
 * @property {GameNightError} why
 *
 * @typedef {object} ConnectionListener
 * @property {() => void} changed
 * @property {(expires: Date) => void} expiring
 */

export class Connection {
  /** @type {WebSocket} */
  #socket;
  #streams;
  #listener;
  /** @type {Map<string, { last: number | null, movedAt: number, againAt: number }>} until events up to `last` came */
  #waiting = new Map();
  #openedAt = Date.now();
  #heardAt = Date.now();
  #deadline = Date.now() + OPENING;
  #reconnectAt = Infinity;
  #ticking;
  /** @type {((end: End) => void) | null} */
  #ended = null;
  /** @type {{ renewed: () => void, refused: (problem: GameNightError) => void } | null} */
  #renewing = null;

  /**
   * @param {(url: string) => WebSocket} open
   * @param {string} url
   * @param {import('./streams.js').Streams} streams
   * @param {string} token
   * @param {ConnectionListener} listener
   */
  constructor(open, url, streams, token, listener) {
    this.#streams = streams;
    this.#listener = listener;
    this.token = token;
    this.authenticated = false;
    /** @type {Promise<End>} kept when it is over */
    this.over = new Promise((end) => { this.#ended = end; });
    this.#ticking = setInterval(() => this.#tick(Date.now()), TICK);
    try {
      this.#socket = open(url);
    } catch (problem) {
      this.#socket = /** @type {any} */ (null);
      this.end(`no WebSocket can be opened here: ${problem}`);
      return;
    }
    this.#socket.onopen = () => this.ask(SESSIONS);
    this.#socket.onmessage = ({ data }) => this.#heard(data);
    this.#socket.onerror = (event) => this.end(/** @type {any} */ (event).message || 'it could not be opened');
    this.#socket.onclose = ({ code }) => this.end(`it was closed (${code})`);
  }

  /** Whether all replays are complete. */
  get current() { return this.authenticated && this.#waiting.size === 0 && !this.#streams.restoring; }

  /**
   * Ask for a stream from its place on.
   * @param {string} stream
   */
  ask(stream) {
    if (stream !== SESSIONS && !this.authenticated) return; // auth_success asks for it
    const place = this.#streams.place(stream);
    if (!place) return;
    const { movedAt = Date.now() } = this.#waiting.get(stream) ?? {};
    this.#waiting.set(stream, { last: null, movedAt, againAt: Infinity });
    const [since, id] = [place.cursor, stream];
    if (stream === SESSIONS) this.#send({ type: 'auth', token: this.token, since, id });
    else this.#send({ type: 'subscribe', sessionId: nightIn(stream), since, id });
    this.#listener.changed();
  }

  /** @param {string} stream */
  leave(stream) {
    this.#waiting.delete(stream);
    if (this.authenticated) this.#send({ type: 'unsubscribe', sessionId: nightIn(stream) });
  }

  /**
   * Replace the token. Returns once the service has accepted it. Throws TokenRefused.
   * @param {string} token
   * @returns {Promise<void>}
   */
  renew(token) {
    this.token = token;
    if (!this.authenticated) return Promise.resolve();
    this.#send({ type: 'auth', token, id: RENEWAL });
    return new Promise((renewed, refused) => { this.#renewing = { renewed, refused }; });
  }

  /** Check at once whether the service answers. */
  probe() {
    if (!this.authenticated) return;
    this.#send({ type: 'ping' });
    this.#deadline = Math.min(this.#deadline, Date.now() + PROBE);
  }

  /**
   * @param {string | GameNightError} why
   * @param {boolean} [planned]
   */
  end(why, planned = false) {
    if (!this.#ended) return;
    clearInterval(this.#ticking);
    if (this.#socket) {
      this.#socket.onclose = this.#socket.onmessage = this.#socket.onopen = null;
      this.#socket.onerror = () => {}; // `ws` throws an error that has no listener
      this.#socket.close();
    }
    const useful = planned || (this.authenticated && Date.now() - this.#openedAt >= USEFUL);
    this.authenticated = false;
    this.#renewing?.renewed(); // the next connection begins with it
    this.#ended({ useful, planned, why: why instanceof GameNightError ? why : new ConnectionLost(why) });
    this.#ended = null;
  }

  /** @param {number} now */
  #tick(now) {
    if (now >= this.#reconnectAt) this.end('the service asked for a new connection', true);
    else if (now >= this.#deadline) this.end('nobody answers');
    else if (this.authenticated) {
      if (this.#deadline === Infinity && now - this.#heardAt >= SILENCE) {
        this.#send({ type: 'ping' });
        this.#deadline = now + PONG;
      }
      for (const [stream, { movedAt, againAt }] of this.#waiting) {
        if (now - movedAt >= STALLED) this.end(`${stream} did not come within ${STALLED / 1000} s`);
        else if (now >= againAt) this.ask(stream);
      }
    }
  }

  /** @param {object} frame */
  #send(frame) {
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(frame)); // 1 is open
  }

  /** @param {unknown} text */
  #heard(text) {
    this.#heardAt = Date.now();
    if (this.authenticated) this.#deadline = Infinity;
    let frame;
    try {
      frame = typeof text === 'string' ? JSON.parse(text) : null;
    } catch {
      return; // no frame of the protocol
    }
    switch (frame?.type) {
      case 'auth_success': this.#welcomed(frame); break;
      case 'subscribed': this.#answered(frame); break;
      case 'auth_error': this.#refused(frame); break;
      case 'error': this.#failed(frame); break;
      case 'reconnect': this.#reconnect(frame); break;
      case 'token_expiring': this.#listener.expiring(new Date(frame.expiresAt)); break;
      default: this.#happened(frame);
    }
    this.#listener.changed();
  }

  /** @param {any} frame */
  #happened(frame) {
    const { stream, sequence, cursor, type } = Object(frame);
    if (typeof type !== 'string' || !Number.isInteger(sequence) || typeof cursor !== 'string') return; // no event
    if (this.#waiting.get(stream)?.last === null) return; // it comes again after the answer
    this.#streams.take(frame);
    this.#moved(frame);
  }

  /** @param {{ stream: string, sequence: number }} place */
  #moved({ stream, sequence }) {
    const waiting = this.#waiting.get(stream);
    if (!waiting || waiting.last === null) return;
    if (sequence >= waiting.last) this.#waiting.delete(stream);
    else waiting.movedAt = Date.now();
  }

  /** @param {any} frame */
  #welcomed(frame) {
    const first = !this.authenticated;
    this.authenticated = true;
    this.#deadline = Infinity;
    if (frame.id === RENEWAL) {
      this.#renewing?.renewed();
      this.#renewing = null;
    }
    this.#answered(frame);
    if (first) for (const stream of this.#streams.names.filter((name) => name !== SESSIONS)) this.ask(stream);
  }

  /** @param {any} frame */
  #answered(frame) {
    const waiting = this.#waiting.get(frame.stream);
    if (!waiting || waiting.last !== null || !Number.isInteger(frame.last)) return;
    waiting.last = frame.last;
    const failed = (/** @type {unknown} */ problem) => this.end(known(problem));
    this.#streams.answered(frame.stream, frame).then(this.#listener.changed, failed);
    this.#moved(frame);
  }

  /** @param {any} frame */
  #refused({ code, message }) {
    const problem = new TokenRefused(code, message);
    if (!this.authenticated) this.end(problem);
    this.#renewing?.refused(problem);
    this.#renewing = null;
  }

  /** @param {any} frame */
  #failed({ code, message, id: stream, retryable }) {
    const waiting = this.#waiting.get(stream);
    if (REFUSED.includes(code)) this.end(new TokenRefused(code, message));
    else if (DROPS.includes(code)) this.end(`${message} (${code})`);
    else if (!waiting) return; // it answers nothing that is waited for
    else if (code === 'session_not_found') {
      this.#waiting.delete(stream);
      this.#streams.vanished(stream);
    } else if (code === 'invalid_cursor' && this.#streams.place(stream)?.cursor !== NOW) {
      this.#streams.lose(stream);
      this.ask(stream);
    } else if (retryable) waiting.againAt = Date.now() + AGAIN * (1 + 4 * Math.random());
  }

  /** @param {any} frame */
  #reconnect({ afterMs }) {
    this.#reconnectAt = Date.now() + (afterMs >= 0 && afterMs <= LATEST_RECONNECT ? afterMs : 0);
  }
}
