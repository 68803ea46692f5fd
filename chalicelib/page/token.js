// Finds a token in a text. Only the service verifies it; the page reads its subject and expiry.

import { claimsOf } from './gamenight/index.js';

const UNSEEN = /[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;
// The first two parts are JSON, so they begin alike. The last is an HS256 signature of 43 characters.
const TOKEN = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{1,43}/g;

/**
 * Return the only token in a pasted text, or null. Line breaks and invisible characters within it don't matter, nor
 * does text around it: quote marks, "Bearer ", a name.
 */
export function tokenIn(pasted) {
  const text = pasted.replace(UNSEEN, '');
  const [found, ...more] = text.matchAll(TOKEN);
  const cut = found && /^\.[\w-]/.test(text.slice(found.index + found[0].length)); // it has a fourth part
  return !found || more.length > 0 || cut || !claimsOf(found[0]) ? null : found[0];
}
