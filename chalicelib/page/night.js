// A night as the page knows it: a snapshot, and what has happened since, folded into it. Pure: no page, no network.

/** So many events are kept to be shown; a longer night is read from there. */
export const FEED_LENGTH = 200;

/** A night from its REST snapshot, and the feed of what has led to it. */
export function nightOf(snapshot, feed) {
  const { games, ...session } = snapshot;
  return { session, games: games.map((game) => ({ ...game })), feed };
}

/** A feed, newest first, after events that came oldest first. */
export function feedOf(events, before) {
  const newest = events.map(({ type, timestamp, data }) => ({ type, timestamp, data })).reverse();
  return [...newest, ...before].slice(0, FEED_LENGTH);
}

/** The same night after an event. */
export function after(night, event) {
  const feed = feedOf([event], night.feed);
  const { session, game, totals } = event.data;
  switch (event.type) {
    case 'game.added': {
      const others = night.games.filter(({ id }) => id !== game.id);
      const before = night.games.find(({ id }) => id === game.id);
      const added = { ...game, totals: before?.totals ?? { upvotes: 0, downvotes: 0, score: 0 } };
      return { ...night, feed, session: { ...night.session, ...session }, games: [...others, added] };
    }
    case 'game.removed':
      return { ...night, feed, session: { ...night.session, ...session }, games: night.games.filter(({ id }) => id !== game.id) };
    case 'vote.received':
    case 'vote.withdrawn': {
      const games = night.games.map((one) => (one.id === game.id ? { ...one, totals } : one));
      return { ...night, feed, games };
    }
    case 'session.ended':
      return { ...night, feed, session: { ...night.session, ...session } };
    default:
      return { ...night, feed };
  }
}

/** The same night from a newer snapshot, after events that can't be had any more. */
export function restored(night, snapshot) {
  return nightOf(snapshot, feedOf([{ type: 'gap', timestamp: null, data: {} }], night.feed));
}

/** Which way somebody's vote for a game counts, as far as the feed tells: 'up', 'down' or null. */
export function voteOf(night, gameId, username) {
  const theirs = ({ data }) => data.vote && data.game.id === gameId && caseless(data.vote.username) === caseless(username);
  return night.feed.find(theirs)?.data.vote.type ?? null; // one that was withdrawn has no type
}

/** A name as the service compares it. */
export const caseless = (name) => name.trim().normalize('NFC').toLowerCase().normalize('NFC');

/** Games with the best score first; of equals, the one that was played first. */
export function ranked(games) {
  return [...games].sort((a, b) => b.totals.score - a.totals.score || a.id - b.id);
}

export function votesIn(games) {
  return games.reduce((sum, { totals }) => sum + totals.upvotes + totals.downvotes, 0);
}
