// The games of a night and the voting for them. Changes what is there in place, so that a button that somebody is
// about to press stays where it is, and keeps the focus.

import { byId, say } from './elements.js';
import { clearField, mark } from './forms.js';
import { ranked, voteOf } from './night.js';
import { playersText, problemSentence, scoreText } from './words.js';

const WAYS = [['up', 'upvotes'], ['down', 'downvotes']];

export class Games {
  #items = new Map(); // game id -> <li>
  #vote = null;
  #night = null;

  constructor() {
    byId('voter').addEventListener('input', () => {
      clearField(byId('voter'));
      if (this.#night) this.render(this.#night);
    });
  }

  /** `vote(game, way, username)` sends a vote and raises a Problem where it can't be counted. */
  begin(vote, username) {
    this.#vote = vote;
    byId('voter').value = username;
  }

  render(night) {
    if (this.#night?.session.id !== night.session.id) for (const [id, item] of this.#items) this.#drop(id, item);
    this.#night = night;
    const over = !night.session.is_active;
    const order = over ? ranked(night.games) : [...night.games].sort((a, b) => b.id - a.id);
    for (const [id, item] of this.#items) if (!order.some((game) => game.id === id)) this.#drop(id, item);
    const best = Math.max(0, ...night.games.map(({ totals }) => totals.score));
    order.forEach((game, index) => {
      const item = this.#itemOf(game);
      const leads = game.totals.score > 0 && game.totals.score === best;
      item.classList.toggle('now', !over && index === 0);
      item.classList.toggle('leads', leads);
      const badges = [!over && index === 0 && 'Now playing', leads && (over ? 'Winner' : 'In the lead')];
      fill(item, game, badges.filter(Boolean).join(' · '), over, voteOf(night, game.id, byId('voter').value));
      if (byId('games').children[index] !== item) place(item, index);
    });
    say(byId('bill-title'), over ? 'The results' : 'On the bill');
    byId('games').classList.toggle('over', over);
    byId('voter').closest('.voter').hidden = over || order.length === 0;
  }

  #itemOf(game) {
    if (this.#items.has(game.id)) return this.#items.get(game.id);
    const item = byId('game-template').content.firstElementChild.cloneNode(true);
    for (const button of item.querySelectorAll('.vote')) {
      button.addEventListener('click', () => this.#press(item, game, button));
    }
    this.#items.set(game.id, item);
    return item;
  }

  #drop(id, item) {
    item.remove();
    this.#items.delete(id);
  }

  async #press(item, game, button) {
    const username = byId('voter').value.trim();
    const problem = item.querySelector('.problem');
    say(problem, '');
    if (!username) {
      mark(byId('voter'), 'Say who is voting first.');
      byId('voter').focus();
      return;
    }
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    try {
      await this.#vote(game, button.dataset.vote, username);
    } catch (caught) {
      say(problem, problemSentence(caught));
    } finally {
      button.ariaBusy = 'false';
    }
  }
}

/** Put an item at an index without losing the focus, which moving an element takes from it. */
function place(item, index) {
  const focused = item.contains(document.activeElement) ? document.activeElement : null;
  byId('games').insertBefore(item, byId('games').children[index] ?? null);
  focused?.focus();
}

function fill(item, game, badge, over, mine) {
  const { title, totals, pack_name: pack } = game;
  say(item.querySelector('h3'), title);
  say(item.querySelector('.score-value'), scoreText(totals.score));
  say(item.querySelector('.about'), [pack, playersText(game)].filter(Boolean).join(' · '));
  const badgeElement = item.querySelector('.badge');
  badgeElement.hidden = !badge;
  say(badgeElement, badge);
  for (const [way, count] of WAYS) {
    const button = item.querySelector(`.${way}`);
    say(button.querySelector('.count'), String(totals[count]));
    button.ariaLabel = `Vote ${title} ${way}, ${totals[count]} so far`;
    button.ariaPressed = String(mine === way);
    button.disabled = over;
  }
}
