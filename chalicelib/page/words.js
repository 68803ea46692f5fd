// What the page says: events, problems and states as sentences for people.

export const STATES = {
  connecting: ['Connecting…', ''],
  'catching-up': ['Catching up…', ''],
  live: ['Live', ''],
  polling: ['Polling', 'No live connection gets through from here, so this page looks every few seconds.'],
  offline: ['Offline', 'The service can’t be reached. Nothing is lost: this page keeps trying, and catches up.'],
};

const REACH = 'The service could not be reached. What you typed is still here: press the button again, '
  + 'and it is done once, even if the first try had arrived.';

const PROBLEMS = {
  session_closed: 'This night has ended, so nothing more can happen in it.',
  too_many_games: 'This night holds no more games. End it and start another one.',
  no_game: 'There is no game to vote for yet.',
  game_not_found: 'That game is not part of this night any more. Reload the page.',
  vote_not_found: 'That vote does not count any more.',
  session_not_found: 'There is no such night, or it is gone.',
  forbidden: 'Your token may watch and vote, but not host. Sign in with an admin’s token.',
  token_expired: 'This token has expired. Get a new one, and you are back where you were.',
  token_invalid: 'The service does not know this token. Copy it again, the whole line.',
  token_missing: 'Sign in first.',
  subject_mismatch: 'That token belongs to somebody else. Sign out first to be somebody else.',
  payload_too_large: 'That is too long.',
  token_revoked: 'A host has revoked this sign-in. Ask for a new link.',
  invite_not_found: 'No night has this code. Check it, and try again.',
  invite_expired: 'This code is not good any more. Ask the host for another one.',
  name_taken: 'Somebody in this night has that name. Choose another one.',
  guest_not_found: 'There is no guest of that name in this night.',
  too_many_attempts: 'Too many have tried just now. Wait a minute, and press the button again.',
};

const FIELDS = {
  notes: 'The notes can have 500 characters.',
  title: 'A game needs a title, of 200 characters at most.',
  pack_name: 'The pack can have 200 characters.',
  min_players: 'From 1 to 1000 players, and no more at least than at most.',
  max_players: 'From 1 to 1000 players.',
  name: 'A name has 1 to 80 characters.',
  code: 'A code is a few letters and digits.',
  username: 'A vote needs a name, of 80 characters at most.',
};

/** A problem as a sentence that says what to do. */
export function problemSentence(problem) {
  if (problem.code === 'unreachable') return REACH;
  if (problem.passing && !PROBLEMS[problem.code]) return 'The service is overloaded or in trouble. Try again in a moment: it is done only once.';
  return PROBLEMS[problem.code] || problem.detail || 'The service refused this and did not say why.';
}

/** A field's problem as a sentence. For an unknown field it is the service's own message. */
export function fieldSentence({ field, message }) {
  return FIELDS[field] ?? `${message}.`;
}

const SIGN = new Intl.NumberFormat('en', { signDisplay: 'exceptZero' });

/** +3, 0 or −2. */
export function scoreText(score) { return SIGN.format(score).replace('-', '−'); }

export function counted(count, one, many = `${one}s`) { return `${count} ${count === 1 ? one : many}`; }

/** 20:05 in the reader's time zone, with the day if that is not today. */
export function timeText(timestamp, today = new Date()) {
  const at = new Date(timestamp);
  const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  if (at.toDateString() === today.toDateString()) return time;
  return `${at.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`;
}

/** "2–8 players", or an empty text if the game has no numbers. */
export function playersText({ min_players: least, max_players: most }) {
  if (least && most) return least === most ? counted(least, 'player') : `${least}–${most} players`;
  if (least) return `${least} or more players`;
  return most ? `up to ${counted(most, 'player')}` : '';
}

export const PICKS = {
  invalid: 'From 1 to 1000 players.',
  none: 'No game that takes so many is left.',
  unknown: 'No games are known yet. They come from earlier nights, or from a list that you bring in.',
  noText: 'That file is not a text in UTF-8. Save it as “CSV UTF-8” in the spreadsheet.',
  tooLong: 'That is too much for a list, which has 1000 games at most.',
};

