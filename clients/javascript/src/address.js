// Finds the service: its REST API below a URL, and the WebSocket that `GET /api` names.

import { GameNightError, WrongAddress } from './errors.js';

const LIVE = '/api/sessions/live';

/**
 * Return the URL without `/api`, and the WebSocket's unless only `GET /api` knows it. Throws WrongAddress.
 * @param {string} url such as http://localhost:5000; ws://localhost:5000/api/sessions/live works too
 * @param {string} [websocketUrl]
 * @returns {{ root: string, websocketUrl?: string }}
 */
export function addresses(url, websocketUrl) {
  const text = `${url}`.trim().replace(/\/+$/, '');
  if (isWebSocket(text)) {
    if (!text.endsWith(LIVE)) {
      throw new WrongAddress(`${text} does not show where /api is. Give the address of /api, and this one as websocketUrl.`);
    }
    return { root: text.slice(0, -LIVE.length).replace('ws', 'http'), websocketUrl: websocketUrl ?? text };
  }
  if (!/^https?:\/\/[^/]/.test(text) || !URL.canParse(text)) {
    throw new WrongAddress(`${JSON.stringify(url) ?? url} is no address. Give one such as http://localhost:5000.`);
  }
  if (websocketUrl !== undefined && !isWebSocket(websocketUrl)) {
    throw new WrongAddress(`${JSON.stringify(websocketUrl)} is not a WebSocket's address, which begins with ws:// or wss://.`);
  }
  return { root: text.replace(/\/api$/, ''), websocketUrl };
}

/** @param {string} url */
const isWebSocket = (url) => /^wss?:\/\/[^/]/.test(url);

/**
 * Ask for the WebSocket's URL. Throws WrongAddress if no Game Night Live answers, and what a request throws.
 * @param {import('./rest.js').Rest} rest
 * @param {string} root
 * @returns {Promise<string>}
 */
export async function discovered(rest, root) {
  let described;
  try {
    described = await rest.request('GET', '/api', undefined, { attempts: 1 });
  } catch (problem) {
    if (problem instanceof GameNightError && problem.code !== 'no_json' && (problem.passing || problem.code === 'closed')) {
      throw problem;
    }
  }
  if (isWebSocket(`${described?.websocket_url}`)) return described.websocket_url;
  throw wrongAddress(root);
}

/**
 * The error for an address where there is no Game Night Live.
 * @param {string} root
 */
export const wrongAddress = (root) =>
  new WrongAddress(`No Game Night Live answers at ${root}/api. Give the address that stands before /api.`);
