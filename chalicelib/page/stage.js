// Shows a night: its ticket, its games and its feed. Also shows the state of the connection.

import { linkOf } from './address.js';
import { byId, checkFold, fold, keepFocus, say, spoken } from './elements.js';
import { Feed } from './feed.js';
import { Games } from './games.js';
import { votesIn } from './night.js';
import { durationText, resultsText, verdictWords, votersIn } from './results.js';
import { onShare } from './share.js';
import { STATES, nameOf, timeText, titleText } from './words.js';

/** A title with more characters is set smaller. */
const LONG = 60;

export class Stage {
  #games = new Games();
  #feed = new Feed();
  #title = byId('night-title').firstElementChild;

  #night = null;

  constructor() {
    fold(this.#title, byId('night-title'));
    onShare(byId('share'), () => ({ text: resultsText(this.#night), url: linkOf(this.#night.session.id) }));
  }

  /** Set the actions and the voter's name; see `games.js`. */
  begin(deeds, username) { this.#games.begin(deeds, username); }

  render(night, hosting) {
    const { session, games } = night;
    this.#night = night;
    const over = !session.is_active;
    say(byId('night-number'), `Night № ${session.id}`);
    say(byId('night-stamp'), over ? 'Ended' : 'On now');
    say(this.#title, nameOf(session));
    byId('night-title').classList.toggle('long', nameOf(session).length > LONG);
    checkFold(this.#title);
    say(byId('night-started'), timeText(session.created_at));
    say(byId('night-games'), String(games.length));
    say(byId('night-votes'), String(votesIn(games)));
    byId('night').classList.toggle('over', over);
    showResults(night, over);
    byId('end-night').hidden = byId('invite').hidden = over || !hosting;
    byId('game-form').hidden = over || !hosting;
    byId('to-lobby').hidden = !over;
    say(byId('to-lobby'), hosting ? 'Start another night' : 'Back to the lobby');
    byId('no-games').hidden = games.length > 0;
    say(byId('no-games'), emptyText(over, hosting));
    document.title = titleText(session);
    this.#games.render(night, hosting);
    this.#feed.render(night);
    keepFocus(byId('night-title'));
  }
}

/** Show the results of a night that has ended. */
function showResults(night, over) {
  const voters = over ? votersIn(night) : null;
  byId('verdict').hidden = byId('share').hidden = byId('lasted').hidden = !over;
  byId('voters').hidden = voters === null;
  if (!over) return;
  byId('verdict').replaceChildren(...spoken(verdictWords(night.games)));
  say(byId('night-voters'), String(voters));
  say(byId('night-lasted'), durationText(night.session));
}

function emptyText(over, hosting) {
  if (over) return 'Nothing was played.';
  return hosting ? 'Nothing is on yet. Put the first game on.' : 'Nothing is on yet. The host puts the first game on.';
}

/** Show the connection: a client's state, `offline` if nothing gets through, or `none`. */
export function showState(state) {
  const [text, detail] = STATES[state] ?? ['', ''];
  byId('connection').hidden = !text;
  byId('connection').dataset.state = byId('bulbs').dataset.state = state;
  say(byId('connection-state'), text);
  byId('connection-detail').hidden = !detail;
  say(byId('connection-detail'), detail);
}
