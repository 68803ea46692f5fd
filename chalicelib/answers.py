"""Defines the types of answers and events. mypy checks the code against them; the specifications use them.

Deployed code imports it for type checking only, so a cold start doesn't pay for it.
"""

from typing import Any, Literal, NotRequired, TypedDict


class Service(TypedDict):
    """The service's name, version and addresses."""

    name: str
    version: str
    websocket_url: str
    openapi_url: str
    asyncapi_url: str


class Health(TypedDict):
    """The service answers requests."""

    status: Literal["ok"]
    version: str


class StartedSession(TypedDict):
    """A night as it starts. ``is_active`` is always 1."""

    id: int
    is_active: Literal[1]
    created_at: str
    notes: str | None


class Session(TypedDict):
    """A night. ``is_active`` is 1 or 0; ``ended_at`` is null while it is 1."""

    id: int
    is_active: Literal[0, 1]
    created_at: str
    ended_at: str | None
    notes: str | None
    games_played: int


class Totals(TypedDict):
    """The tallies of a game: each voter's latest vote counts. ``score`` is upvotes minus downvotes."""

    upvotes: int
    downvotes: int
    score: int


class Game(TypedDict):
    """A game of a night. Games of a night are numbered 1, 2, 3 ..."""

    id: int
    title: str
    pack_name: str | None
    min_players: int | None
    max_players: int | None


class TalliedGame(Game):
    """A game of a night with its tallies."""

    totals: Totals


class SessionWithGames(Session):
    """A night with its games, in the order in which they were added."""

    games: list[TalliedGame]


class SessionOfVote(TypedDict):
    """The night that a vote belongs to."""

    id: int


class SessionOfGame(SessionOfVote):
    """The night that a game was added to or removed from."""

    is_active: Literal[1]
    games_played: int


class NamedGame(TypedDict):
    """A game by its number and title."""

    id: int
    title: str


class Vote(TypedDict):
    """A vote, with the name as it was typed."""

    username: str
    type: str
    timestamp: str


class StoredVote(TypedDict):
    """A vote that is stored and will be counted soon. Its event has the totals."""

    session: SessionOfVote
    game: NamedGame
    vote: Vote


class CountedVote(StoredVote):
    """A counted vote, and its game's totals with it."""

    totals: Totals


class WithdrawnVote(TypedDict):
    """A withdrawn vote: the name as it was typed, and the time of the vote."""

    username: str
    timestamp: str


class Withdrawal(TypedDict):
    """A withdrawn vote, and its game's totals without it."""

    session: SessionOfVote
    game: NamedGame
    vote: WithdrawnVote
    totals: Totals


class SessionsPage(TypedDict):
    """Nights after a cursor, oldest first. Ask again with ``cursor`` until a page is empty.

    ``recovered`` is false if your cursor is no longer usable: start over from ``cursor``.
    """

    sessions: list[Session]
    cursor: str
    recovered: bool


class EventsPage(TypedDict):
    """Events after a cursor, oldest first, as the frames that clients get after they opt in to resume.

    ``more`` says whether another page follows. ``recovered`` is false if your cursor is no longer usable:
    read the session and start over from ``cursor``.
    """

    events: list[dict[str, Any]]
    cursor: str
    recovered: bool
    more: bool


class MintedToken(TypedDict):
    """A token for a bot. It is shown only once."""

    token: str
    expires_at: str
    role: str
    sub: str


class Invite(TypedDict):
    """A code, and the page's link to join with it."""

    code: str
    url: str
    expires_at: str


class Joined(TypedDict):
    """A token for a guest of a night, or for a host if ``session_id`` is null."""

    token: str
    expires_at: str
    role: str
    sub: str
    name: str
    session_id: int | None


class Problem(TypedDict):
    """An error, as RFC 9457 defines it. ``code`` is stable and for programs, ``detail`` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: NotRequired[list[dict[str, str]]]
