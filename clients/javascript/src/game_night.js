// Connects a bot or a page to a Game Night Live service: yields events, and has methods for hosts and voters.

import { addresses, discovered, wrongAddress } from './address.js';
import { MemoryCursors } from './cursors.js';
import { Deliveries } from './deliveries.js';
import { Refused } from './errors.js';
import { Follower } from './follower.js';
import { Listeners } from './listeners.js';
import { NOW, streamOf } from './names.js';
import { Nights } from './nights.js';
import { Rest } from './rest.js';
import { Streams } from './streams.js';
import { Tokens } from './token.js';

/**
 * @typedef {import('./listeners.js').Event} Event
 * @typedef {import('./rest.js').RequestOptions} RequestOptions
 *
 * @typedef {object} Options
 * @property {import('./token.js').Token} [token] a text, or a function, async or not, that returns a new one
 * @property {import('./cursors.js').CursorStore} [cursors] where cursors are stored; the default is in memory
 * @property {boolean} [everyNight] false follows the starts of all nights, and only those nights that you `follow`
 * @property {number} [pollSeconds] time between two polls while no WebSocket gets through
 * @property {string} [websocketUrl] the WebSocket's address; the default is what `GET /api` names
 * @property {AbortSignal} [signal] closes the client
 */

export class GameNight {
  #closing = new AbortController();
  #listeners = new Listeners();
  /** @type {Deliveries<{ event: Event | null, moves: import('./nights.js').Moves }>} */
  #deliveries = new Deliveries();
  #store;
  /** @type {Streams} */
  #streams;
  /** @type {Nights} */
  #nights;
  #rest;
  #root;
  #follower;
  /** @type {import('./follower.js').State} */
  #state = 'connecting';
  #following = false;

