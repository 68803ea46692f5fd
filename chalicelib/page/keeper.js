// Keeps the night that is shown: opens it, folds in what happens, and remembers it together with its cursor, so that a
// reload goes on exactly there.

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

  /** Take up what was remembered; says whether there was anything. */
  recall() {
    const kept = this.#memory.read('night');
    if (!kept?.cursor) return false;
    [this.night, this.cursor] = [kept.night, kept.cursor];
    return true;
  }

  /** Read what has happened in a night and how it is now, for `begin`. Raises a GameNightError. */
  async read(id) {
    let [feed, cursor, more] = [[], '', true];
    while (more) {
      const since = `since=${encodeURIComponent(cursor)}&limit=${PAGE}`;
      const page = await this.#client.request('GET', `/api/sessions/${id}/events?${since}`);
      feed = feedOf(page.events, feed);
      ({ cursor, more } = page);
    }
    // What happens between the requests is folded in again: events carry totals, so that this ends right.
    return { night: nightOf(await this.#client.night(id), feed), cursor };
  }

  /** Keep a night in place of the one before. */
  begin({ night, cursor }) {
    [this.night, this.cursor] = [night, cursor];
    this.#saveSoon();
  }

  /** Fold in an event. A snapshot comes in place of events that are gone. */
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
