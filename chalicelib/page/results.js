// Computes the results of a night. Pure: no page, no network.

import { caseless, votesIn } from './night.js';
import { counted, nameOf, scoreText } from './words.js';

/** The numbers that are written as words. */
const NUMBERS = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine', 'Ten'];
const MINUTE = 60_000; // milliseconds

/** Return the games with the best score, in the order of play; none if no score is above 0. */
export function winnersOf(games) {
  const best = Math.max(1, ...games.map(({ totals }) => totals.score));
  return games.filter(({ totals }) => totals.score === best).sort((a, b) => a.id - b.id);
}

/** Return how many people's votes count, or null if the feed does not go back to the night's start. */
export function votersIn({ games, feed }) {
  if (feed.at(-1)?.type !== 'session.started') return null;
  const counts = new Set(games.map(({ id }) => id));
  const latest = new Map(); // the feed has the newest first
  for (const { data } of feed) {
    if (!data.vote || !counts.has(data.game.id)) continue;
    const whose = JSON.stringify([data.game.id, caseless(data.vote.username)]);
    if (!latest.has(whose)) latest.set(whose, data.vote);
  }
  return new Set([...latest.values()].filter(({ type }) => type).map(({ username }) => caseless(username))).size;
}

/** Return who has won, as a sentence in parts for `spoken` and `plain`. */
export function verdictWords(games) {
  const winners = winnersOf(games);
  if (games.length === 0) return ['Nothing was played'];
  if (votesIn(games) === 0) return ['Nobody voted'];
  if (winners.length === 0) return ['No game came out ahead'];
  const score = scoreText(winners[0].totals.score);
  const titles = winners.map(({ title }) => ({ text: title }));
  if (winners.length === 1) return [...titles, ` won with ${score}`];
  const number = NUMBERS[winners.length] ?? String(winners.length);
  const listed = titles.flatMap((title, index) => [['', ', ', ' and '][index && (index === titles.length - 1 ? 2 : 1)], title]);
  return [`${number} games tied with ${score}: `, ...listed.slice(1)];
}

/** Return how long a night took: "2 h 10 min". */
export function durationText({ created_at: from, ended_at: to }) {
  const minutes = Math.round((new Date(to) - new Date(from)) / MINUTE);
  if (minutes < 1) return 'under 1 min';
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return [hours && `${hours} h`, (rest || !hours) && `${rest} min`].filter(Boolean).join(' ');
}

/** Return the results as plain text, to share. */
export function resultsText(night) {
  const { session, games } = night;
  const voters = votersIn(night);
  const who = voters === null ? '' : ` of ${counted(voters, 'person', 'people')}`;
  const verdict = verdictWords(games).map((part) => part.text ?? part).join('');
  return `${nameOf(session)}: ${verdict}. ${counted(games.length, 'game')}, ${counted(votesIn(games), 'vote')}${who}, `
    + `${durationText(session)}.`;
}
