// The games that can be offered, and which of them is picked. Pure: no page, no network.

/** A score counts up to this, so that a favourite leaves room for others. */
const BEST = 10;
const DISLIKED = 0.5;
const LATELY = 0.1;

/** Texts that differ in nothing but case are one title. */
export const keyOf = (title) => title.trim().normalize('NFC').toLowerCase();

/**
 * The games of earlier nights and of a list, each title once, the latest first. A game has `title`, `pack_name`,
 * `min_players` and `max_players` as the service has them, `played`, the number of nights, `upvotes`, `downvotes`, and
 * `lately`: whether it was on in the last of these nights that had games. `nights` are the games of each night, newest first.
 */
export function knownGames(nights, list) {
  const known = new Map();
  const add = (game) => {
    const key = keyOf(game.title);
    const before = known.get(key);
    if (before) for (const [name, value] of Object.entries(game)) before[name] ??= value; // the latest that says it
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
 * Pick a game, or return null where none can be. The rule:
 * - Only a game that takes so many `players` can be picked; one that does not say takes any number. Null is any number.
 * - A title of `tonight` is never picked. One that was `passed` over is picked only where there is no other, and the last
 *   one of these only where it is the only one.
 * - A game's weight is 1, and one more for each point of its score over the nights, up to 10 more.
 *   It is a half where the score is below 0.
 * - A game that was on in the last night has a tenth of its weight.
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
