// Offers a host the games of earlier nights and of a list: in the title field, and by picking one.

import { announce, byId, make, say, written } from './elements.js';
import { GameNightError } from './gamenight/index.js';
import { listOf } from './list.js';
import { keyOf, knownGames, pick } from './picks.js';
import { PICKS, listText, pickText, playersText, problemSentence } from './words.js';

const NIGHTS = 20;
const MOST_GAMES = 1000; // of a list
const MOST_BYTES = 1_000_000;
const MOST_PROBLEMS = 5; // are told at once
const FIELDS = ['pack', 'min', 'max'];

export class Picker {
  #memory;
  #deeds;
  #list;
  #replaced = 0; // the number of games of the list before this one
  #notes = []; // on the list
  #games = new Map(); // id of a night that has ended -> its games
  #known = [];
  #readFor = null; // the night for which those before it have been read
  #reading = null;
  #filled = {}; // id of a field -> what was filled in
  #picked = null;
  #passed = []; // titles

  /**
   * `memory` keeps the list. `read(path)` makes a request, and `add(fields)` adds a game; both raise GameNightError.
   * `night()` returns the night that is shown.
   */
  constructor(memory, deeds) {
    [this.#memory, this.#deeds] = [memory, deeds];
    this.#list = memory.read('list') ?? [];
    byId('title').addEventListener('focus', () => this.#read());
    byId('title').addEventListener('input', () => this.#fill());
    byId('game-form').addEventListener('input', tellMore);
    byId('game-form').addEventListener('reset', () => setTimeout(() => {
      this.#filled = {};
      tellMore();
    }));
    byId('picking').addEventListener('toggle', () => this.#read());
    byId('pick-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#pick();
    });
    byId('pick-on').addEventListener('click', () => this.#add());
    byId('list-file').addEventListener('change', () => this.#bringIn(byId('list-file').files[0]));
    byId('forget-list').addEventListener('click', () => {
      this.#keep([], 0);
      byId('list-file').focus();
    });
    this.#offer();
  }

  /**
   * Read the nights before the one that is shown, one after the other. Returns the GameNightError that stopped it, or null.
   * The next call tries again.
   */
  #read() {
    this.#reading ??= this.#readNights()
      .then(() => null, (problem) => {
        if (!(problem instanceof GameNightError)) throw problem;
        return problem;
      })
      .finally(() => {
        this.#reading = null;
        this.#offer();
      });
    return this.#reading;
  }

  async #readNights() {
    const shown = this.#deeds.night()?.session.id;
    if (this.#readFor === shown) return;
    const { sessions } = await this.#deeds.read(`/api/sessions?newest=${NIGHTS + 1}`);
    const before = sessions.filter(({ id, is_active: active }) => !active && id !== shown).slice(0, NIGHTS);
    for (const { id, games_played: played } of before) {
      if (this.#games.has(id)) continue;
      this.#games.set(id, played > 0 ? (await this.#deeds.read(`/api/sessions/${id}`)).games : []);
    }
    this.#readFor = shown;
  }

  #offer() {
    const shown = this.#deeds.night()?.session.id;
    const newest = [...this.#games.keys()].filter((id) => id !== shown).sort((a, b) => b - a).slice(0, NIGHTS);
    this.#known = knownGames(newest.map((id) => this.#games.get(id)), this.#list);
    byId('known-games').replaceChildren(...this.#known.map(({ title }) => make('option', { value: title })));
    say(byId('list-said'), [listText(this.#list.length, this.#replaced), ...this.#notes].join(' '));
    byId('forget-list').hidden = this.#list.length === 0;
  }

  /** Fill in what is known of a title. A field that somebody has typed in stays. */
  #fill() {
    const key = keyOf(byId('title').value);
    const game = this.#known.find(({ title }) => keyOf(title) === key);
    for (const field of FIELDS.map(byId)) {
      const said = String(game?.[field.name] ?? '');
      if (field.value !== (this.#filled[field.id] ?? '')) continue;
      this.#filled[field.id] = said;
      if (field.value === said) continue;
      field.value = said;
      field.dispatchEvent(new Event('input', { bubbles: true }));
    }
  }

  async #pick() {
    const [field, button] = [byId('pick-players'), byId('pick')];
    say(byId('pick-problem'), '');
    button.ariaBusy = 'true';
    const unread = await this.#read();
    button.ariaBusy = 'false';
    const tonight = (this.#deeds.night()?.games ?? []).map(({ title }) => title);
    const [players, valid] = [field.value ? Number(field.value) : null, field.checkValidity()];
    const game = valid ? pick(this.#known, { players, tonight, passed: this.#passed }) : null;
    this.#show(game);
    if (game) {
      this.#passed = [...this.#passed.filter((title) => title !== game.title), game.title];
      announce(`${game.title}. ${pickText(game)}`);
    } else if (!valid) say(byId('pick-problem'), PICKS.invalid);
    else if (unread) say(byId('pick-problem'), problemSentence(unread));
    else say(byId('pick-problem'), this.#known.length > 0 ? PICKS.none : PICKS.unknown);
  }

  #show(game) {
    this.#picked = game;
    byId('picked').hidden = !game;
    say(byId('pick'), game ? 'Pick another one' : 'Pick one');
    if (!game) return;
    say(byId('picked-title').firstElementChild, game.title);
    byId('picked-about').replaceChildren(...(game.pack_name ? [written(game.pack_name), ' · '] : []), pickText(game));
  }

  async #add() {
    const button = byId('pick-on');
    const { title, ...rest } = this.#picked;
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    say(byId('pick-problem'), '');
    try {
      const more = FIELDS.map((id) => byId(id).name).map((name) => [name, String(rest[name] ?? '')]);
      await this.#deeds.add({ title, ...Object.fromEntries(more) });
      this.#passed = [];
      this.#show(null);
      byId('pick').focus();
    } catch (problem) {
      if (!(problem instanceof GameNightError)) throw problem;
      say(byId('pick-problem'), problemSentence(problem));
    } finally {
      button.ariaBusy = 'false';
    }
  }

  async #bringIn(file) {
    if (!file) return;
    const { games, problems, notes } = file.size > MOST_BYTES ? { problems: [PICKS.tooLong] } : read(await file.arrayBuffer());
    if (games?.length > MOST_GAMES) problems.push(PICKS.tooLong);
    const more = problems.length - MOST_PROBLEMS;
    say(byId('list-problem'), [...problems.slice(0, MOST_PROBLEMS), ...(more > 0 ? [`And ${more} more.`] : [])].join('\n'));
    if (problems.length === 0) this.#keep(games, this.#list.length, notes);
    byId('list-file').value = ''; // the same file can be chosen again
  }

  #keep(games, replaced, notes = []) {
    [this.#list, this.#replaced, this.#notes] = [games, replaced, notes];
    this.#memory.write('list', games.length > 0 ? games : null);
    this.#offer();
  }
}

function read(bytes) {
  try {
    return listOf(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { problems: [PICKS.noText] };
  }
}

/** Say beside "Pack and players" what is filled in there, since it may be folded. */
function tellMore() {
  const [pack, least, most] = FIELDS.map((id) => byId(id).value.trim());
  const players = playersText({ min_players: Number(least), max_players: Number(most) });
  const said = [pack && written(pack), players].filter(Boolean);
  byId('game-said').replaceChildren(...said.flatMap((part, index) => [index ? ' · ' : ': ', part]));
}
