// Reads over REST what a connection would have brought: one round through both streams, page by page.

import { NOW, SESSIONS, nightIn } from './book.js';

const PAGE = 100; // the protocol's bound

/** Read all there is; `needed()` says whether anybody still wants it. Raises what a request raises. */
export async function poll(api, book, needed) {
  for (const stream of book.streams) {
    while (needed() && (await onePage(api, book, stream, needed)));
  }
}

async function onePage(api, book, stream, needed) {
  const place = book.place(stream);
  if (!place) return false; // the host went elsewhere
  const { cursor } = place;
  const path = stream === SESSIONS ? '/api/sessions' : `/api/sessions/${nightIn(stream)}/events`;
  let page;
  try {
    page = await api.poll(`${path}?since=${encodeURIComponent(cursor)}&limit=${PAGE}`);
  } catch (problem) {
    if (problem.code === 'session_not_found') {
      book.vanished(stream);
      return false;
    }
    if (problem.code !== 'invalid_cursor' || cursor === NOW) throw problem;
    book.lose(stream);
    return true;
  }
  if (!needed() || book.place(stream) !== place) return false;
  if (!page.recovered || cursor === NOW) {
    await book.answered(stream, page);
    return false;
  }
  const events = page.events ?? page.sessions.map(startOf);
  // Within a page of starts the place's cursor stays: only the page's end has one.
  events.forEach((event, index) => {
    const behind = index === events.length - 1 ? page.cursor : cursor;
    book.take({ cursor: behind, ...event });
  });
  return events.length === PAGE;
}

function startOf({ id, created_at: createdAt, notes }) {
  const session = { id, is_active: 1, created_at: createdAt, notes };
  return { stream: SESSIONS, sequence: id, type: 'session.started', timestamp: createdAt, data: { session } };
}
