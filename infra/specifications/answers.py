"""What REST answers and events look like: the types that the schemas of both documents are made from.

The domain renders plain dicts, since it imports only the standard library. ``night`` and the conformance
suite hold them to these types.
"""

from typing import Annotated, Literal

import msgspec

from chalicelib.api.live.frames import SessionId, Timestamp
from chalicelib.limits import (
    MAX_GAMES,
    MAX_ID,
    MAX_NOTES_CHARACTERS,
    MAX_PACK_NAME_CHARACTERS,
    MAX_PAGE,
    MAX_PLAYERS,
    MAX_SUBJECT_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    MAX_USERNAME_CHARACTERS,
)
from chalicelib.nights.votes import VoteType

Url = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri"})]
Cursor = Annotated[str, msgspec.Meta(description="Opaque: send it back as it came.")]
Notes = Annotated[str, msgspec.Meta(max_length=MAX_NOTES_CHARACTERS)]
GameId = Annotated[int, msgspec.Meta(ge=1, le=MAX_GAMES)]
GamesPlayed = Annotated[int, msgspec.Meta(ge=0, le=MAX_GAMES)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TITLE_CHARACTERS)]
PackName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PACK_NAME_CHARACTERS)]
Players = Annotated[int, msgspec.Meta(ge=1, le=MAX_PLAYERS)]
PLACE = msgspec.Meta(
    description="Where a client is once it has the event. Only for clients that opted in to resume, or poll."
)
Count = Annotated[int, msgspec.Meta(ge=0)]
Subject = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SUBJECT_CHARACTERS)]


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing but what is said here is ever answered."""


class Service(Answer, frozen=True):
    """What this is and where everything is."""

    name: str
    version: str
    websocket_url: Url
    openapi_url: Url
    asyncapi_url: Url


class Health(Answer, frozen=True):
    """Requests are served."""

    status: Literal["ok"]
    version: str


class StartedSession(Answer, frozen=True):
    """A night as it starts. ``is_active`` is always 1."""

    id: SessionId
    is_active: Literal[1]
    created_at: Timestamp
    notes: Notes | None


class Session(Answer, frozen=True):
    """A night. ``is_active`` is 1 or 0; ``ended_at`` is null while it is 1."""

    id: SessionId
    is_active: Literal[0, 1]
    created_at: Timestamp
    ended_at: Timestamp | None
    notes: Notes | None
    games_played: GamesPlayed


class EndedSession(Session, frozen=True):
    """A night as it has ended. ``is_active`` is always 0."""

    is_active: Literal[0]
    ended_at: Timestamp


class ActiveSession(Session, frozen=True):
    """A night that is going on. ``is_active`` is always 1."""

    is_active: Literal[1]
    ended_at: None


class Totals(Answer, frozen=True):
    """The votes that count: the latest of each voter. ``score`` is up minus down."""

    upvotes: Count
    downvotes: Count
    score: int


class Game(Answer, frozen=True):
    """A game of a night. Games of a night are numbered 1, 2, 3 ..."""

    id: GameId
    title: Title
    pack_name: PackName | None
    min_players: Players | None
    max_players: Players | None


class TalliedGame(Game, frozen=True):
    """A game of a night with its tallies."""

    totals: Totals


class SessionWithGames(Session, frozen=True):
    """A night with its games, in the order in which they were added."""

    games: Annotated[list[TalliedGame], msgspec.Meta(max_length=MAX_GAMES)]


class SessionOfGame(Answer, frozen=True):
    """The night that a game was added to."""

    id: SessionId
    is_active: Literal[1]
    games_played: GamesPlayed


class SessionOfVote(Answer, frozen=True):
    """The night that a vote belongs to."""

    id: SessionId


class GameOfVote(Answer, frozen=True):
    """The game that was voted for."""

    id: GameId
    title: Title


class Vote(Answer, frozen=True):
    """A vote, with the name as it was typed."""

    username: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_USERNAME_CHARACTERS)]
    type: VoteType
    timestamp: Timestamp


class StoredVote(Answer, frozen=True):
    """A vote that is stored and is counted in a moment: its event has the totals."""

    session: SessionOfVote
    game: GameOfVote
    vote: Vote


class CountedVote(StoredVote, frozen=True):
    """A vote that counts, and what its game stands at with it."""

    totals: Totals


class SessionStartedData(Answer, frozen=True):
    """What a start says."""

    session: StartedSession


class GameAddedData(Answer, frozen=True):
    """What a new game says."""

    session: SessionOfGame
    game: Game


class SessionEndedData(Answer, frozen=True):
    """What an end says."""

    session: EndedSession


class Event(msgspec.Struct, tag_field="type", frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The envelope of every event, and its place, for clients that resume or poll."""

    timestamp: Timestamp
    stream: Annotated[str, PLACE] | msgspec.UnsetType = msgspec.UNSET
    sequence: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID), PLACE] | msgspec.UnsetType = msgspec.UNSET
    cursor: Annotated[str, PLACE] | msgspec.UnsetType = msgspec.UNSET


class SessionStarted(Event, tag="session.started", frozen=True, kw_only=True):
    """A night has started. Every authenticated connection hears it, subscribed or not."""

    data: SessionStartedData


class GameAdded(Event, tag="game.added", frozen=True, kw_only=True):
    """A game was added. The subscribers of its session hear it."""

    data: GameAddedData


class VoteReceived(Event, tag="vote.received", frozen=True, kw_only=True):
    """A vote was counted. The subscribers of its session hear it."""

    data: CountedVote


class SessionEnded(Event, tag="session.ended", frozen=True, kw_only=True):
    """A night has ended. The subscribers of its session hear it."""

    data: SessionEndedData


class SessionsPage(Answer, frozen=True):
    """Nights after a cursor, oldest first. Ask again with ``cursor`` until a page is empty.

    ``recovered`` is false where the cursor can't be followed any more: start over from ``cursor``.
    """

    sessions: Annotated[list[Session], msgspec.Meta(max_length=MAX_PAGE)]
    cursor: Cursor
    recovered: bool


class EventsPage(Answer, frozen=True):
    """Events after a cursor, oldest first: the very frames of those who opted in to resume.

    ``more`` says whether another page follows. ``recovered`` is false where the cursor can't be followed any
    more: read the session and start over from ``cursor``.
    """

    events: Annotated[
        list[SessionStarted | GameAdded | VoteReceived | SessionEnded], msgspec.Meta(max_length=MAX_PAGE)
    ]
    cursor: Cursor
    recovered: bool
    more: bool


class MintedToken(Answer, frozen=True):
    """A token for a bot. Nothing shows it again."""

    token: str
    expires_at: Timestamp
    role: Literal["bot"]
    sub: Subject


class FieldError(Answer, frozen=True):
    """One field that is not as it should be; ``field`` is a dotted path."""

    field: str
    message: str


class Problem(Answer, frozen=True):
    """What went wrong, as RFC 9457 has it. ``code`` is stable and for programs, ``detail`` for people."""

    type: str
    title: str
    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    detail: str
    code: str
    errors: Annotated[list[FieldError], msgspec.Meta(min_length=1)] | msgspec.UnsetType = msgspec.UNSET


class GatewayAnswer(Answer, frozen=True):
    """What API Gateway itself answers, before or instead of the service."""

    message: str
