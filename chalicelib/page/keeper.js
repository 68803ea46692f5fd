// Keeps the night that is shown: opens it, folds in what happens, reads it anew where events are gone, and remembers
// it together with its position, so that a reload goes on exactly there.

import { FEED_LENGTH, after, nightOf, restored } from './night.js';
import { NOWHERE, cursorOf } from './stream.js';

const SAVE_AFTER = 250; // milliseconds: a burst of votes is written once

export class Keeper {
  #api;
  #memory;
  #saving = null;
  #pending = null; // what happens while the state is being read

  constructor(api, memory) {
    [this.#api, this.#memory] = [api, memory];
    this.night = null;
    this.position = '';
  }

  /** Take up what was remembered; says whether there was anything. */
  recall() {
    const kept = this.#memory.read('night');
    if (!kept) return false;
    [this.night, this.position] = [kept.night, kept.position];
    return true;
  }

  /** Read a night and where its newest events begin, for `begin`. Raises a Problem. */
  async read(id) {
    const { cursor } = await this.#api.get(`/api/sessions/${id}/events?since=${encodeURIComponent(NOWHERE)}&limit=1`);
    const snapshot = await this.#api.get(`/api/sessions/${id}`);
    const { epoch, sequence } = cursorOf(cursor);
    const position = sequence > FEED_LENGTH ? `${epoch}:${sequence - FEED_LENGTH}` : '';
    return { night: nightOf(snapshot, sequence), position };
  }

  /** Keep a night in place of the one before. */
  begin({ night, position }) {
    [this.night, this.position, this.#pending] = [night, position, null];
    this.#saveSoon();
  }

  /** Fold in what has happened; `position` is where the stream is now. */
  take(due, position) {
    if (this.#pending) {
      this.#pending.push(...due);
      return;
    }
    this.night = due.reduce((night, { sequence, event }) => after(night, sequence, event), this.night);
    this.position = position;
    this.#saveSoon();
  }

  /** Read the night anew as of a position. Raises a Problem, and keeps what it has then. */
  async restore(end) {
    const pending = [];
    this.#pending = pending;
    try {
      const snapshot = await this.#api.get(`/api/sessions/${this.night.session.id}`);
      if (this.#pending !== pending) return; // another night was opened meanwhile
      this.#pending = null;
      this.night = restored(this.night, snapshot, end.sequence);
      this.take(pending, `${end.epoch}:${pending.at(-1)?.sequence ?? end.sequence}`);
    } catch (problem) {
      if (this.#pending === pending) this.#pending = null;
      throw problem;
    }
  }

  close() {
    [this.night, this.position] = [null, ''];
    this.save();
  }

  save() {
    clearTimeout(this.#saving);
    this.#saving = null;
    this.#memory.write('night', this.night && { night: this.night, position: this.position });
  }

  #saveSoon() { this.#saving ??= setTimeout(() => this.save(), SAVE_AFTER); }
}
