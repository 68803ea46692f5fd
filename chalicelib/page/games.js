// Shows the games of a night, and sends votes for them. Elements are changed in place, so a button that somebody is
// about to press stays where it is and keeps the focus.

import { byId, fold, say, spoken, written } from './elements.js';
import { clearField, confirmed, mark } from './forms.js';
import { ranked, voteOf } from './night.js';
import { playersText, problemSentence, removalWords, scoreText } from './words.js';

/** How many games are shown at first, during a night and as results. If there are only FEW more, all are shown. */
const ON_PHONE = 1;
const ON_WIDE = 8;
const RESULTS_ON_PHONE = 5;
const RESULTS_ON_WIDE = 10;
const FEW = 2;

const WAYS = [['up', 'upvotes'], ['down', 'downvotes']];

export class Games {
  #items = new Map(); // game id -> <li>
  #deeds = null;
  #night = null;
  #hosting = false;
  #unsure = new WeakMap(); // button -> { username, back }: a request that may have been done
  #unfolded = false;

  constructor() {
    byId('voter').addEventListener('input', () => {
      clearField(byId('voter'));
      if (this.#night) this.render(this.#night, this.#hosting);
    });
    byId('all-games').addEventListener('click', () => {
      this.#unfolded = !this.#unfolded;
      this.render(this.#night, this.#hosting);
    });
  }

  /**
   * `vote(game, way, username)` sends a vote, `withdraw(game, username)` takes it back and `remove(nightId, game)`
   * removes a game. They raise a GameNightError if that fails.
   */
  begin(deeds, username) {
    this.#deeds = deeds;
    byId('voter').value = username;
  }

  render(night, hosting) {
    if (this.#night?.session.id !== night.session.id) {
      for (const [id, item] of this.#items) this.#drop(id, item);
      this.#unfolded = false;
    }
    [this.#night, this.#hosting] = [night, hosting];
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
      item.querySelector('.remove').hidden = over || !hosting;
      if (byId('games').children[index] !== item) place(item, index);
    });
    this.#fold(order.map(({ id }) => this.#items.get(id)), over);
    say(byId('bill-title'), over ? 'The results' : 'On the bill');
    byId('games').classList.toggle('over', over);
    byId('voter').closest('.voter').hidden = over || order.length === 0;
  }

  /** Show the first games, and the rest behind a button. */
  #fold(items, over) {
    const shown = over ? [RESULTS_ON_PHONE, RESULTS_ON_WIDE] : [ON_PHONE, ON_WIDE];
    const [narrow, wide] = shown.map((most) => (items.length <= most + FEW ? Infinity : most));
    items.forEach((item, index) => {
      item.classList.toggle('behind-on-phone', !this.#unfolded && index >= narrow);
      item.classList.toggle('behind', !this.#unfolded && index >= wide);
    });
    const button = byId('all-games');
    button.hidden = narrow === Infinity;
    button.classList.toggle('on-phone', wide === Infinity);
    button.ariaExpanded = String(this.#unfolded);
    say(button, this.#unfolded ? 'Fewer games' : `All ${items.length} games`);
  }

  #itemOf(game) {
    if (this.#items.has(game.id)) return this.#items.get(game.id);
    const item = byId('game-template').content.firstElementChild.cloneNode(true);
    for (const button of item.querySelectorAll('.vote')) {
      button.addEventListener('click', () => this.#press(item, game, button));
    }
    const remove = item.querySelector('.remove');
    remove.ariaLabel = `Remove ${game.title}`;
    remove.addEventListener('click', () => this.#remove(item, game, remove));
    const title = item.querySelector('h3 bdi');
    say(title, game.title);
    fold(title, item.querySelector('h3'));
    fold(item.querySelector('.about'));
    const about = [game.pack_name && written(game.pack_name), playersText(game)].filter(Boolean);
    item.querySelector('.about').append(...about.flatMap((part, index) => (index ? [' · ', part] : [part])));
    this.#items.set(game.id, item);
    return item;
  }

  #drop(id, item) {
    const focused = item.contains(document.activeElement);
    item.remove();
    this.#items.delete(id);
    if (focused) byId('bill-title').focus({ preventScroll: true });
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
    const before = this.#unsure.get(button);
    const again = before?.username === username;
    const back = again ? before.back : button.ariaPressed === 'true';
    this.#unsure.delete(button);
    button.ariaBusy = 'true';
    try {
      await (back ? this.#deeds.withdraw(game, username) : this.#deeds.vote(game, button.dataset.vote, username));
    } catch (caught) {
      if (again && back && caught.code === 'vote_not_found') return; // it was done the first time
      if (caught.passing) this.#unsure.set(button, { username, back });
      say(problem, problemSentence(caught));
    } finally {
      button.ariaBusy = 'false';
    }
  }

  async #remove(item, game, button) {
    const night = this.#night.session.id; // another night may be shown by the time of the answer
    say(item.querySelector('.problem'), '');
    byId('removing-what').replaceChildren(...spoken(removalWords(game)));
    if (button.ariaBusy === 'true' || !await confirmed(byId('removing'))) return;
    button.ariaBusy = 'true';
    try {
      await this.#deeds.remove(night, game);
    } catch (caught) {
      say(item.querySelector('.problem'), problemSentence(caught));
    } finally {
      button.ariaBusy = 'false';
    }
  }
}

/** Move an item to an index, and restore its focus, which moving removes. */
function place(item, index) {
  const focused = item.contains(document.activeElement) ? document.activeElement : null;
  byId('games').insertBefore(item, byId('games').children[index] ?? null);
  focused?.focus();
}

function fill(item, game, badge, over, mine) {
  const { title, totals } = game;
  say(item.querySelector('.score-value'), scoreText(totals.score));
  const badgeElement = item.querySelector('.badge');
  badgeElement.hidden = !badge;
  say(badgeElement, badge);
  for (const [way, count] of WAYS) {
    const button = item.querySelector(`.${way}`);
    say(button.querySelector('.count'), String(totals[count]));
    button.ariaLabel = `Vote ${title} ${way}, ${totals[count]} so far`;
    button.ariaPressed = String(mine === way);
    button.title = mine === way && !over ? 'Press again to take the vote back' : '';
    button.disabled = over;
  }
}
