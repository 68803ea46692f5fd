// The service's types, made from its specification by `make specs`.

export {};

/**
 * A night that is going on. `is_active` is always 1.
 * @typedef {object} ActiveSession
 * @property {number} id
 * @property {1} is_active
 * @property {string} created_at
 * @property {null} ended_at
 * @property {string | null} notes
 * @property {number} games_played
 */

/**
 * A counted vote, and its game's totals with it.
 * @typedef {object} CountedVote
 * @property {SessionOfVote} session
 * @property {NamedGame} game
 * @property {Vote} vote
 * @property {Totals} totals
 */

/**
 * A night as it has ended. `is_active` is always 0.
 * @typedef {object} EndedSession
 * @property {number} id
 * @property {0} is_active
 * @property {string} created_at
 * @property {string} ended_at
 * @property {string | null} notes
 * @property {number} games_played
 */

/**
 * Events after a cursor, oldest first, as the frames that clients get after they opt in to resume. `more` says whether another page follows. `recovered` is false if your cursor is no longer usable: read the session and start over from `cursor`.
 * @typedef {object} EventsPage
 * @property {(SessionStarted | GameAdded | GameRemoved | VoteReceived | VoteWithdrawn | SessionEnded)[]} events
 * @property {string} cursor
 * @property {boolean} recovered
 * @property {boolean} more
 */

/**
 * A game of a night. Games of a night are numbered 1, 2, 3 ...
 * @typedef {object} Game
 * @property {number} id
 * @property {string} title
 * @property {string | null} pack_name
 * @property {number | null} min_players
 * @property {number | null} max_players
 */

/**
 * A game was added. The subscribers of its session get it.
 * @typedef {object} GameAdded
 * @property {'game.added'} type
 * @property {string} timestamp
 * @property {string} stream
 * @property {number} sequence
 * @property {string} cursor
 * @property {GameAddedData} data
 */

/**
 * The data of `game.added`.
 * @typedef {object} GameAddedData
 * @property {SessionOfGame} session
 * @property {Game} game
 */

/**
 * A game was removed, and its votes no longer count. The subscribers of its session get it.
 * @typedef {object} GameRemoved
 * @property {'game.removed'} type
 * @property {string} timestamp
 * @property {string} stream
 * @property {number} sequence
 * @property {string} cursor
 * @property {GameRemovedData} data
 */

/**
 * The data of `game.removed`.
 * @typedef {object} GameRemovedData
 * @property {SessionOfGame} session
 * @property {NamedGame} game
 */

/**
 * An answer of API Gateway itself, before or instead of the service.
 * @typedef {object} GatewayAnswer
 * @property {string} message
 */

/**
 * The service answers requests.
 * @typedef {object} Health
 * @property {'ok'} status
 * @property {string} version
 */

/**
 * A code, and the page's link to join with it.
 * @typedef {object} Invite
 * @property {string} code
 * @property {string} url
 * @property {string} expires_at
 */

/**
 * A token for a guest of a night, or for a host if `session_id` is null.
 * @typedef {object} Joined
 * @property {string} token
 * @property {string} expires_at
 * @property {'admin' | 'guest'} role
 * @property {string} sub
 * @property {string} name
 * @property {number | null} session_id
 */

/**
 * A token for a bot. It is shown only once.
 * @typedef {object} MintedToken
 * @property {string} token
 * @property {string} expires_at
 * @property {'bot'} role
 * @property {string} sub
 */

/**
 * A game by its number and title.
 * @typedef {object} NamedGame
 * @property {number} id
 * @property {string} title
 */

/**
 * The body of `POST /api/sessions/{id}/games`.
 * @typedef {object} NewGame
 * @property {string} title
 * @property {string | null} [pack_name]
 * @property {number | null} [min_players]
 * @property {number | null} [max_players]
 */

/**
 * The body of `POST /api/sessions/{id}/invites`.
 * @typedef {object} NewInvite
 * @property {number | null} [ttl_seconds]
 */

/**
 * The body of `POST /api/join`. Only a host's code needs no name.
 * @typedef {object} NewJoin
 * @property {string} code
 * @property {string | null} [name]
 */

/**
 * The body of `POST /api/sessions/{id}/votes`.
 * @typedef {object} NewVote
 * @property {string} username
 * @property {VoteType} type
 * @property {number | null} [game_id]
 */

