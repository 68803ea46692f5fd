"""What the code does not say of itself about each REST route: who may, what is answered, what can go wrong.

The routes themselves are chalice's: the generator refuses a route that is missing here, and one that is here
and nowhere else.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from chalicelib.api.rest import bodies
from chalicelib.auth.claims import Role
from chalicelib.errors import (
    GameNightError,
    GameNotFound,
    NoActiveSession,
    NoGame,
    SessionClosed,
    TooManyGames,
    Unavailable,
)
from chalicelib.limits import MAX_GAMES
from infra.specifications import answers, errors

ANYONE: tuple[Role, ...] = ()
ADMIN = (Role.ADMIN,)
ADMIN_OR_BOT = (Role.ADMIN, Role.BOT)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. ``roles`` is empty where no token is asked for.

    ``answer`` is None where the answer is a document that has a schema of its own, ``stored`` is a 202's.
    ``location`` says what the Location of a 201 or 202 leads to. ``raises`` are the errors beside those that
    follow from the rest.
    """

    tag: str
    description: str
    roles: tuple[Role, ...]
    answer: type[msgspec.Struct] | None
    answered: str
    body: type[msgspec.Struct] | None = None
    body_required: bool = True
    status: int = 200
    stored: type[msgspec.Struct] | None = None
    location: str = ""
    pages: bool = False
    newest: bool = False
    raises: tuple[errors.Kind, ...] = ()

    def problems(self, path: str) -> list[errors.Kind]:
        """Return every error that this operation can answer with."""
        found: list[errors.Kind] = [GameNightError, *self.raises]
        if self.roles:
            found += [*errors.OF_TOKENS, Unavailable]
        if self.roles == ADMIN:
            found += errors.OF_ADMINS
        if self.body is not None:
            found += errors.OF_POSTS
        if self.pages:
            found += errors.OF_CURSORS
        if "{session_id}" in path:
            found += errors.OF_SESSIONS
        return found


NO_TOKEN = "No token is needed."  # noqa: S105 - a sentence
NO_OTHERS = "Parameters with other names are refused."
CONSISTENT = "Strongly consistent: whoever was answered reads its own write."

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/api"): Operation(
        "service",
        f"Name, version, and the addresses of the WebSocket API and of both specifications. {NO_TOKEN}",
        ANYONE,
        answers.Service,
        "Everything that a client needs to begin.",
    ),
    ("GET", "/api/health"): Operation(
        "service",
        f"Answers as soon as requests can be served. {NO_TOKEN}",
        ANYONE,
        answers.Health,
        "Requests are served.",
    ),
    ("GET", "/api/openapi.json"): Operation(
        "service", f"This document. {NO_TOKEN}", ANYONE, None, "The OpenAPI document."
    ),
    ("GET", "/api/asyncapi.json"): Operation(
        "service",
        f"The frames and events of the WebSocket API. {NO_TOKEN}",
        ANYONE,
        None,
        "The AsyncAPI document.",
    ),
    ("POST", "/api/sessions"): Operation(
        "sessions",
        "Every authenticated WebSocket connection hears `session.started`. Ids are 1, 2, 3 ... without "
        "gaps, in commit order. The body may be left out.",
        ADMIN,
        answers.StartedSession,
        "The night has started.",
        body=bodies.NewSession,
        body_required=False,
        status=201,
        location="The session.",
    ),
    ("GET", "/api/sessions"): Operation(
        "sessions",
        "Polling for nights: the sessions that started after `since`, oldest first, each as it is now; "
        "or the newest sessions, where `newest` says how many. The "
        f"same cursors work for resuming on the WebSocket. {NO_OTHERS} {CONSISTENT}",
        ADMIN_OR_BOT,
        answers.SessionsPage,
        "A page of sessions, and the cursor to go on from.",
        pages=True,
        newest=True,
    ),
    ("GET", "/api/sessions/active"): Operation(
        "sessions",
        f"Where several nights are going on, the one that started last. {CONSISTENT}",
        ADMIN_OR_BOT,
        answers.ActiveSession,
        "The newest session that has not ended.",
        raises=(NoActiveSession,),
    ),
    ("GET", "/api/sessions/{session_id}"): Operation(
        "sessions",
        f"The snapshot to read where events can't be had any more. {CONSISTENT}",
        ADMIN_OR_BOT,
        answers.SessionWithGames,
        "The session with its games and their tallies.",
    ),
    ("POST", "/api/sessions/{session_id}/games"): Operation(
        "games",
        f"The session's subscribers hear `game.added`. A night takes up to {MAX_GAMES} games. Where both "
        "are given, `min_players` may not be above `max_players`.",
        ADMIN,
        answers.Game,
        "The game was added.",
        body=bodies.NewGame,
        status=201,
        location="The session, which shows the game.",
        raises=(SessionClosed, TooManyGames),
    ),
    ("POST", "/api/sessions/{session_id}/votes"): Operation(
        "votes",
        "The session's subscribers hear `vote.received`. One vote counts of each username for each game, "
        "and it is the latest; usernames are compared without surrounding white space and without regard "
        "to case. A vote without `game_id` is for the newest game. In a crowd a vote is stored and answered "
        "with 202, without `totals`: it is counted and heard in a moment, and before the session ends.",
        ADMIN_OR_BOT,
        answers.CountedVote,
        "The vote counts; this is what its event says.",
        body=bodies.NewVote,
        status=201,
        stored=answers.StoredVote,
        location="The session, which shows the tallies.",
        raises=(SessionClosed, NoGame, GameNotFound),
    ),
    ("POST", "/api/sessions/{session_id}/close"): Operation(
        "sessions",
        "The session's subscribers hear `session.ended`. After it nothing more happens in the session. The "
        "body may be left out.",
        ADMIN,
        answers.EndedSession,
        "The night has ended.",
        body=bodies.Nothing,
        body_required=False,
        raises=(SessionClosed,),
    ),
    ("GET", "/api/sessions/{session_id}/events"): Operation(
        "sessions",
        "Polling for events: what happened in a session after `since`, oldest first, byte for byte what its "
        f"subscribers got. The same cursors work for resuming on the WebSocket. {NO_OTHERS} {CONSISTENT}",
        ADMIN_OR_BOT,
        answers.EventsPage,
        "A page of events, and the cursor to go on from.",
        pages=True,
    ),
    ("POST", "/api/tokens"): Operation(
        "tokens",
        "`name` is who the bot is from now on: the token's `sub`. The answer is not kept by any cache and "
        "shown nowhere again.",
        ADMIN,
        answers.MintedToken,
        "The token.",
        body=bodies.NewToken,
        status=201,
    ),
}

LINKS: dict[str, Any] = {
    name: {
        "operationId": operation,
        "parameters": {"session_id": "$response.body#/id"},
        "description": description,
    }
    for name, operation, description in (
        ("show", "show_session", "Read the session."),
        ("add_game", "add_game", "Add a game to it."),
        ("vote", "vote", "Vote in it."),
        ("events", "list_events", "Poll its events."),
        ("close", "close_session", "End it."),
    )
}
"""Where a client can go from a session that it has just started."""
