// Runs the page of somebody who is signed in: handles actions, addresses and events, and shows the views.

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

/** How many of the newest nights are read at first: a page, at most. */
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
  #opening = null; // { id, asked }: the night that is being opened, and whether somebody has asked for it
  #meanwhile = null; // nights of others that have started while ours is being started
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

  /** The cursors that the client resumes from: of the starts of nights, and of the shown night. */
  get cursors() {
    return { [SESSIONS]: this.#starts, ...(this.#night && { [streamOf(this.#night.session.id)]: this.#keeper.cursor }) };
  }

  /** Show the view of an address. Raises a GameNightError if its night can't be read. */
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

  /** Show the view of another address. */
  async go(address) {
    if (!this.#entered) return; // `enter` reads the address
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

  /** Show a night. `asked` says whether somebody has asked for it; otherwise it opens by itself. */
  async open(id, asked = true) {
    const opening = { id, asked };
    this.#opening = opening;
    this.#leaveBehind();
    const problem = await this.#begin(id, () => this.#opening === opening);
    if (this.#opening !== opening) return; // another night was opened in the meantime
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
    await this.#look().catch(() => null); // the list stays as it was
    this.#render();
  }

  /** Start a night, and show notices of nights that others started at the same moment. */
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
    await this.#look().catch(() => null); // nights known from events are shown anyway
    if (this.#night?.session.id !== night.id) return; // another view was opened in the meantime
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

  /** Use another token of the same subject. Raises a GameNightError if it is refused. */
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
    this.#deeds.votes.delete(game.id); // the same vote afterwards is a new request
    await this.#client.withdrawVote(this.#night.session.id, username, game.id);
  }

  async #remove(nightId, game) {
    this.#deeds.game = new Deed(this.#client); // the same game afterwards is a new request
    try {
      await this.#client.removeGame(nightId, game.id);
    } catch (problem) {
      if (problem.code !== 'game_not_found') throw problem; // it is removed already
    }
  }

  #happened(event) {
    const { type, stream, data } = event;
    if (type === 'gap') this.#missed(data.session).catch((problem) => this.#say(problem));
    else if (stream === SESSIONS) {
      this.#moveTo(event.cursor);
      this.#started(data.session);
    } else if (stream === streamOf(this.#night?.session.id)) { // else it is of the last night, while another is opened
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

  /** Parse an address. A guest's token is for one night. */
  #named(address) {
    const { night } = this.claims;
    return night ? { night, tv: named(address).tv } : named(address);
  }

  /** Whether a new night would interrupt: an active or an earlier night is shown, or somebody is typing. */
  #busy(newest) {
    const night = this.#night?.session;
    if (this.#opening?.asked) return true;
    return night ? Boolean(night.is_active) || night.id < newest : this.hosting && byId('notes').value.trim() !== '';
  }

  /** Handle lost events: of a night, whose snapshot follows if the night still exists, or of starts. */
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

  /** Read a night and keep it if it is still `wanted`. Returns the GameNightError that prevented it, or null. */
  async #begin(id, wanted = () => true) {
    try {
      // Ids have no gaps, so an id above the newest one does not exist.
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

  /** Go to a night, as its link does. */
  #visit(id) { window.location.hash = addressOf(id); }

  /** Read the newest nights. Returns the newest active one, or undefined, and the end of the stream of starts. */
  async #look() {
    if (this.claims.night) return { cursor: NOW }; // a guest reads one night
    const { sessions, cursor } = await this.#client.request('GET', `/api/sessions?newest=${KNOWN}`);
    this.#nights = sessions;
    return { active: sessions.find((night) => night.is_active), cursor };
  }

  /** Read all older nights. */
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

  /** Clear the messages of the last view. */
  #leaveBehind() {
    this.#others.clear();
    this.#say(null);
  }

  #say(problem) { say(byId('elsewhere'), problem ? problemSentence(problem) : ''); }

  /** Render, and set the address. Events don't set it, because somebody may just have changed it. */
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