/**
 * A night. `is_active` is 1 or 0; `ended_at` is null while it is 1.
 * @typedef {object} Session
 * @property {number} id
 * @property {0 | 1} is_active
 * @property {string} created_at
 * @property {string | null} ended_at
 * @property {string | null} notes
 * @property {number} games_played
 */

/**
 * A night has ended. The subscribers of its session get it.
 * @typedef {object} SessionEnded
 * @property {'session.ended'} type
 * @property {string} timestamp
 * @property {string} stream
 * @property {number} sequence
 * @property {string} cursor
 * @property {SessionEndedData} data
 */

/**
 * The data of `session.ended`.
 * @typedef {object} SessionEndedData
 * @property {EndedSession} session
 */

/**
 * The night that a game was added to or removed from.
 * @typedef {object} SessionOfGame
 * @property {number} id
 * @property {1} is_active
 * @property {number} games_played
 */

/**
 * The night that a vote belongs to.
 * @typedef {object} SessionOfVote
 * @property {number} id
 */

/**
 * A night has started. Every authenticated connection gets it, subscribed or not, except a guest's.
 * @typedef {object} SessionStarted
 * @property {'session.started'} type
 * @property {string} timestamp
 * @property {string} stream
 * @property {number} sequence
 * @property {string} cursor
 * @property {SessionStartedData} data
 */

/**
 * The data of `session.started`.
 * @typedef {object} SessionStartedData
 * @property {StartedSession} session
 */

/**
 * A night with its games, in the order in which they were added.
 * @typedef {object} SessionWithGames
 * @property {number} id
 * @property {0 | 1} is_active
 * @property {string} created_at
 * @property {string | null} ended_at
 * @property {string | null} notes
 * @property {number} games_played
 * @property {(TalliedGame)[]} games
 */

/**
 * Nights after a cursor, oldest first. Ask again with `cursor` until a page is empty. `recovered` is false if your cursor is no longer usable: start over from `cursor`.
 * @typedef {object} SessionsPage
 * @property {(Session)[]} sessions
 * @property {string} cursor
 * @property {boolean} recovered
 */

/**
 * A night as it starts. `is_active` is always 1.
 * @typedef {object} StartedSession
 * @property {number} id
 * @property {1} is_active
 * @property {string} created_at
 * @property {string | null} notes
 */

/**
 * A vote that is stored and will be counted soon. Its event has the totals.
 * @typedef {object} StoredVote
 * @property {SessionOfVote} session
 * @property {NamedGame} game
 * @property {Vote} vote
 */

/**
 * A game of a night with its tallies.
 * @typedef {object} TalliedGame
 * @property {number} id
 * @property {string} title
 * @property {string | null} pack_name
 * @property {number | null} min_players
 * @property {number | null} max_players
 * @property {Totals} totals
 */

/**
 * The tallies of a game: each voter's latest vote counts. `score` is upvotes minus downvotes.
 * @typedef {object} Totals
 * @property {number} upvotes
 * @property {number} downvotes
 * @property {number} score
 */

/**
 * A vote, with the name as it was typed.
 * @typedef {object} Vote
 * @property {string} username
 * @property {VoteType} type
 * @property {string} timestamp
 */

/**
 * A vote was counted. The subscribers of its session get it.
 * @typedef {object} VoteReceived
 * @property {'vote.received'} type
 * @property {string} timestamp
 * @property {string} stream
 * @property {number} sequence
 * @property {string} cursor
 * @property {CountedVote} data
 */

/**
 * The two ways to vote: `thisgame++` and `thisgame--`.
 * @typedef {'down' | 'up'} VoteType
 */

/**
 * A vote was withdrawn and no longer counts. The subscribers of its session get it.
 * @typedef {object} VoteWithdrawn
 * @property {'vote.withdrawn'} type
 * @property {string} timestamp
 * @property {string} stream
 * @property {number} sequence
 * @property {string} cursor
 * @property {Withdrawal} data
 */

/**
 * A withdrawn vote, and its game's totals without it.
 * @typedef {object} Withdrawal
 * @property {SessionOfVote} session
 * @property {NamedGame} game
 * @property {WithdrawnVote} vote
 * @property {Totals} totals
 */

/**
 * A withdrawn vote: the name as it was typed, and the time of the vote.
 * @typedef {object} WithdrawnVote
 * @property {string} username
 * @property {string} timestamp
 */

/** @typedef {SessionStarted | GameAdded | GameRemoved | VoteReceived | VoteWithdrawn | SessionEnded} Happened */
