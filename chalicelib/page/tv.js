// Shows a night on a television: its code, the game that is played, and the scores. Nobody has to press or scroll.

import { byId, make, say, spoken, written } from './elements.js';
import { ticketOf } from './invitations.js';
import { ranked } from './night.js';
import { verdictWords } from './results.js';
import { nameOf, playersText, scoreText, titleText } from './words.js';

/** The most scores that are shown. */
const SCORES = 5;

export class Television {
  #awake = new Awake();
  #entry = null; // the id of the night whose code is shown

  /** `inviting(id)` returns the code of a night; it is null for anybody but a host. */
  render({ session, games }, inviting) {
    const over = !session.is_active;
    const now = games.reduce((newest, game) => (newest?.id > game.id ? newest : game), null);
    say(byId('tv-number'), `Night № ${session.id}`);
    say(byId('tv-title').firstElementChild, nameOf(session));
    say(byId('tv-stamp'), over ? 'Ended' : 'On now');
    byId('tv').classList.toggle('over', over);
    say(byId('tv-kicker'), over ? 'The results' : 'Now playing');
    byId('tv-now').replaceChildren(...nowWords(games, now, over));
    say(byId('tv-about'), over || !now ? '' : playersText(now));
    byId('tv-list').replaceChildren(...ranked(games).slice(0, SCORES).map((game) => rowOf(game, !over && game === now)));
    const more = games.length - SCORES;
    say(byId('tv-more'), more > 0 ? `and ${more} more` : '');
    document.title = titleText(session);
    this.#showEntry(session.id, over ? null : inviting);
    this.#awake.keep(true);
  }

  /** Show the code of a night, once. If it can't be read, everything else is shown. */
  async #showEntry(id, inviting) {
    const wanted = inviting ? id : null;
    if (this.#entry === wanted) return;
    this.#entry = wanted;
    byId('tv-entry').replaceChildren();
    const ticket = wanted && await inviting(id).then(({ code }) => ticketOf(code)).catch(() => null);
    if (ticket && this.#entry === wanted) byId('tv-entry').replaceChildren(...ticket);
  }

  /** Let the screen sleep, since another view is shown. */
  leave() { this.#awake.keep(false); }
}

function nowWords(games, now, over) {
  if (over) return spoken(verdictWords(games));
  return [now ? written(now.title) : 'The first game comes soon'];
}

function rowOf({ title, totals }, now) {
  return make(
    'li',
    { className: now ? 'now' : '' },
    make('span', { className: 'score' }, scoreText(totals.score)),
    make('span', { className: 'title' }, written(title)),
    make('span', { className: 'up' }, `▲ ${totals.upvotes}`),
    make('span', { className: 'down' }, `▼ ${totals.downvotes}`),
  );
}

/** Keeps the screen on if the browser can. It can't over plain http, nor while the tab is hidden. */
class Awake {
  #wanted = false;
  #lock = null; // a promise of a lock

  constructor() { document.addEventListener('visibilitychange', () => this.#ask()); }

  keep(wanted) {
    this.#wanted = wanted;
    if (wanted) this.#ask();
    else {
      this.#lock?.then((lock) => lock?.release());
      this.#lock = null;
    }
  }

  #ask() {
    if (!this.#wanted || this.#lock || document.hidden) return;
    const lock = navigator.wakeLock?.request('screen').catch(() => null); // refused, for instance at low battery
    this.#lock = lock ?? null;
    lock?.then((held) => held?.addEventListener('release', () => { if (this.#lock === lock) this.#lock = null; }));
  }
}
