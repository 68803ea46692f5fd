"""What the service answers and sends. `make specs` writes this file from the specification."""

from dataclasses import dataclass
from typing import Literal, TypedDict, final

from gamenight.service_event import ServiceEvent


@final
class Session(TypedDict):
    """A night. ``is_active`` is 1 or 0; ``ended_at`` is null while it is 1."""

    id: int
    is_active: Literal[0, 1]
    created_at: str
    ended_at: str | None
    notes: str | None
    games_played: int


@final
class ActiveSession(TypedDict):
    """A night that is going on. ``is_active`` is always 1."""

    id: int
    is_active: Literal[1]
    created_at: str
    ended_at: None
    notes: str | None
    games_played: int


@final
class EndedSession(TypedDict):
    """A night as it has ended. ``is_active`` is always 0."""

    id: int
    is_active: Literal[0]
    created_at: str
    ended_at: str
    notes: str | None
    games_played: int


@final
class Totals(TypedDict):
    """The tallies of a game: each voter's latest vote counts. ``score`` is upvotes minus downvotes."""

    upvotes: int
    downvotes: int
    score: int


@final
class TalliedGame(TypedDict):
    """A game of a night with its tallies."""

    id: int
    title: str
    pack_name: str | None
    min_players: int | None
    max_players: int | None
    totals: Totals


@final
class SessionWithGames(TypedDict):
    """A night with its games, in the order in which they were added."""

    id: int
    is_active: Literal[0, 1]
    created_at: str
    ended_at: str | None
    notes: str | None
    games_played: int
    games: list[TalliedGame]


@final
class Game(TypedDict):
    """A game of a night. Games of a night are numbered 1, 2, 3 ..."""

    id: int
    title: str
    pack_name: str | None
    min_players: int | None
    max_players: int | None


@final
class SessionOfVote(TypedDict):
    """The night that a vote belongs to."""

    id: int


@final
class NamedGame(TypedDict):
    """A game by its number and title."""

    id: int
    title: str


VoteType = Literal["down", "up"]


@final
class Vote(TypedDict):
    """A vote, with the name as it was typed."""

    username: str
    type: VoteType
    timestamp: str


@final
class CountedVote(TypedDict):
    """A counted vote, and its game's totals with it."""

    session: SessionOfVote
    game: NamedGame
    vote: Vote
    totals: Totals


@final
class StoredVote(TypedDict):
    """A vote that is stored and will be counted soon. Its event has the totals."""

    session: SessionOfVote
    game: NamedGame
    vote: Vote


@final
class Invite(TypedDict):
    """A code, and the page's link to join with it."""

    code: str
    url: str
    expires_at: str


@final
class Joined(TypedDict):
    """A token for a guest of a night, or for a host if ``session_id`` is null."""

    token: str
    expires_at: str
    role: Literal["admin", "guest"]
    sub: str
    name: str
    session_id: int | None


@final
class StartedSession(TypedDict):
    """A night as it starts. ``is_active`` is always 1."""

    id: int
    is_active: Literal[1]
    created_at: str
    notes: str | None


@final
class SessionStartedData(TypedDict):
    """The data of ``session.started``."""

    session: StartedSession


@dataclass(frozen=True, slots=True)
class SessionStarted(ServiceEvent):
    """A night has started. Every authenticated connection gets it, subscribed or not, except a guest's."""

    data: SessionStartedData
    type: Literal["session.started"] = "session.started"


@final
class SessionOfGame(TypedDict):
    """The night that a game was added to or removed from."""

    id: int
    is_active: Literal[1]
    games_played: int


@final
class GameAddedData(TypedDict):
    """The data of ``game.added``."""

    session: SessionOfGame
    game: Game


@dataclass(frozen=True, slots=True)
class GameAdded(ServiceEvent):
    """A game was added. The subscribers of its session get it."""

    data: GameAddedData
    type: Literal["game.added"] = "game.added"


@final
class GameRemovedData(TypedDict):
    """The data of ``game.removed``."""

    session: SessionOfGame
    game: NamedGame


@dataclass(frozen=True, slots=True)
class GameRemoved(ServiceEvent):
    """A game was removed, and its votes no longer count. The subscribers of its session get it."""

    data: GameRemovedData
    type: Literal["game.removed"] = "game.removed"


@dataclass(frozen=True, slots=True)
class VoteReceived(ServiceEvent):
    """A vote was counted. The subscribers of its session get it."""

    data: CountedVote
    type: Literal["vote.received"] = "vote.received"


@final
class WithdrawnVote(TypedDict):
    """A withdrawn vote: the name as it was typed, and the time of the vote."""

    username: str
    timestamp: str


@final
class Withdrawal(TypedDict):
    """A withdrawn vote, and its game's totals without it."""

    session: SessionOfVote
    game: NamedGame
    vote: WithdrawnVote
    totals: Totals


@dataclass(frozen=True, slots=True)
class VoteWithdrawn(ServiceEvent):
    """A vote was withdrawn and no longer counts. The subscribers of its session get it."""

    data: Withdrawal
    type: Literal["vote.withdrawn"] = "vote.withdrawn"


@final
class SessionEndedData(TypedDict):
    """The data of ``session.ended``."""

    session: EndedSession


@dataclass(frozen=True, slots=True)
class SessionEnded(ServiceEvent):
    """A night has ended. The subscribers of its session get it."""

    data: SessionEndedData
    type: Literal["session.ended"] = "session.ended"


EVENTS = {
    "session.started": SessionStarted,
    "game.added": GameAdded,
    "game.removed": GameRemoved,
    "vote.received": VoteReceived,
    "vote.withdrawn": VoteWithdrawn,
    "session.ended": SessionEnded,
}