/** How many games the list has, and how many the list before it had. */
export function listText(games, replaced) {
  if (games === 0) return '';
  return `Your list has ${counted(games, 'game')}${replaced > 0 ? ` now. It had ${replaced} before` : ''}.`;
}

/** What is known of a picked game: "Played twice, 5 votes up, 1 vote down; takes 3–8 players." */
export function pickText(game) {
  const { played, upvotes, downvotes, lately } = game;
  const times = ['', 'once', 'twice'][played] ?? `${played} times`;
  const said = [played > 0 ? `Played ${times}` : 'Not played lately', lately && 'also in the last night'];
  const players = playersText(game);
  for (const [count, way] of [[upvotes, 'up'], [downvotes, 'down']]) if (count > 0) said.push(`${counted(count, 'vote')} ${way}`);
  return `${said.filter(Boolean).join(', ')}${players && `; takes ${players}`}.`;
}

/** A text that somebody wrote, as a part of a sentence. */
const by = (text) => ({ text });

/** Join a sentence's parts to one text. */
export const plain = (parts) => parts.map((part) => part.text ?? part).join('');

/** A night's name. */
export const nameOf = ({ notes }) => notes || 'Game night';

/** An event as { kind, said, detail }: two sentences, in parts for `spoken` and `plain`. */
export function eventWords({ type, data }) {
  switch (type) {
    case 'session.started': {
      const { notes } = data.session;
      return { kind: 'started', said: ['The night has started'], detail: notes ? [by(notes)] : [] };
    }
    case 'game.added': {
      const { title, pack_name: pack } = data.game;
      return { kind: 'game', said: [by(title), ' is on'], detail: pack ? [by(pack)] : [] };
    }
    case 'vote.received': {
      const { vote, game, totals } = data;
      const said = [by(vote.username), ' voted ', by(game.title), ` ${vote.type}`];
      return { kind: vote.type, said, detail: [`now ${scoreText(totals.score)}`] };
    }
    case 'game.removed':
      return { kind: 'removed', said: [by(data.game.title), ' was removed'], detail: ['its votes no longer count'] };
    case 'vote.withdrawn': {
      const { vote, game, totals } = data;
      const said = [by(vote.username), ' took the vote for ', by(game.title), ' back'];
      return { kind: 'withdrawn', said, detail: [`now ${scoreText(totals.score)}`] };
    }
    case 'session.ended':
      return { kind: 'ended', said: ['The night has ended'], detail: [counted(data.session.games_played, 'game')] };
    case 'gap':
      return { kind: 'gap', said: ['Some events before this are missing'], detail: ['the scores are right'] };
    default:
      return { kind: 'other', said: [type], detail: [] };
  }
}

/** The question before a game is removed. */
export const removalWords = ({ title }) => [by(title), ' and its votes no longer count. Everyone hears it.'];

/** The sentence after a guest was removed. */
export const removedWords = (name) => [by(name), ' is removed, and can’t watch or vote any more.'];

/** A sentence about another night. `what` is its beginning, such as "Another night is on". */
export function nightWords({ id, notes }, what) {
  return notes ? [`${what}: № ${id}, `, by(notes)] : [`${what}: № ${id}`];
}

const MOST_IN_SENTENCE = 80;

/** A text that somebody wrote, cut off if it is too long for a sentence. */
export function shortened(text) {
  const letters = [...text];
  return letters.length > MOST_IN_SENTENCE ? `${letters.slice(0, MOST_IN_SENTENCE).join('')}…` : text;
}

const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;

/** The window's title for a night. A title can't isolate text directions, so they are removed. */
export function titleText(night) {
  return `${shortened(nameOf(night).replace(DIRECTIONS, ''))} · Game Night Live`;
}

/** How much of a field is used: "12 of 500 characters". */
export function usedText(used, most) { return `${used} of ${most} characters`; }
