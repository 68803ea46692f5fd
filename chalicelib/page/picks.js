// Collects the games that can be picked, and picks one. Pure: no page, no network.

/** The highest score that counts: a favourite must leave room for others. */
const BEST = 10;
const DISLIKED = 0.5;
const LATELY = 0.1;

/** Return a title for comparison: titles that differ only in case are one. */
export const keyOf = (title) => title.trim().normalize('NFC').toLowerCase();

/**
 * Return the games of earlier nights and of a list, each title once, the latest first. A game has the service's
 * `title`, `pack_name`, `min_players` and `max_players`; `played`, in how many nights; `upvotes` and `downvotes`; and
 * `lately`, whether it was in the last night that had games. `nights` are the games of each night, newest first.
 */
export function knownGames(nights, list) {
  const known = new Map();
  const add = (game) => {
    const key = keyOf(game.title);
    const before = known.get(key);
    if (before) for (const [name, value] of Object.entries(game)) before[name] ??= value; // the latest value counts
    else known.set(key, { ...game, played: 0, upvotes: 0, downvotes: 0, lately: false });
    return known.get(key);
  };
  nights.filter((games) => games.length > 0).forEach((games, index) => {
    const titles = new Set();
    for (const { title, pack_name, min_players, max_players, totals } of games.toReversed()) {
      const game = add({ title, pack_name, min_players, max_players });
      if (!titles.has(game)) game.played += 1;
      titles.add(game);
      game.upvotes += totals.upvotes;
      game.downvotes += totals.downvotes;
      game.lately ||= index === 0;
    }
  });
  for (const game of list) add(game);
  return [...known.values()];
}

/**
 * Pick a game, or return null if none fits. The rule:
 * - Only a game for so many `players` is picked. A game without limits is for any number. Null is any number.
 * - A title of `tonight` is never picked. A `passed` title is picked only if there is no other, and the last passed
 * one only if it is the only one.
 * - A game's weight is 1, plus 1 for each point of its score over the nights, up to 10 more. It is a half if the
 * score is below 0.
 * - A game of the last night has a tenth of its weight.
 *
 * `random()` is at least 0 and less than 1.
 */
export function pick(games, { players = null, tonight = [], passed = [], random = Math.random } = {}) {
  const never = new Set(tonight.map(keyOf));
  const fitting = games.filter((game) => !never.has(keyOf(game.title)) && takes(game, players));
  const choice = [passed, passed.slice(-1), []]
    .map((not) => fitting.filter(({ title }) => !not.includes(title))).find((some) => some.length > 0) ?? [];
  let left = random() * choice.reduce((sum, game) => sum + weightOf(game), 0);
  return choice.find((game) => (left -= weightOf(game)) < 0) ?? choice.at(-1) ?? null;
}

function takes({ min_players: least, max_players: most }, players) {
  return players === null || ((least ?? 1) <= players && players <= (most ?? Infinity));
}

function weightOf({ upvotes, downvotes, lately }) {
  const score = upvotes - downvotes;
  return (score < 0 ? DISLIKED : 1 + Math.min(score, BEST)) * (lately ? LATELY : 1);
}
