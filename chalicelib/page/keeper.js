// Keeps the night that is shown: opens it, folds in what happens, reads it anew where events are gone, and remembers
// it together with its place, so that a reload goes on exactly there.

import { after, feedOf, nightOf, restored } from './night.js';

const PAGE = 100; // the protocol's bound
const SAVE_AFTER = 250; // milliseconds: a burst of votes is written once

export class Keeper {
  #api;
  #memory;
  #saving = null;
  #pending = null; // what happens while the state is being read

  constructor(api, memory) {
    [this.#api, this.#memory] = [api, memory];
    this.night = null;
    this.place = null;
  }

  /** Take up what was remembered; says whether there was anything. */
  recall() {
    const kept = this.#memory.read('night');
    if (!kept?.place) return false;
    [this.night, this.place] = [kept.night, kept.place];
    return true;
  }

  /** Read what has happened in a night and how it is now, for `begin`. Raises a Problem. */
  async read(id) {
    let [feed, cursor, sequence, more] = [[], '', 0, true];
    while (more) {
      const page = await this.#api.get(`/api/sessions/${id}/events?since=${encodeURIComponent(cursor)}&limit=${PAGE}`);
      feed = feedOf(page.events, feed);
      ({ cursor, more } = page);
      sequence = page.events.at(-1)?.sequence ?? sequence;
    }
    // What happens between the requests is folded in again: events carry totals, so that this ends right.
    const snapshot = await this.#api.get(`/api/sessions/${id}`);
    return { night: nightOf(snapshot, feed), place: { cursor, sequence } };
  }

  /** Keep a night in place of the one before. */
  begin({ night, place }) {
    [this.night, this.place, this.#pending] = [night, place, null];
    this.#saveSoon();
  }

  /** Fold in an event; `place` is where the stream is then. */
  take(event, place) {
    if (this.#pending) {
      this.#pending.push([event, place]);
      return;
    }
    [this.night, this.place] = [after(this.night, event), place];
    this.#saveSoon();
  }

  /** Read the night anew as of a place. Raises a Problem, and keeps what it has then. */
  async restore(place) {
    const pending = [];
    this.#pending = pending;
    try {
      const snapshot = await this.#api.get(`/api/sessions/${this.night.session.id}`);
      if (this.#pending !== pending) return; // another night was opened meanwhile
      this.begin({ night: restored(this.night, snapshot), place });
      for (const happened of pending) this.take(...happened);
    } catch (problem) {
      if (this.#pending === pending) this.#pending = null;
      throw problem;
    }
  }

  close() {
    [this.night, this.place] = [null, null];
    this.save();
  }

  save() {
    clearTimeout(this.#saving);
    this.#saving = null;
    this.#memory.write('night', this.night && { night: this.night, place: this.place });
  }

  #saveSoon() { this.#saving ??= setTimeout(() => this.save(), SAVE_AFTER); }
}
