"""Counts votes: of each voter's votes for a game, the latest counts. Pure: it reads and stores nothing."""

import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.errors import NoGame
from chalicelib.nights.events import Event, EventType
from chalicelib.nights.games import Game
from chalicelib.nights.sessions import Session

if TYPE_CHECKING:
    from chalicelib import answers


class VoteType(StrEnum):
    """The two ways to vote: ``thisgame++`` and ``thisgame--``."""

    UP = "up"
    DOWN = "down"


class VoteRequest(msgspec.Struct, frozen=True):
    """A vote as it was requested. ``game_id`` None means the newest game at that time."""

    username: str
    type: VoteType
    game_id: int | None = None

    def vote_in(self, session: Session, asked_at: str) -> "Vote":
        """Return the vote that this requests in a session. Raises SessionClosed, NoGame, GameNotFound."""
        session.require_open()
        game_id = session.newest_game if self.game_id is None else self.game_id
        if game_id is None:
            raise NoGame(session.id)
        session.require_game(game_id)
        return Vote(game_id, self.username, self.type, asked_at)


class Vote(msgspec.Struct, frozen=True):
    """A vote for a game. ``username`` is as it was typed, ``timestamp`` the time of the request."""

    game_id: int
    username: str
    type: VoteType
    timestamp: str

    @property
    def key(self) -> "VoteKey":
        """The game's id and the normalised username: there is one vote for each such pair."""
        return self.game_id, voter_of(self.username)

    def as_answer(self, session_id: int, title: str) -> "answers.StoredVote":
        """Return the answer to a vote that is not counted yet."""
        return {
            "session": {"id": session_id},
            "game": {"id": self.game_id, "title": title},
            "vote": {"username": self.username, "type": self.type, "timestamp": self.timestamp},
        }


VoteKey = tuple[int, str]


class PendingVote(msgspec.Struct, frozen=True):
    """A vote that is stored and not counted yet. Ids are unique, and sort in the order of the requests."""

    id: str
    vote: Vote


class CountedVote(msgspec.Struct, frozen=True):
    """The result of counting one vote: the session and the game afterwards, the event and the answer."""

    session: Session
    game: Game
    event: Event
    answer: "answers.CountedVote"


def voter_of(username: str) -> str:
    """Return a username for comparison: ``Zoë``, ``ZOE\u0308`` and `` zoë `` are one voter.

    Strips white space, then applies Unicode's canonical caseless matching (NFC, casefold, NFC).
    """
    composed = unicodedata.normalize("NFC", username.strip())
    return unicodedata.normalize("NFC", composed.casefold())


def guest_of(name: str) -> str:
    """Return a guest's name for comparison: as a voter's, and without invisible characters."""
    return voter_of("".join(one for one in name if unicodedata.category(one) not in ("Cc", "Cf")))


def count_vote(session: Session, game: Game, earlier: Vote | None, vote: Vote, *, now: str) -> CountedVote:
    """Count a vote for a game of the session; ``earlier`` is the voter's vote for it so far.

    A vote that changes nothing is an event too, so the chat that sent it learns that it was counted.
    """
    counted = _add(game, earlier.type, -1) if earlier else game
    counted = _add(counted, vote.type, 1)
    data: answers.CountedVote = {**vote.as_answer(session.id, game.title), "totals": counted.totals()}
    return CountedVote(
        session=replace(session, sequence=session.sequence + 1),
        game=counted,
        event=session.next_event(EventType.VOTE_RECEIVED, now, data),
        answer=data,
    )


def withdraw_vote(session: Session, game: Game, vote: Vote, *, now: str) -> tuple[Session, Game, Event]:
    """Return the session and the game without a vote that was counted, and the event that says so."""
    counted = _add(game, vote.type, -1)
    data: answers.Withdrawal = {
        "session": {"id": session.id},
        "game": {"id": game.id, "title": game.title},
        "vote": {"username": vote.username, "timestamp": vote.timestamp},
        "totals": counted.totals(),
    }
    after = replace(session, sequence=session.sequence + 1)
    return after, counted, session.next_event(EventType.VOTE_WITHDRAWN, now, data)


def _add(game: Game, vote: VoteType, votes: int) -> Game:
    if vote is VoteType.UP:
        return replace(game, upvotes=game.upvotes + votes)
    return replace(game, downvotes=game.downvotes + votes)