  /**
   * @param {string} url the address without `/api`, such as http://localhost:5000
   * @param {Options} [options]
   */
  constructor(url, { token = '', cursors, everyNight = true, pollSeconds = 5, websocketUrl, signal } = {}) {
    const at = addresses(url, websocketUrl);
    const tokens = new Tokens(token, (problem) => this.#listeners.tell('error', problem));
    this.#store = cursors ?? new MemoryCursors();
    this.#root = at.root;
    this.#rest = new Rest(at.root, tokens, this.#closing.signal);
    this.#streams = new Streams({
      happened: (frame) => this.#nights.happened(frame),
      restore: (stream, place, lost) => this.#nights.restore(stream, place, lost),
      vanished: (stream) => this.#nights.vanished(stream),
      followed: (stream) => this.#follower.connection?.ask(stream),
      left: (stream) => this.#follower.connection?.leave(stream),
    });
    this.#nights = new Nights(this.#streams, this.#rest, everyNight, (event, moves) => {
      this.#deliveries.push({ event, moves });
    });
    this.#follower = new Follower({
      address: async () => { at.websocketUrl ??= await discovered(this.#rest, at.root); return at.websocketUrl; },
      streams: this.#streams,
      rest: this.#rest,
      tokens,
      pollDelay: pollSeconds * 1000,
      listener: {
        state: (state) => this.#become(state),
        error: (problem) => this.#listeners.tell('error', problem),
        expiring: (expires) => this.#listeners.tell('token_expiring', expires),
        admitted: (token) => this.#nights.admitted(token),
      },
    });
    signal?.addEventListener('abort', () => this.close(), { once: true, signal: this.#closing.signal });
    if (signal?.aborted) this.close();
  }

  /** The connection's state: connecting, catching_up, live, polling or closed. */
  get state() { return this.#state; }

  /** The ids of the nights that are followed. */
  get following() { return this.#streams.nights; }

  /**
   * Yield events, from the stored cursors on, until `close()`. The client saves an event's cursor when the program asks
   * for the next event. Throws TokenRefused, WrongAddress and NoCursors, which only a person can fix. Retries everything
   * else.
   * @returns {AsyncGenerator<Event, void, void>}
   */
  async *events() {
    if (this.#following) throw new Error('This GameNight is listening already. Make another one to listen twice.');
    this.#following = true;
    const stored = (await this.#store.load()) ?? {};
    if (this.#closing.signal.aborted) return;
    this.#nights.resume(stored);
    const cursors = Object.fromEntries(this.#streams.names.map((name) => [name, stored[name] ?? NOW]));
    this.#follower.run().then(() => this.#deliveries.end(), (problem) => this.#deliveries.fail(problem));
    try {
      for await (const { event, moves } of this.#deliveries) {
        if (event) {
          await this.#listeners.hear(event);
          yield event;
        }
        for (const [stream, cursor] of Object.entries(moves)) {
          if (cursor === null) delete cursors[stream];
          else cursors[stream] = cursor;
        }
        await this.#store.save({ ...cursors });
      }
    } finally {
      this.#follower.stop();
      this.#become('closed');
    }
  }

  /** Pass events to the listeners of `on`, one after the other, until `close()`. Throws as `events` does. */
  async run() {
    const events = this.events();
    while (!(await events.next()).done);
  }

  /**
   * Call a function for each event of a type; for each `event`; for each new `state`; for an `error` that the client
   * recovers from by itself, which is otherwise printed by `console.warn`; or when the token is about to expire. Returns a function that removes the listener.
   * @template {keyof import('./listeners.js').Heard} Name
   * @param {Name} name
   * @param {(heard: import('./listeners.js').Heard[Name]) => unknown} listener the client waits for an async one
   */
  on(name, listener) { return this.#listeners.add(name, listener); }

  /** End every connection, timer and request. Events that were not yielded come at the next start. */
  close() {
    this.#closing.abort();
    this.#follower.stop();
    this.#deliveries.end();
    this.#become('closed');
  }

  /**
   * Follow a night from a cursor on: `"now"` begins with a snapshot, `""` with its start.
   * @param {number} nightId
   * @param {string} [cursor]
   */
  follow(nightId, cursor = NOW) {
    this.#streams.follow(streamOf(nightId), cursor);
    this.#follower.nudge();
  }

  /** @param {number} nightId */
  unfollow(nightId) { this.#streams.leave(streamOf(nightId)); }

  /** Check at once whether the connection is alive, for instance after the machine slept. */
  wake() { this.#follower.wake(); }

  /** Get a new token, and use it on the same connection. Throws TokenRefused. */
  renew() { return this.#follower.renew(); }

  /**
   * Start a night, and return it.
   * @param {string | null} [notes]
   * @param {RequestOptions} [options]
   * @returns {Promise<import('./types.js').StartedSession>}
   */
  startNight(notes = null, options) { return this.request('POST', '/api/sessions', { notes }, options); }

  /**
   * Add a game to a night, and return it.
   * @param {number} nightId
   * @param {import('./types.js').NewGame} game
   * @param {RequestOptions} [options]
   * @returns {Promise<import('./types.js').Game>}
   */
  addGame(nightId, game, options) { return this.request('POST', `/api/sessions/${nightId}/games`, game, options); }

  /**
   * Remove a game from a night, with its votes.
   * @param {number} nightId
   * @param {number} gameId
   * @returns {Promise<void>}
   */
  async removeGame(nightId, gameId) { await this.request('DELETE', `/api/sessions/${nightId}/games/${gameId}`); }

  /**
   * Vote for a game, or without `game_id` for the newest one. While many vote at once, the vote has no `totals` yet.
   * @param {number} nightId
   * @param {import('./types.js').NewVote} vote
   * @param {RequestOptions} [options]
   * @returns {Promise<import('./types.js').StoredVote & { totals?: import('./types.js').Totals }>}
   */
  vote(nightId, vote, options) { return this.request('POST', `/api/sessions/${nightId}/votes`, vote, options); }

  /**
   * Withdraw somebody's vote for a game.
   * @param {number} nightId
   * @param {string} username
   * @param {number} gameId
   * @returns {Promise<void>}
   */
  async withdrawVote(nightId, username, gameId) {
    const whose = encodeURIComponent(username);
    await this.request('DELETE', `/api/sessions/${nightId}/votes/${gameId}?username=${whose}`);
  }

  /**
   * End a night, and return it.
   * @param {number} nightId
   * @param {RequestOptions} [options]
   * @returns {Promise<import('./types.js').EndedSession>}
   */
  endNight(nightId, options) { return this.request('POST', `/api/sessions/${nightId}/close`, {}, options); }

  /**
   * Return a night with its games and their totals.
   * @param {number} nightId
   * @returns {Promise<import('./types.js').SessionWithGames>}
   */
  night(nightId) { return this.request('GET', `/api/sessions/${nightId}`); }

  /**
   * Return the newest nights, newest first.
   * @param {{ newest?: number }} [which]
   * @returns {Promise<import('./types.js').Session[]>}
   */
  async nights({ newest = 100 } = {}) { return (await this.request('GET', `/api/sessions?newest=${newest}`)).sessions; }

  /**
   * Return the newest night that is on, or null.
   * @returns {Promise<import('./types.js').Session | null>}
   */
  async activeNight() {
    try {
      return await this.request('GET', '/api/sessions/active');
    } catch (problem) {
      if (problem instanceof Refused && problem.code === 'no_active_session') return null;
      throw problem;
    }
  }

  /**
   * Make a code for any number of guests, and return it. It is good until the night ends, and for `ttl_seconds` at most.
   * @param {number} nightId
   * @param {import('./types.js').NewInvite} [invite]
   * @param {RequestOptions} [options]
   * @returns {Promise<import('./types.js').Invite>}
   */
  invite(nightId, invite = {}, options) { return this.request('POST', `/api/sessions/${nightId}/invites`, invite, options); }

  /**
   * Make a link that signs in one host, and return it. It is good once, for ten minutes.
   * @param {RequestOptions} [options]
   * @returns {Promise<import('./types.js').Invite>}
   */
  inviteHost(options) { return this.request('POST', '/api/invites', undefined, options); }

  /**
   * Revoke a guest's token. The name stays taken.
   * @param {number} nightId
   * @param {string} name
   * @returns {Promise<void>}
   */
  async removeGuest(nightId, name) {
    await this.request('DELETE', `/api/sessions/${nightId}/guests/${encodeURIComponent(name)}`);
  }

  /**
   * Revoke all tokens that a subject has now, and close its connections.
   * @param {string} subject
   * @returns {Promise<void>}
   */
  async revoke(subject) { await this.request('DELETE', `/api/tokens/${encodeURIComponent(subject)}`); }

  /**
   * Make any REST request, and return its answer. It is retried if the failure may pass. A POST carries an
   * idempotency key, so it is done once. A DELETE that finds nothing after its first answer was lost is done, and
   * returns null. Throws Refused, TokenRefused, Unreachable if nothing answers, and WrongAddress if another server
   * answers from the beginning.
   * @param {string} method
   * @param {string} path such as /api/sessions/17
   * @param {object} [body]
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  async request(method, path, body, options) {
    const answer = await this.#rest.request(method, path, body, options).catch((problem) => {
      throw problem instanceof Refused && problem.foreign && !this.#rest.reached ? wrongAddress(this.#root) : problem;
    });
    if (method !== 'GET') this.#follower.nudge(); // while polling, the change is seen at once
    return answer;
  }

  /** @param {import('./follower.js').State} state */
  #become(state) {
    if (state === this.#state || this.#state === 'closed') return;
    this.#state = state;
    this.#listeners.tell('state', state);
  }
}

/**
 * Join with a code, and return the token of a guest or of a host. It needs no token. A host needs no name. Throws as
 * `request` does: Refused has the code invite_not_found, invite_expired, name_taken or too_many_attempts.
 * @param {string} url as that of `GameNight`
 * @param {string} code
 * @param {string | null} [name]
 * @param {RequestOptions} [options]
 * @returns {Promise<import('./types.js').Joined>}
 */
export const join = (url, code, name = null, options) =>
  new GameNight(url).request('POST', '/api/join', { code, name }, options);
