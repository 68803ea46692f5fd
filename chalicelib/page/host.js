// Somebody who is signed in: what they do, what they are shown, and what the client makes of it as things happen.

import { LIST, addressOf, named, rename } from './address.js';
import { Deed } from './deed.js';
import { announce, byId, say, show } from './elements.js';
import { GameNightError, Refused } from './gamenight/index.js';
import { NOW, SESSIONS, streamOf } from './gamenight/names.js';
import { Keeper } from './keeper.js';
import { Lobby } from './lobby.js';
import { OtherNights } from './others.js';
import { Television } from './tv.js';
import { eventWords, plain, problemSentence } from './words.js';

/** So many of the newest nights are known from the beginning: a page, at most. */
const KNOWN = 100;

export class Host {
  #client;
  #memory;
  #keeper;
  #stage;
  #invitations;
  #tv = new Television();
  #onTv = false;
  #lobby = new Lobby((id) => this.#visit(id), () => this.#readAll());
  #others = new OtherNights((id) => this.#visit(id));
  #entered = false;
  #starts = null; // the cursor of the starts of nights
  #nights = []; // the newest first
  #opening = null; // { id, asked }: whether somebody has asked for it, or it opens by itself
  #meanwhile = null; // the nights that have started while one of ours is being started
  #deeds;

