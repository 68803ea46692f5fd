// Parses and builds the page's addresses: `#/night/17` shows a night, `#/night/17/tv` shows it on a television,
// `#/nights` lists the nights, and `#/join/K7QM2X` joins with a code. Any other shows the night that is on.

export const LIST = '#/nights';

export const addressOf = (id, tv = false) => `#/night/${id}${tv ? '/tv' : ''}`;

/** Return the absolute link of a night. */
export const linkOf = (id) => new URL(addressOf(id), window.location.href).href;

const LONGEST_CODE_OF_GUESTS = 10;

/** Return the code in a typed text, as the service compares codes. The text may have spaces, or be a whole link. */
export function codeIn(typed) {
  return typed.replace(/^.*#\/join\//s, '').replaceAll('%20', ' ').normalize('NFKC').toUpperCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/** Whether a code signs in a host: such a code is longer than one that people type. */
export const isOfHost = (code) => code.length > LONGEST_CODE_OF_GUESTS;

/** Return the link to join with a code. */
export const joinLinkOf = (code) => new URL(`#/join/${code}`, window.location.href).href;

/**
 * Parse an address into { night, tv }, { list: true }, { join } or {}. `night` is an id, or NaN if it is not valid.
 * `tv` is whether a television shows it. `join` is a code or ''.
 */
export function named(address) {
  if (address === LIST) return { list: true };
  const [joining, code = ''] = /^#\/join(?:\/(.*))?$/.exec(address) ?? [];
  if (joining) return { join: codeIn(code) };
  const [, id, tv] = /^#\/night\/(.*?)(\/tv)?$/.exec(address) ?? [];
  if (id === undefined) return {};
  return { night: /^[1-9]\d{0,15}$/.test(id) ? Number(id) : NaN, tv: Boolean(tv) };
}

/** Change the address without loading it: `instead` of the present entry of the history, or as a new one. */
export function rename(address, { instead = true } = {}) {
  if (window.location.hash === address) return;
  window.history[instead ? 'replaceState' : 'pushState'](null, '', address);
}
