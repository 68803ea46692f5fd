// Finds a WebSocket: the built-in one of browsers and of Node 22 and later, or else that of `ws`.

import { NoWebSocket } from './errors.js';

const CLOSING = 1000; // milliseconds that `ws` waits for the other side; a dead one would keep the program for 30 s

/**
 * Return a function that opens a WebSocket. Throws NoWebSocket if there is none.
 * @returns {Promise<(url: string) => WebSocket>}
 */
export async function opener() {
  if (globalThis.WebSocket) return (url) => new globalThis.WebSocket(url);
  try {
    const { WebSocket } = await import(/* webpackIgnore: true */ /* @vite-ignore */ 'ws');
    return (url) => /** @type {any} */ (new WebSocket(url, /** @type {any} */ ({ closeTimeout: CLOSING })));
  } catch {
    throw new NoWebSocket('This Node has no WebSocket of its own. Run `npm install ws`, or use Node 22 or newer.');
  }
}
