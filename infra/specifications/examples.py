"""Has the examples: the night of all answers, events and frames, and an error of each kind.

The product's own code says them.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from chalicelib import errors
from chalicelib.api.live import frames
from chalicelib.api.live.notices import FrameNotices
from chalicelib.api.rest import bodies, pages
from chalicelib.auth.claims import Claims, Role
from chalicelib.errors import GameNightError
from chalicelib.idempotency import IdempotentRequest, RecordedAnswer
from chalicelib.limits import FRAMES_PER_SECOND
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.games import NewGame, add_game, remove_game
from chalicelib.nights.sessions import StreamHead, end_session, start_session
from chalicelib.nights.streams import Page, Place
from chalicelib.nights.votes import Vote, VoteType, count_vote, withdraw_vote
from infra.specifications.schemas import Incomplete

STARTED_AT = "2025-11-01T20:00:00.123Z"
ADDED_AT = "2025-11-01T20:05:12.480Z"
VOTED_AT = "2025-11-01T20:21:40.007Z"
UNDONE_AT = "2025-11-01T20:22:03.561Z"
ENDED_AT = "2025-11-01T23:30:00.456Z"
TOKEN_EXPIRES_AT = "2026-11-01T00:00:00.000Z"  # noqa: S105 - a moment

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJrb3NtaSJ9.MDEyMzQ1Njc4OQ"  # noqa: S105 - shows a token's shape and is none


def sample(code: str) -> GameNightError:
    """Return the example with a code. Raises Incomplete."""
    if code not in SAMPLES:
        raise Incomplete(f"Add an example of {code} to infra/specifications/examples.py.")
    return SAMPLES[code]


def _raised() -> Iterator[GameNightError]:
    for provoke in (
        lambda: bodies.body_of('{"notes": 5}', bodies.NewSession),
        lambda: bodies.body_of("{", bodies.NewSession),
        lambda: bodies.bearer_token({}),
        lambda: Claims("kosmi", Role.BOT, 0, 0, "1").require(Role.ADMIN),
        lambda: RecordedAnswer("one", "{}").answer_to(IdempotentRequest("host", "friday", "another")),
        lambda: frames.read_frame('{"type":"subscribe","sessionId":"17"}'),
        lambda: frames.read_frame('{"type":"dance"}'),
    ):
        try:
            provoke()
        except GameNightError as error:
            yield error


SAMPLES: dict[str, GameNightError] = {
    error.code: error
    for error in (
        *_raised(),
        errors.AuthTimeout(),
        errors.BodyTooLarge(),
        errors.ConnectionUnknown(),
        errors.Contended("Too many writers at once on this session. Send the request again in a moment."),
        errors.GameNightError("This is our mistake and it has been logged."),
        errors.GameNotFound(17, 5),
        errors.InvalidCursor(),
        errors.GuestNotFound(17, "Zoë"),
        errors.InviteExpired("The night of this code has ended."),
        errors.InviteNotFound(),
        errors.NameTaken("Zoë"),
        errors.NoActiveSession(),
        errors.NoGame(17),
        errors.NotAuthenticated('Send {"type":"auth","token":"..."} first, and wait for auth_success.'),
        errors.SessionClosed(17),
        errors.SessionNotFound(18),
        errors.SubjectMismatch("kosmi"),
        errors.TokenExpired("The token has expired. Get a new one."),
        errors.TokenInvalid("The token was not issued by this service, or is damaged."),
        errors.TokenRevoked(),
        errors.TooManyAttempts(),
        errors.TooManyFrames(FRAMES_PER_SECOND),
        errors.TooManyGames(17),
        errors.TooManySubscriptions(),
        errors.VoteNotFound(17, 1, "Zoë"),
        errors.Unavailable("The store did not answer in time. Send the request again in a moment."),
    )
}
"""One example of each error, by its code."""

_head = StreamHead(epoch="5f0c9a1e", sequence=16)
_started, STARTED, _first = start_session(_head, epoch="b81d73c4", notes="Friday Game Night", now=STARTED_AT)
_playing, _game, ADDED = add_game(_started, NewGame("Quiplash", "Party Pack 2", 3, 8), now=ADDED_AT)
_vote = Vote(1, "Zoë", VoteType.UP, VOTED_AT)
_counted = count_vote(_playing, _game, None, _vote, now=VOTED_AT)
VOTED = _counted.event
WITHDRAWN = withdraw_vote(_counted.session, _counted.game, _vote, now=UNDONE_AT)[-1]
REMOVED = remove_game(_counted.session, 1, _game.title, now=UNDONE_AT)[-1]
_ended, ENDED = end_session(_counted.session, now=ENDED_AT)

_claims = Claims("kosmi", Role.BOT, 0, int(datetime.fromisoformat(TOKEN_EXPIRES_AT).timestamp()), "1")

_sessions = Page([_ended], Cursor("5f0c9a1e", 17), recovered=True, more=False)
_events = Page([_first, ADDED, VOTED, ENDED], ENDED.cursor, recovered=True, more=False)

ANSWERS: dict[str, Any] = {
    "StartedSession": _started.as_data(),
    "ActiveSession": _counted.session.as_state(),
    "EndedSession": _ended.as_state(),
    "Game": _game.as_data(),
    "SessionWithGames": {**_counted.session.as_state(), "games": [_counted.game.as_state()]},
    "CountedVote": _counted.answer,
    "Totals": _game.totals(),
    "StoredVote": {name: value for name, value in _counted.answer.items() if name != "totals"},
    "SessionsPage": json.loads(pages.sessions_page(_sessions)),
    "EventsPage": json.loads(pages.events_page(_events)),
}
"""Answers, by the names of their types."""

_shown = (STARTED, ADDED, REMOVED, VOTED, WITHDRAWN, ENDED)
_expired = sample("token_expired")
_place = Place(ADDED.stream, ADDED.cursor, last=ENDED.sequence, recovered=True)
_place_of_starts = Place(STARTED.stream, Cursor("5f0c9a1e", 16), last=STARTED.sequence, recovered=True)

FRAMES: dict[str, str | bytes] = {
    "auth_success": frames.encode(frames.auth_success(_claims, None)),
    "auth_success, resuming": frames.encode(frames.auth_success(_claims, _place_of_starts)),
    "auth_error": frames.encode(frames.AuthError(_expired.code, _expired.detail)),
    "subscribed": frames.encode(frames.subscribed(17, None)),
    "subscribed, resuming": frames.encode(frames.subscribed(17, _place), 9),
    "unsubscribed": frames.encode(frames.Unsubscribed(17)),
    "pong": frames.encode(frames.Pong(ENDED_AT), "still there?"),
    "error": frames.error_frame(sample("unknown_type"), 4),
    "token_expiring": FrameNotices().token_expiring(_claims.expires_at),
    "reconnect": FrameNotices().reconnect(137_042),
    **{event.type: event.envelope for event in _shown},
    **{f"{event.type}, opted in to resume": event.with_place for event in _shown},
}
"""Frames of the server, by their type, with a few words if there are several of one type."""


def frames_of(frame_type: str) -> dict[str, Any]:
    """Return the frames of one type, by their names in ``FRAMES``."""
    return {name: json.loads(frame) for name, frame in FRAMES.items() if name.partition(",")[0] == frame_type}
