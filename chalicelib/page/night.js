// Applies events to the snapshot of a night. Pure: no page, no network.

/** How many events the feed keeps. */
export const FEED_LENGTH = 200;

/** Return a night, from its REST snapshot and the feed of its events. */
export function nightOf(snapshot, feed) {
  const { games, ...session } = snapshot;
  return { session, games: games.map((game) => ({ ...game })), feed };
}

/** Return a feed, newest first, with new events, which are oldest first. */
export function feedOf(events, before) {
  const newest = events.map(({ type, timestamp, data }) => ({ type, timestamp, data })).reverse();
  return [...newest, ...before].slice(0, FEED_LENGTH);
}

/** Return the night after an event. */
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

/** Return the night from a newer snapshot, after events were lost. */
export function restored(night, snapshot) {
  return nightOf(snapshot, feedOf([{ type: 'gap', timestamp: null, data: {} }], night.feed));
}

/** Return a voter's vote for a game, as far as the feed shows it: 'up', 'down' or null. */
export function voteOf(night, gameId, username) {
  const theirs = ({ data }) => data.vote && data.game.id === gameId && caseless(data.vote.username) === caseless(username);
  return night.feed.find(theirs)?.data.vote.type ?? null; // a withdrawn vote has no type
}

/** Return a name as the service compares it. */
export const caseless = (name) => name.trim().normalize('NFC').toLowerCase().normalize('NFC');

/** Return the games, best score first. Of equal scores, the earlier game comes first. */
export function ranked(games) {
  return [...games].sort((a, b) => b.totals.score - a.totals.score || a.id - b.id);
}

export function votesIn(games) {
  return games.reduce((sum, { totals }) => sum + totals.upvotes + totals.downvotes, 0);
}
