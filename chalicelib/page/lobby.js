// Shows the lobby while no night is shown: a host starts a night; everybody can open active and earlier nights.

import { byId, make, say, spoken, written } from './elements.js';
import { counted, nameOf, timeText } from './words.js';

/** How many earlier nights are listed at first. */
const RECENT = 8;

export class Lobby {
  #open;
  #all = false;

  /** `open(id)` shows a night, and `readAll()` reads all older nights. */
  constructor(open, readAll) {
    this.#open = open;
    byId('earlier').onclick = () => { this.#all = true; readAll(); };
  }

  /** `nights` are the newest first; `who` is { sub, hosting }. */
  render(nights, { sub, hosting }) {
    const on = nights.filter((night) => night.is_active);
    const past = nights.filter((night) => !night.is_active);
    const shown = this.#all ? past : past.slice(0, RECENT);
    say(byId('lobby-title'), on.length > 0 ? `${counted(on.length, 'night is', 'nights are')} on.` : 'No night is on.');
    byId('lobby-lead').replaceChildren(...spoken(leadOf(on.length, sub, hosting)));
    byId('on-list').hidden = on.length === 0;
    byId('on-list').replaceChildren(...on.map((night) => this.#itemOf(night)));
    byId('recent').hidden = past.length === 0;
    byId('recent-list').replaceChildren(...shown.map((night) => this.#itemOf(night)));
    const oldest = nights.at(-1)?.id ?? 1;
    byId('earlier').hidden = shown.length === past.length && (this.#all || oldest === 1);
  }

  #itemOf(night) {
    const button = make('button', { type: 'button', className: 'past' });
    button.append(
      make('span', { className: 'number' }, `№ ${night.id}`),
      make('span', { className: 'name' }, written(nameOf(night))),
      make('span', { className: 'more' }, about(night)),
    );
    button.addEventListener('click', () => this.#open(night.id));
    return make('li', {}, button);
  }
}

function leadOf(on, sub, hosting) {
  if (hosting) return [on > 0 ? 'Go there, or start another one.' : 'Start one, and every connected bot and page shows it.'];
  const next = on > 0 ? 'Choose one.' : 'As soon as a host starts a night, it opens here.';
  return ['You are signed in as ', { text: sub }, `, with a bot’s token: you can watch and vote. ${next}`];
}

function about(night) {
  const games = counted(night.games_played, 'game');
  return night.is_active ? `on now · ${games}` : `${timeText(night.created_at)} · ${games}`;
}
