// Somebody who is signed in: what they do, what they are shown, and the follower that keeps it up to date.

import { Deed } from './api.js';
import { Book, SESSIONS, streamOf } from './book.js';
import { announce, byId, say, show } from './elements.js';
import { Follower } from './follower.js';
import { Keeper } from './keeper.js';
import { Lobby } from './lobby.js';
import { eventWords, problemSentence } from './words.js';

/** So many of the newest nights are shown in the lobby, and so many are looked through for one that is on. */
const RECENT = 8;
const LOOKED_THROUGH = 50;

export class Host {
  #api;
  #memory;
  #keeper;
  #stage;
  #lobby = new Lobby((id) => this.open(id));
  #book = null;
  #follower = null;
  #nights = [];
  #opening = 0;
  #deeds;

  constructor(api, memory, claims, stage) {
    [this.#api, this.#memory, this.claims, this.#stage] = [api, memory, claims, stage];
    this.#keeper = new Keeper(api, memory);
    this.#deeds = { start: new Deed(api), end: new Deed(api), game: new Deed(api), votes: new Map() };
    const vote = (game, way, username) => this.#vote(game, way, username);
    stage.begin(vote, memory.read('voter') ?? claims.sub);
  }

  get hosting() { return this.claims.role === 'admin'; }

  get #night() { return this.#keeper.night; }

  /** Show where things stand, and follow them from there. Raises a Problem where that can't be read. */
  async enter(url, token, listener) {
    const remembered = this.#keeper.recall();
    let place = remembered ? this.#memory.read(SESSIONS) : null;
    if (remembered) this.#render();
    if (!place?.cursor) {
      const { active, end } = await this.#look();
      place = end;
      if (!remembered && active) this.#keeper.begin(await this.#keeper.read(active.id));
    }
    this.#book = new Book({
      happened: (stream, event) => this.#happened(stream, event),
      lost: (stream, end) => this.#lost(stream, end),
      vanished: () => this.leave(),
    }, place);
    if (this.#night) this.#book.follow(this.#night.session.id, this.#keeper.place);
    this.#memory.write(SESSIONS, place);
    this.#follower = new Follower({ url, api: this.#api, book: this.#book, token, listener });
    this.#render();
    this.#follower.run();
  }

  /** Show a night. */
  async open(id) {
    this.#opening = id;
    try {
      const read = await this.#keeper.read(id);
      if (this.#opening !== id) return; // another one is wanted meanwhile, or it is there already
      this.#keeper.begin(read);
      this.#opening = 0;
    } catch (problem) {
      if (this.#opening !== id) return;
      this.#opening = 0;
      say(this.#night ? byId('other-night').firstElementChild : byId('lobby-lead'), problemSentence(problem));
      return;
    }
    const left = this.#book.night;
    this.#book.follow(id, this.#keeper.place);
    byId('other-night').hidden = true;
    this.#render();
    this.#follower.follow(left);
  }

  /** Back to the lobby. */
  async leave() {
    const left = this.#book.night;
    this.#book.leave();
    this.#keeper.close();
    this.#render();
    this.#follower.follow(left);
    await this.#look().catch(() => null); // the list is as it was, then
    this.#render();
  }

  async start(notes) {
    const night = await this.#deeds.start.post('/api/sessions', { notes: notes.trim() || null });
    if (this.#night?.session.id !== night.id) await this.open(night.id);
  }

  async addGame(fields) {
    const body = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value !== ''),
    );
    for (const name of ['min_players', 'max_players']) if (name in body) body[name] = Number(body[name]);
    await this.#deeds.game.post(`/api/sessions/${this.#night.session.id}/games`, { title: '', ...body });
    this.#follower.nudge();
  }

  async end() {
    await this.#deeds.end.post(`/api/sessions/${this.#night.session.id}/close`, {});
    this.#follower.nudge();
  }

  /** The tab was woken up, or the network has changed. */
  wake() { this.#follower?.wake(); }

  /** Go on with another token of the same subject. */
  renew(token, claims) {
    this.claims = claims;
    this.#follower.renew(token);
    this.#render();
  }

  stop() {
    this.#follower?.stop();
    this.#follower = null;
    this.save();
  }

  save() { this.#keeper.save(); }

  async #vote(game, way, username) {
    this.#memory.write('voter', username);
    const { votes } = this.#deeds;
    if (!votes.has(game.id)) votes.set(game.id, new Deed(this.#api));
    const body = { username, type: way, game_id: game.id };
    await votes.get(game.id).post(`/api/sessions/${this.#night.session.id}/votes`, body);
    this.#follower.nudge();
  }

  #happened(stream, event) {
    if (stream === SESSIONS) {
      this.#memory.write(SESSIONS, this.#book.place(SESSIONS));
      this.#started(event.data.session);
      return;
    }
    if (stream !== streamOf(this.#night?.session.id)) return; // of the night before, while another one is opened
    this.#keeper.take(event, this.#book.place(stream));
    const { text, detail } = eventWords(event);
    announce([text, detail].filter(Boolean).join(', '));
    this.#render();
  }

  #started(session) {
    this.#nights = [{ ...session, games_played: 0 }, ...this.#nights].slice(0, RECENT);
    if (this.#night?.session.id === session.id || this.#opening === session.id) return;
    if (this.#night?.session.is_active) {
      const [words, button] = byId('other-night').children;
      say(words, `Another night has started: № ${session.id}${session.notes ? `, ${session.notes}` : ''}.`);
      button.onclick = () => this.open(session.id);
      byId('other-night').hidden = false;
      announce(words.textContent);
    } else this.open(session.id);
  }

  async #lost(stream, end) {
    if (stream === SESSIONS) {
      const { active } = await this.#look();
      this.#memory.write(SESSIONS, this.#book.place(SESSIONS));
      if (active && !this.#night?.session.is_active && this.#night?.session.id !== active.id) await this.open(active.id);
      this.#render();
      return;
    }
    try {
      await this.#keeper.restore(end);
      this.#render();
    } catch (problem) {
      if (problem.code !== 'session_not_found') throw problem;
      await this.leave();
    }
  }

  /** Read the newest nights; returns the newest that is on, or undefined, and where the stream of starts ends. */
  async #look() {
    const { sessions, cursor } = await this.#api.get(`/api/sessions?newest=${LOOKED_THROUGH}`);
    this.#nights = sessions.slice(0, RECENT);
    return { active: sessions.find((night) => night.is_active), end: { cursor, sequence: sessions[0]?.id ?? 0 } };
  }

  #render() {
    document.body.dataset.role = this.claims.role;
    byId('start-form').hidden = !this.hosting;
    if (this.#night) {
      this.#stage.render(this.#night, this.hosting);
      show('night');
    } else {
      this.#lobby.render(this.#nights, this.hosting, this.claims.sub);
      document.title = 'Game Night Live';
      show('lobby');
    }
  }
}
