// Where in a text a token is. The service judges it; the page only reads who somebody is and until when.

import { claimsOf } from './gamenight/index.js';

const UNSEEN = /[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;
// All begin alike, since each part is JSON; the last one is a signature by HS256, of 43 characters.
const TOKEN = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{1,43}/g;

/**
 * Return the one token in what somebody has pasted, or null. A terminal's line breaks within it do not matter, nor do
 * invisible characters, nor what stands around it: quote marks, "Bearer ", a name.
 */
export function tokenIn(pasted) {
  const text = pasted.replace(UNSEEN, '');
  const [found, ...more] = text.matchAll(TOKEN);
  const cut = found && /^\.[\w-]/.test(text.slice(found.index + found[0].length)); // it has a fourth part
  return !found || more.length > 0 || cut || !claimsOf(found[0]) ? null : found[0];
}
