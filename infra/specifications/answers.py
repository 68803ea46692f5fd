"""Defines the types of answers and events for the specifications, and the bounds of their fields."""

from typing import Annotated, Any, Literal, get_type_hints, is_typeddict

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib import answers
from chalicelib.api.live.frames import SessionId, Timestamp
from chalicelib.api.rest import bodies
from chalicelib.errors import FieldError
from chalicelib.limits import MAX_GAMES, MAX_ID, MAX_PAGE
from chalicelib.nights.votes import VoteType

PLACE = Meta(
    description="Where a client is once it has the event. Only for clients that opted in to resume, or poll."
)


class EndedSession(answers.Session):
    """A night as it has ended. ``is_active`` is always 0."""

    is_active: Literal[0]  # type: ignore[misc] # fewer values than any session's
    ended_at: str  # type: ignore[misc]


class ActiveSession(answers.Session):
    """A night that is going on. ``is_active`` is always 1."""

    is_active: Literal[1]  # type: ignore[misc]
    ended_at: None  # type: ignore[misc]


class SessionStartedData(msgspec.Struct):
    """The data of ``session.started``."""

    session: answers.StartedSession


class GameAddedData(msgspec.Struct):
    """The data of ``game.added``."""

    session: answers.SessionOfGame
    game: answers.Game


class GameRemovedData(msgspec.Struct):
    """The data of ``game.removed``."""

    session: answers.SessionOfGame
    game: answers.NamedGame


class SessionEndedData(msgspec.Struct):
    """The data of ``session.ended``."""

    session: EndedSession


class Event(msgspec.Struct, tag_field="type", kw_only=True):
    """The envelope of every event, and its place, for clients that resume or poll."""

    timestamp: Timestamp
    stream: Annotated[str, PLACE] | UnsetType = UNSET
    sequence: Annotated[int, Meta(ge=1, le=MAX_ID), PLACE] | UnsetType = UNSET
    cursor: Annotated[str, PLACE] | UnsetType = UNSET


class SessionStarted(Event, tag="session.started", kw_only=True):
    """A night has started. Every authenticated connection gets it, subscribed or not, except a guest's."""

    data: SessionStartedData


class GameAdded(Event, tag="game.added", kw_only=True):
    """A game was added. The subscribers of its session get it."""

    data: GameAddedData


class VoteReceived(Event, tag="vote.received", kw_only=True):
    """A vote was counted. The subscribers of its session get it."""

    data: answers.CountedVote


class GameRemoved(Event, tag="game.removed", kw_only=True):
    """A game was removed, and its votes no longer count. The subscribers of its session get it."""

    data: GameRemovedData


class VoteWithdrawn(Event, tag="vote.withdrawn", kw_only=True):
    """A vote was withdrawn and no longer counts. The subscribers of its session get it."""

    data: answers.Withdrawal


class SessionEnded(Event, tag="session.ended", kw_only=True):
    """A night has ended. The subscribers of its session get it."""

    data: SessionEndedData


class GatewayAnswer(msgspec.Struct):
    """An answer of API Gateway itself, before or instead of the service."""

    message: str


TYPES: dict[str, Any] = {**vars(answers), **globals()}
"""All types by their names."""

GameId = Annotated[int, Meta(ge=1, le=MAX_GAMES)]
FIELDS: dict[str, Any] = {
    **get_type_hints(bodies.NewSession, include_extras=True),
    **get_type_hints(bodies.NewGame, include_extras=True),
    "username": get_type_hints(bodies.NewVote, include_extras=True)["username"],
    "sub": get_type_hints(bodies.NewToken, include_extras=True)["name"],
    "id": SessionId,
    **dict.fromkeys(("NamedGame.id", "Game.id", "TalliedGame.id"), GameId),
    **dict.fromkeys(("created_at", "timestamp", "expires_at", "EndedSession.ended_at"), Timestamp),
    "ended_at": Timestamp | None,
    "ActiveSession.ended_at": None,
    "games_played": Annotated[int, Meta(ge=0, le=MAX_GAMES)],
    **dict.fromkeys(("upvotes", "downvotes"), Annotated[int, Meta(ge=0)]),
    "Vote.type": VoteType,
    "Problem.title": str,
    "role": Literal["bot"],
    "Joined.role": Literal["admin", "guest"],
    "Joined.name": get_type_hints(bodies.NewVote, include_extras=True)["username"],
    "session_id": SessionId | None,
    "code": get_type_hints(bodies.NewJoin, include_extras=True)["code"],
    "Problem.code": str,
    "cursor": Annotated[str, Meta(description="Opaque: send it back as it came.")],
    **dict.fromkeys(
        ("websocket_url", "openapi_url", "asyncapi_url", "url"),
        Annotated[str, Meta(extra_json_schema={"format": "uri"})],
    ),
    "games": Annotated[list[answers.TalliedGame], Meta(max_length=MAX_GAMES)],
    "sessions": Annotated[list[answers.Session], Meta(max_length=MAX_PAGE)],
    "events": Annotated[
        list[SessionStarted | GameAdded | GameRemoved | VoteReceived | VoteWithdrawn | SessionEnded],
        Meta(max_length=MAX_PAGE),
    ],
    "status": Annotated[int, Meta(ge=400, le=599)],
    "Health.status": Literal["ok"],
    "errors": Annotated[list[FieldError], Meta(min_length=1)],
}
"""The type of a field, by ``field`` or ``Type.field``. Fields of requests have the same bounds here."""


def fields_of(name: str) -> dict[str, Any]:
    """Return the fields of an answer and their types, in the order of the answer."""
    if not is_typeddict(TYPES.get(name)):
        return {}
    hints = get_type_hints(TYPES[name])
    return {field: FIELDS.get(f"{name}.{field}", FIELDS.get(field, hint)) for field, hint in hints.items()}
