// A client for Game Night Live: every event of every night, once and in order, however the network fails.

export { GameNight, join } from './game_night.js';
export { LocalStorageCursors, MemoryCursors } from './cursors.js';
export {
  ConnectionLost, GameNightError, NoCursors, NoWebSocket, Refused, TokenRefused, Unreachable, WrongAddress,
} from './errors.js';
export { claimsOf } from './token.js';

/**
 * @typedef {import('./game_night.js').Options} Options
 * @typedef {import('./follower.js').State} State
 * @typedef {import('./listeners.js').Event} Event
 * @typedef {import('./listeners.js').Snapshot} Snapshot
 * @typedef {import('./listeners.js').Gap} Gap
 * @typedef {import('./token.js').Token} Token
 * @typedef {import('./cursors.js').Cursors} Cursors
 * @typedef {import('./cursors.js').CursorStore} CursorStore
 * @typedef {import('./types.js').SessionStarted} SessionStarted
 * @typedef {import('./types.js').GameAdded} GameAdded
 * @typedef {import('./types.js').GameRemoved} GameRemoved
 * @typedef {import('./types.js').VoteReceived} VoteReceived
 * @typedef {import('./types.js').VoteWithdrawn} VoteWithdrawn
 * @typedef {import('./types.js').SessionEnded} SessionEnded
 * @typedef {import('./types.js').Session} Session
 * @typedef {import('./types.js').SessionWithGames} SessionWithGames
 * @typedef {import('./types.js').Game} Game
 * @typedef {import('./types.js').NewGame} NewGame
 * @typedef {import('./types.js').NewVote} NewVote
 * @typedef {import('./types.js').Invite} Invite
 * @typedef {import('./types.js').Joined} Joined
 */