  constructor(client, memory, claims, stage, invitations) {
    [this.#client, this.#memory, this.claims, this.#stage] = [client, memory, claims, stage];
    this.#invitations = invitations;
    this.#keeper = new Keeper(client, memory);
    this.#deeds = { start: new Deed(client), end: new Deed(client), game: new Deed(client), votes: new Map() };
    client.on('event', (event) => this.#happened(event));
    const deeds = {
      vote: (game, way, username) => this.#vote(game, way, username),
      withdraw: (game, username) => this.#withdraw(game, username),
      remove: (nightId, game) => this.#remove(nightId, game),
    };
    stage.begin(deeds, claims.name ?? memory.read('voter') ?? claims.sub);
    invitations.begin(client);
  }

  get hosting() { return this.claims.role === 'admin'; }

  get #newest() { return this.#nights[0]?.id ?? 0; }

  get #night() { return this.#keeper.night; }

  get night() { return this.#night; }

  /** Where the client goes on from: the starts of nights, and the night that is shown. */
  get cursors() {
    return { [SESSIONS]: this.#starts, ...(this.#night && { [streamOf(this.#night.session.id)]: this.#keeper.cursor }) };
  }

  /** Show what an address names. Raises a GameNightError where that can't be read. */
  async enter(address) {
    const { night, list, tv = false } = this.#named(address);
    this.#onTv = tv;
    const kept = this.#keeper.recall() ? this.#night.session.id : null;
    const remembered = kept !== null && !list && (night ?? kept) === kept;
    if (!remembered) this.#keeper.close();
    this.#starts = remembered ? this.#memory.read(SESSIONS)?.cursor : null;
    if (remembered) this.#show();
    let gone = null;
    if (!this.#starts) {
      const { active, cursor } = await this.#look();
      this.#moveTo(cursor);
      const wanted = list || remembered ? undefined : night ?? active?.id;
      if (wanted !== undefined) gone = await this.#begin(wanted);
      if (gone && gone.code !== 'session_not_found') throw gone;
    }
    this.#entered = true;
    this.#show();
    this.#say(gone);
  }

  /** Show what another address names. */
  async go(address) {
    if (!this.#entered) return; // it is read when everything else is
    const { night, list, tv = false } = this.#named(address);
    this.#onTv = tv;
    if (night !== undefined) {
      if (night !== this.#night?.session.id) await this.open(night);
      else this.#show();
    } else if (list) await this.leave();
    else {
      const on = this.#nights.find(({ is_active: active }) => active);
      if (on) rename(addressOf(on.id));
      await (on ? this.open(on.id) : this.leave());
    }
  }

  /** Show a night; `asked` says whether somebody has asked for it, or it opens by itself. */
  async open(id, asked = true) {
    const opening = { id, asked };
    this.#opening = opening;
    this.#leaveBehind();
    const problem = await this.#begin(id, () => this.#opening === opening);
    if (this.#opening !== opening) return; // another one is wanted meanwhile, or it is there already
    this.#opening = null;
    if (problem) {
      this.#show();
      this.#say(problem);
      return;
    }
    this.#leaveStream();
    this.#client.follow(id, this.#keeper.cursor);
    rename(addressOf(id, this.#onTv), { instead: !asked });
    this.#render();
  }

  /** Back to the lobby. */
  async leave() {
    this.#opening = null;
    this.#leaveBehind();
    this.#leaveStream();
    this.#keeper.close();
    this.#show();
    await this.#look().catch(() => null); // the list is as it was, then
    this.#render();
  }

  /** Start a night, and tell of those that others have started at the same moment. */
  async start(notes) {
    this.#meanwhile ??= [];
    let night = null;
    try {
      night = await this.#deeds.start.post('/api/sessions', { notes: notes.trim() || null });
    } finally {
      const meanwhile = this.#meanwhile;
      this.#meanwhile = null;
      if (!night) for (const session of meanwhile) this.#started(session);
    }
    if (this.#night?.session.id !== night.id) await this.open(night.id);
    await this.#look().catch(() => null); // what was heard is told anyway
    if (this.#night?.session.id !== night.id) return; // somebody has gone elsewhere meanwhile
    for (const other of this.#nights.toReversed()) {
      if (other.is_active && other.id !== night.id) this.#others.tell(other, 'Another night is on');
    }
  }

  async addGame(fields) {
    const body = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value !== ''),
    );
    for (const name of ['min_players', 'max_players']) if (name in body) body[name] = Number(body[name]);
    await this.#deeds.game.post(`/api/sessions/${this.#night.session.id}/games`, { title: '', ...body });
  }

  async end() {
    await this.#deeds.end.post(`/api/sessions/${this.#night.session.id}/close`, {});
  }

  /** Go on with another token of the same subject. Raises a GameNightError where it is refused. */
  async renew(claims) {
    this.claims = claims;
    this.#render();
    await this.#client.renew();
  }

  stop() {
    this.#tv.leave();
    this.#client.close();
    this.#leaveBehind();
    this.save();
  }

  save() { this.#keeper.save(); }

  async #vote(game, way, username) {
    this.#memory.write('voter', username);
    const { votes } = this.#deeds;
    if (!votes.has(game.id)) votes.set(game.id, new Deed(this.#client));
    const body = { username, type: way, game_id: game.id };
    await votes.get(game.id).post(`/api/sessions/${this.#night.session.id}/votes`, body);
  }

  async #withdraw(game, username) {
    this.#deeds.votes.delete(game.id); // the same vote after it is another one
    await this.#client.withdrawVote(this.#night.session.id, username, game.id);
  }

  async #remove(nightId, game) {
    this.#deeds.game = new Deed(this.#client); // the same game after it is another one
    try {
      await this.#client.removeGame(nightId, game.id);
    } catch (problem) {
      if (problem.code !== 'game_not_found') throw problem; // somebody has, or it was done the first time
    }
  }

  #happened(event) {
    const { type, stream, data } = event;
    if (type === 'gap') this.#missed(data.session).catch((problem) => this.#say(problem));
    else if (stream === SESSIONS) {
      this.#moveTo(event.cursor);
      this.#started(data.session);
    } else if (stream === streamOf(this.#night?.session.id)) { // or of the night before, while another one is opened
      this.#keeper.take(event);
      if (type !== 'snapshot') {
        const { said, detail } = eventWords(event);
        announce([said, detail].map(plain).filter(Boolean).join(', '));
      }
      this.#render();
    }
  }

  #started(session) {
    if (this.claims.night) return;
    const newest = this.#newest;
    this.#nights = [{ ...session, games_played: 0 }, ...this.#nights.filter(({ id }) => id !== session.id)];
    if (this.#meanwhile) this.#meanwhile.push(session);
    else if ([this.#night?.session.id, this.#opening?.id].includes(session.id)) return;
    else if (this.#busy(newest)) this.#others.tell(session, 'Another night has started');
    else this.open(session.id, false);
  }

  /** What an address names; a guest's token is for one night. */
  #named(address) {
    const { night } = this.claims;
    return night ? { night, tv: named(address).tv } : named(address);
  }

  /** Whether somebody would miss what they see: a night that is on, one of before, or what they type. */
  #busy(newest) {
    const night = this.#night?.session;
    if (this.#opening?.asked) return true;
    return night ? Boolean(night.is_active) || night.id < newest : this.hosting && byId('notes').value.trim() !== '';
  }

  /** Events are gone: of a night, which comes anew in a snapshot if it is still there, or starts of nights. */
  async #missed(session) {
    if (session) {
      if (session.id === this.#night?.session.id && !this.#client.following.includes(session.id)) await this.leave();
      return;
    }
    const { active, cursor } = await this.#look();
    this.#moveTo(cursor);
    if (active && !this.#night?.session.is_active && this.#night?.session.id !== active.id) await this.open(active.id, false);
    this.#render();
  }

  #moveTo(cursor) {
    this.#starts = cursor;
    this.#memory.write(SESSIONS, { cursor });
  }

  #leaveStream() { for (const id of this.#client.following) this.#client.unfollow(id); }

  /** Read a night and show it from now on, unless it is not `wanted` any more. Returns a GameNightError that stood in the way. */
  async #begin(id, wanted = () => true) {
    try {
      // Ids have no gaps, so that nobody has to be asked for one behind the newest.
      const known = () => Boolean(this.claims.night) || id <= this.#newest;
      if (!known()) await this.#look();
      if (!known()) throw new Refused(404, 'session_not_found', '');
      const read = await this.#keeper.read(id);
      if (wanted()) this.#keeper.begin(read);
      return null;
    } catch (problem) {
      if (!(problem instanceof GameNightError)) throw problem;
      return problem;
    }
  }

  /** Go to a night as by its link. */
  #visit(id) { window.location.hash = addressOf(id); }

  /** Read the newest nights; returns the newest that is on, or undefined, and where the stream of starts ends. */
  async #look() {
    if (this.claims.night) return { cursor: NOW }; // a guest reads one night
    const { sessions, cursor } = await this.#client.request('GET', `/api/sessions?newest=${KNOWN}`);
    this.#nights = sessions;
    return { active: sessions.find((night) => night.is_active), cursor };
  }

  /** Read the nights that are not among the newest. */
  async #readAll() {
    const oldest = this.#nights.at(-1)?.id ?? 1;
    let [earlier, since] = [[], ''];
    try {
      while ((earlier.at(-1)?.id ?? 0) < oldest - 1) {
        const asked = `since=${encodeURIComponent(since)}&limit=${KNOWN}`;
        const page = await this.#client.request('GET', `/api/sessions?${asked}`);
        if (page.sessions.length === 0) break;
        earlier = [...earlier, ...page.sessions.filter(({ id }) => id < oldest)];
        since = page.cursor;
      }
    } catch (problem) {
      this.#say(problem);
    }
    this.#nights = [...this.#nights, ...earlier.reverse()];
    this.#render();
  }

  /** What was said is of the view before. */
  #leaveBehind() {
    this.#others.clear();
    this.#say(null);
  }

  #say(problem) { say(byId('elsewhere'), problem ? problemSentence(problem) : ''); }

  /** Render, and let the address name what is shown. An event only renders: somebody may just have gone elsewhere. */
  #show() {
    if (this.#night) rename(addressOf(this.#night.session.id, this.#onTv));
    else if (named(window.location.hash).night !== undefined) rename(LIST);
    this.#render();
  }

  #render() {
    document.body.dataset.role = this.claims.role;
    byId('start-form').hidden = !this.hosting;
    if (!(this.#night && this.#onTv)) this.#tv.leave();
    if (this.#night && this.#onTv) {
      this.#tv.render(this.#night, this.hosting ? (id) => this.#invitations.ofNight(id) : null);
      byId('from-tv').href = addressOf(this.#night.session.id);
      show('tv');
    } else if (this.#night) {
      this.#stage.render(this.#night, this.hosting);
      this.#invitations.at(this.#night.session.id);
      byId('to-tv').href = addressOf(this.#night.session.id, true);
      show('night');
    } else {
      this.#lobby.render(this.#nights, { sub: this.claims.sub, hosting: this.hosting });
      document.title = 'Game Night Live';
      show('lobby');
    }
  }
}
