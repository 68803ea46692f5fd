// The page's addresses: `#/night/17` is a night, `#/night/17/tv` the same on a television, `#/nights` the list of them,
// `#/join/K7QM2X` lets somebody in, and any other is whatever is on.

export const LIST = '#/nights';

export const addressOf = (id, tv = false) => `#/night/${id}${tv ? '/tv' : ''}`;

/** A night's link, which leads there from anywhere. */
export const linkOf = (id) => new URL(addressOf(id), window.location.href).href;

const LONGEST_CODE_OF_GUESTS = 10;

/** The code in what somebody has typed, as the service compares codes: in small letters, with spaces, or a whole link. */
export function codeIn(typed) {
  return typed.replace(/^.*#\/join\//s, '').normalize('NFKC').toUpperCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/** Whether a code signs in a host: then it is longer than one that people type. */
export const isOfHost = (code) => code.length > LONGEST_CODE_OF_GUESTS;

/** The link that lets somebody in by a code. */
export const joinLinkOf = (code) => new URL(`#/join/${code}`, window.location.href).href;

/**
 * What an address names: { night, tv }, an id or NaN for what can be none and whether a television shows it;
 * { list: true }; { join }, a code or ''; or nothing.
 */
export function named(address) {
  if (address === LIST) return { list: true };
  const [joining, code = ''] = /^#\/join(?:\/(.*))?$/.exec(address) ?? [];
  if (joining) return { join: codeIn(code) };
  const [, id, tv] = /^#\/night\/(.*?)(\/tv)?$/.exec(address) ?? [];
  if (id === undefined) return {};
  return { night: /^[1-9]\d{0,15}$/.test(id) ? Number(id) : NaN, tv: Boolean(tv) };
}

/** Show another address without going there: a place of its own in the history, or instead of the one before. */
export function rename(address, { instead = true } = {}) {
  if (window.location.hash === address) return;
  window.history[instead ? 'replaceState' : 'pushState'](null, '', address);
}
