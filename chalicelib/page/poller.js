// Reads over REST what a connection would have brought: one round through both streams, page by page.

import { SESSIONS } from './book.js';
import { cursorOf } from './stream.js';

const PAGE = 100; // the contract's bound

/** Read all there is; `needed()` says whether anybody still wants it. Raises what a request raises. */
export async function poll(api, book, needed) {
  for (const key of [...book.streams.keys()]) {
    while (needed() && (await onePage(api, book, key, needed)));
  }
}

async function onePage(api, book, key, needed) {
  const stream = book.streams.get(key);
  if (!stream) return false; // the host went elsewhere
  const path = key === SESSIONS ? '/api/sessions' : `/api/sessions/${key}/events`;
  let page;
  try {
    page = await api.poll(`${path}?since=${encodeURIComponent(stream.since)}&limit=${PAGE}`);
  } catch (problem) {
    if (problem.code === 'session_not_found') {
      book.vanished(key);
      return false;
    }
    if (problem.code !== 'invalid_cursor' || !stream.known) throw problem;
    stream.lose();
    return true;
  }
  if (!needed() || book.streams.get(key) !== stream) return false;
  const entries = page.events ?? page.sessions.map(startOf);
  const known = stream.known;
  if (page.recovered && known) {
    const end = cursorOf(page.cursor);
    entries.forEach((entry, index) => {
      const sequence = end.sequence - entries.length + 1 + index;
      book.take({ ...entry, cursor: `${end.epoch}:${sequence}` }, key !== SESSIONS);
    });
  }
  await book.answered(key, page);
  return page.recovered && known && entries.length === PAGE;
}

function startOf({ id, created_at: createdAt, notes }) {
  const session = { id, is_active: 1, created_at: createdAt, notes };
  return { type: 'session.started', timestamp: createdAt, data: { session } };
}
