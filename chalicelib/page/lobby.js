// The lobby: no night is shown. A host starts one; anybody can look at the nights before.

import { byId, make, say } from './elements.js';
import { counted, timeText } from './words.js';

export class Lobby {
  #open;

  /** `open(id)` shows a night. */
  constructor(open) { this.#open = open; }

  render(nights, hosting, sub) {
    const lead = hosting
      ? 'Start one, and every bot and page that is connected hears it.'
      : `You are signed in as ${sub}, with a bot’s token: you can watch and vote. As soon as a host starts a night, it opens here.`;
    say(byId('lobby-lead'), lead);
    byId('recent').hidden = nights.length === 0;
    byId('recent-list').replaceChildren(...nights.map((night) => this.#itemOf(night)));
  }

  #itemOf(night) {
    const button = make('button', { type: 'button', className: 'past' });
    button.append(
      make('span', { className: 'number' }, `№ ${night.id}`),
      make('span', { className: 'name' }, night.notes || 'Game night'),
      make('span', { className: 'more' }, about(night)),
    );
    button.addEventListener('click', () => this.#open(night.id));
    return make('li', {}, button);
  }
}

function about(night) {
  const games = counted(night.games_played, 'game');
  return night.is_active ? `on now · ${games}` : `${timeText(night.created_at)} · ${games}`;
}
