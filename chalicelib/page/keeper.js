// Keeps the shown night: reads it, applies events to it, and saves it with its cursor, so a reload continues exactly
// there.

import { after, feedOf, nightOf, restored } from './night.js';

const PAGE = 100; // the protocol's bound
const SAVE_AFTER = 250; // milliseconds: a burst of votes is written once

export class Keeper {
  #client;
  #memory;
  #saving = null;

  constructor(client, memory) {
    [this.#client, this.#memory] = [client, memory];
    this.night = null;
    this.cursor = null;
  }

  /** Restore the saved night; return whether there was one. */
  recall() {
    const kept = this.#memory.read('night');
    if (!kept?.cursor) return false;
    [this.night, this.cursor] = [kept.night, kept.cursor];
    return true;
  }

  /** Read the events of a night and its present state, for `begin`. Raises a GameNightError. */
  async read(id) {
    let [feed, cursor, more] = [[], '', true];
    while (more) {
      const since = `since=${encodeURIComponent(cursor)}&limit=${PAGE}`;
      const page = await this.#client.request('GET', `/api/sessions/${id}/events?${since}`);
      feed = feedOf(page.events, feed);
      ({ cursor, more } = page);
    }
    // Events between the two requests are applied again. That changes nothing, because events carry totals.
    return { night: nightOf(await this.#client.night(id), feed), cursor };
  }

  /** Replace the kept night. */
  begin({ night, cursor }) {
    [this.night, this.cursor] = [night, cursor];
    this.#saveSoon();
  }

  /** Apply an event. A snapshot replaces events that are lost. */
  take(event) {
    const night = event.type === 'snapshot' ? restored(this.night, event.data.session) : after(this.night, event);
    this.begin({ night, cursor: event.cursor });
  }

  close() {
    [this.night, this.cursor] = [null, null];
    this.save();
  }

  save() {
    clearTimeout(this.#saving);
    this.#saving = null;
    this.#memory.write('night', this.night && { night: this.night, cursor: this.cursor });
  }

  #saveSoon() { this.#saving ??= setTimeout(() => this.save(), SAVE_AFTER); }
}
