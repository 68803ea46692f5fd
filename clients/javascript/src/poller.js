// Reads events over REST while there is no connection: one round through all streams, page by page.

import { GameNightError } from './errors.js';
import { NOW, SESSIONS, nightIn } from './names.js';

const PAGE = 100; // the contract's limit

/**
 * Read all streams to their end, while `needed()` returns true. Throws what a request throws.
 * @param {import('./rest.js').Rest} rest
 * @param {import('./streams.js').Streams} streams
 * @param {() => boolean} needed
 */
export async function poll(rest, streams, needed) {
  for (const stream of streams.names) {
    while (needed() && (await onePage(rest, streams, stream, needed)));
  }
}

/**
 * @param {import('./rest.js').Rest} rest
 * @param {import('./streams.js').Streams} streams
 * @param {string} stream
 * @param {() => boolean} needed
 */
async function onePage(rest, streams, stream, needed) {
  const place = streams.place(stream);
  if (!place) return false; // it is not followed any more
  const { cursor } = place;
  const path = stream === SESSIONS ? '/api/sessions' : `/api/sessions/${nightIn(stream)}/events`;
  const since = `${path}?since=${encodeURIComponent(cursor)}&limit=${PAGE}`;
  let page;
  try {
    page = await rest.request('GET', since, undefined, { attempts: 1 });
  } catch (problem) {
    const code = problem instanceof GameNightError ? problem.code : null;
    if (code === 'session_not_found') streams.vanished(stream);
    else if (code === 'invalid_cursor' && cursor !== NOW) streams.lose(stream);
    else if (code !== 'forbidden' || stream !== SESSIONS) throw problem; // a guest gets no starts
    return code === 'invalid_cursor';
  }
  if (!needed() || streams.place(stream) !== place) return false;
  if (!page.recovered || cursor === NOW) {
    await streams.answered(stream, page);
    return false;
  }
  const events = page.events ?? page.sessions.map(startOf);
  for (const [index, event] of events.entries()) {
    // Starts in a page keep the old cursor: only the page's end has one.
    streams.take({ cursor: index === events.length - 1 ? page.cursor : cursor, ...event });
  }
  return events.length === PAGE;
}

/** @param {{ id: number, created_at: string, notes: string | null }} session */
function startOf({ id, created_at: createdAt, notes }) {
  const session = { id, is_active: 1, created_at: createdAt, notes };
  return { stream: SESSIONS, sequence: id, type: 'session.started', timestamp: createdAt, data: { session } };
}
