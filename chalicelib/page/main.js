// Starts the page: signs people in and out, and connects the buttons. `host.js` does the rest.

import { LIST, addressOf, isOfHost, named as namedBy, rename } from './address.js';
import { byId, say, show } from './elements.js';
import { confirmed, countCharacters, mark, onSubmit, tell } from './forms.js';
import { GameNight, GameNightError, Refused, TokenRefused, Unreachable, claimsOf } from './gamenight/index.js';
import { Host } from './host.js';
import { Invitations } from './invitations.js';
import { Join } from './join.js';
import { Memory } from './memory.js';
import { Picker } from './picker.js';
import { Stage, showState } from './stage.js';
import { tokenIn } from './token.js';
import { problemSentence } from './words.js';

// This file is ROOT/page/EDITION/main.js, wherever a stage or a proxy has put the root.
const root = new URL('../..', import.meta.url).href.replace(/\/$/, '');
// Behind a proxy the service may not know its own address. The page does, and finds a WebSocket beside it from there.
const BESIDE = '/api/sessions/live';
const named = document.documentElement.dataset.websocket;
const url = named.endsWith(BESIDE) ? `${root.replace(/^http/, 'ws')}${BESIDE}` : named;
const memory = new Memory(root);
const device = new Memory(root, 'localStorage');
const stage = new Stage();
const invitations = new Invitations(memory);
const join = new Join(root, device, letIn);

const NO_TOKEN = 'That is no token. A token is one long line in three parts with dots between them.';
const RENEWED_BEFORE = 16 * 86_400_000; // half the life of a host's token
const TOLD_BEFORE = 120_000; // milliseconds before a token expires; the service says so as well

let host = null;
let client = null;
let token = null;
let expiry = null;
let unused = null; // the code of a host's link that a signed-in host has opened

new Picker(device, {
  read: (path) => client.request('GET', path),
  add: (fields) => host.addGame(fields),
  night: () => host?.night,
});

/** Stop everything that runs for the signed-in user. */
function stop() {
  host?.stop();
  host = client = null;
  clearTimeout(expiry);
  unused = null;
  byId('renewal').hidden = true;
  byId('who').hidden = true;
  byId('invitation').close();
  delete document.body.dataset.role;
  document.title = 'Game Night Live';
  showState('none');
}

function signedOut(problem = null) {
  stop();
  const ofNight = !problem && namedBy(window.location.hash).night > 0;
  byId('of-guests').hidden = !ofNight;
  byId('to-join').hidden = ofNight;
  show('sign-in');
  if (problem) tell(byId('sign-in-form'), problem);
}

function refused(problem) {
  memory.write('token', null);
  if (device.read('host') === token) device.write('host', null);
  if (!host) return; // only once: every request in flight is refused too
  const code = unused;
  if (host.claims.night && problem.code === 'token_revoked') {
    stop();
    memory.forget();
    show('removed');
  } else if (code) {
    stop();
    join.open(code);
  } else {
    device.write('guest', null);
    signedOut(problem);
  }
}

/** A client that signs its user out if the token is refused. */
class Client extends GameNight {
  async request(...asked) {
    try {
      return await super.request(...asked);
    } catch (problem) {
      if (problem instanceof TokenRefused) refused(problem);
      throw problem;
    }
  }
}

/** Sign somebody in. Raises a GameNightError if the service does not answer. */
async function signIn(claims) {
  const cursors = { load: () => host.cursors, save: () => {} };
  client = new Client(root, { token: () => token, cursors, everyNight: false, websocketUrl: url });
  client.on('state', (state) => {
    if (state !== 'closed') showState(state.replace('_', '-'));
    if (state === 'live') unused = null; // the token is good
  });
  client.on('error', (problem) => {
    if (problem instanceof Unreachable && client.state === 'connecting') showState('offline');
  });
  client.on('token_expiring', (expires) => expiring(expires));
  host = new Host(client, memory, { ...claims, ...memory.read('guest') }, stage, invitations);
  say(byId('who-name').firstElementChild, host.claims.name ?? claims.sub);
  await host.enter(window.location.hash);
  showState('connecting');
  client.run().catch((problem) => {
    if (!(problem instanceof TokenRefused)) throw problem;
    refused(problem);
  });
  byId('who').hidden = false;
  watch(claims);
}

/** Renew the token of a host who signed in by a link, as another link would. */
async function stay({ expiresAt }) {
  if (device.read('host') !== token || expiresAt - Date.now() > RENEWED_BEFORE) return;
  const { code } = await client.request('POST', '/api/invites');
  const { token: renewed } = await join.ask({ code });
  device.write('host', renewed);
  memory.write('token', renewed);
}

