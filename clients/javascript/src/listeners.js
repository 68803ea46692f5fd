// Calls the functions that were passed to `on`.

/**
 * @typedef {import('./types.js').Happened} Happened an event of the service
 * @typedef {{ type: 'snapshot', timestamp: string, data: { session: import('./types.js').SessionWithGames }, stream: string, sequence: number, cursor: string }} Snapshot
 *   a night as it is now, instead of its past events: when a client starts without cursors, and after a gap
 * @typedef {{ type: 'gap', timestamp: string, data: { session: { id: number } | null } }} Gap events of a night are
 * lost or, if `session` is null, starts of nights. Without a snapshot after it, the client no longer follows the
 * night
 * @typedef {Happened | Snapshot | Gap} Event
 *
 * @typedef {{ [Type in Event['type']]: Extract<Event, { type: Type }> } & {
 *   event: Event,
 *   state: import('./follower.js').State,
 *   error: import('./errors.js').GameNightError,
 *   token_expiring: Date,
 * }} Heard
 */

export class Listeners {
  /** @type {Map<string, Set<(heard: any) => unknown>>} */
  #listeners = new Map();

  /**
   * Returns a function that removes the listener.
   * @param {string} name
   * @param {(heard: any) => unknown} listener
   */
  add(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => { listeners.delete(listener); };
  }

  /**
   * Tell listeners, without waiting for them. An error that has no listener is printed, so that no program waits in
   * silence for a service that it can't reach.
   * @param {string} name
   * @param {any} heard
   */
  tell(name, heard) {
    const listeners = this.#listeners.get(name);
    for (const listener of listeners ?? []) listener(heard);
    if (name === 'error' && !listeners?.size) console.warn(`gamenight: ${heard.message}; trying again`);
  }

  /**
   * Pass an event to its listeners. Returns once all are done with it; throws what they throw.
   * @param {Event} event
   */
  async hear(event) {
    for (const name of [event.type, 'event']) {
      for (const listener of this.#listeners.get(name) ?? []) await listener(event);
    }
  }
}