/** Warn before the token expires, like the service, and also without a connection. */
function watch({ expiresAt }) {
  clearTimeout(expiry);
  const left = expiresAt - Date.now() - TOLD_BEFORE;
  if (left < 2 ** 31) expiry = setTimeout(() => expiring(new Date(expiresAt)), Math.max(0, left)); // the longest delay of a timer
}

function expiring(expires) {
  if (host.claims.night) return; // a guest has no other token
  const time = expires.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  say(byId('renewal-title'), `Your token expires at ${time}. Paste a new one of yours to stay.`);
  byId('renewal').hidden = false;
}

/** Keep the answer to a code in this tab. */
function keep({ token: given, role, name, session_id: night }) {
  memory.forget();
  memory.write('token', given);
  if (role === 'guest') memory.write('guest', { role, night, name });
}

/** Go on as the guest or the host of an answer to a code. */
async function letIn(answer) {
  keep(answer);
  window.history.replaceState(null, '', answer.session_id ? addressOf(answer.session_id) : window.location.pathname);
  await begin();
}

/** Return whether this browser has a host's token: then a used link does not matter. */
function knowsHost() {
  const kept = device.read('host');
  return kept !== null && claimsOf(kept)?.expiresAt > Date.now();
}

async function begin() {
  const { join: code, night, list } = namedBy(window.location.hash);
  if (code !== undefined) {
    stop();
    if (!isOfHost(code) || !knowsHost()) {
      join.open(code);
      return;
    }
    unused = code;
    keep({ token: device.read('host') });
  }
  const { guest } = join;
  if (guest && !list && (night ?? guest.session_id) === guest.session_id && !memory.read('token') && !device.read('host')) {
    keep(guest);
  }
  token = memory.read('token') ?? device.read('host');
  const claims = token && claimsOf(token);
  if (!claims) {
    signedOut();
    return;
  }
  show('opening');
  byId('open-again').hidden = true;
  say(byId('opening').querySelector('.problem'), '');
  try {
    await signIn(claims);
    if (code !== undefined && namedBy(window.location.hash).join !== undefined) rename(LIST);
    stay(claims).catch(() => {}); // the next visit tries again
  } catch (problem) {
    if (!(problem instanceof GameNightError)) throw problem;
    if (problem instanceof TokenRefused) return; // `refused` has said so
    say(byId('opening').querySelector('.problem'), problemSentence(problem));
    byId('open-again').hidden = false;
  }
}

onSubmit(byId('sign-in-form'), async ({ token: pasted }) => {
  token = tokenIn(pasted);
  const claims = token && claimsOf(token);
  if (!claims) {
    mark(byId('token'), NO_TOKEN);
    byId('token').focus();
    return;
  }
  try {
    memory.write('token', token);
    memory.write('guest', null);
    await signIn(claims);
    byId('sign-in-form').reset();
  } catch (problem) {
    memory.write('token', null);
    host = null;
    throw problem;
  }
});

onSubmit(byId('renewal'), async ({ token: pasted }) => {
  const renewed = tokenIn(pasted);
  const claims = renewed && claimsOf(renewed);
  if (!claims) throw new Refused(400, 'no_token', NO_TOKEN);
  if (claims.sub !== host.claims.sub) throw new Refused(400, 'subject_mismatch', '');
  await new GameNight(root, { token: renewed }).nights({ newest: 1 }); // every role may read this
  token = renewed;
  memory.write('token', token);
  await host.renew(claims);
  watch(claims);
  byId('renewal').hidden = true;
  byId('renewal').reset();
});

onSubmit(byId('start-form'), async ({ notes }) => {
  await host.start(notes);
  byId('start-form').reset();
});

onSubmit(byId('game-form'), async (fields) => {
  await host.addGame(fields);
  byId('game-form').reset();
  byId('title').focus();
});

byId('end-night').addEventListener('click', async () => {
  say(byId('end-problem'), '');
  if (!await confirmed(byId('ending'))) return;
  try {
    await host.end();
    byId('night-title').focus();
  } catch (problem) {
    say(byId('end-problem'), problemSentence(problem));
  }
});

byId('to-nights').href = LIST;
byId('to-lobby').addEventListener('click', () => { window.location.hash = LIST; });
window.addEventListener('hashchange', () => {
  if (host && namedBy(window.location.hash).join === undefined) host.go(window.location.hash);
  else begin();
});
byId('open-again').addEventListener('click', begin);
byId('sign-out').addEventListener('click', () => {
  window.history.replaceState(null, '', window.location.pathname);
  signedOut();
  device.write('guest', null);
  device.write('host', null);
  memory.forget();
});

countCharacters();
for (const event of ['online', 'offline', 'pageshow']) window.addEventListener(event, () => client?.wake());
document.addEventListener('visibilitychange', () => (document.hidden ? host?.save() : client?.wake()));
window.addEventListener('pagehide', () => host?.save());

begin();
