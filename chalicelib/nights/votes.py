"""Votes: one of each voter for each game, and the latest counts. Pure, as ``sessions`` is."""

import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.errors import GameNotFound, NoGame
from chalicelib.nights.events import Event, EventType, Json
from chalicelib.nights.games import Game
from chalicelib.nights.sessions import Session


class VoteType(StrEnum):
    """The two ways to vote: ``thisgame++`` and ``thisgame--``."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Ballot:
    """A vote as it was asked for. ``game_id`` None is the newest game at the moment of the commit."""

    username: str
    type: VoteType
    game_id: int | None = None

    @property
    def voter(self) -> str:
        """The username as it is compared."""
        return voter_of(self.username)

    def game_in(self, session: Session) -> int:
        """Return the id of the game that is voted for. Raises SessionClosed, NoGame, GameNotFound."""
        session.require_active()
        if self.game_id is None:
            if session.games_played == 0:
                raise NoGame(session.id)
            return session.games_played
        if not 1 <= self.game_id <= session.games_played:
            raise GameNotFound(session.id, self.game_id)
        return self.game_id


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote that counts. ``username`` is as it was typed, ``voter`` as it is compared."""

    game_id: int
    voter: str
    username: str
    type: VoteType
    timestamp: str


@dataclass(frozen=True, slots=True)
class VoteCast:
    """What one vote makes: the session and the game afterwards, the vote, its event and its answer."""

    session: Session
    game: Game
    vote: Vote
    event: Event
    answer: Json


def voter_of(username: str) -> str:
    """Return a username as it is compared: ``Zoë``, ``ZOE\u0308`` and `` zoë `` are one voter.

    Surrounding white space is left out, then Unicode's canonical caseless match (NFC around casefold).
    """
    composed = unicodedata.normalize("NFC", username.strip())
    return unicodedata.normalize("NFC", composed.casefold())


def cast(session: Session, game: Game, earlier: Vote | None, ballot: Ballot, *, now: str) -> VoteCast:
    """Count a ballot on a game of ``ballot.game_in(session)``; ``earlier`` is the voter's vote for it so far.

    A vote that changes nothing is an event like any other: the chat that sent it is told that it counts.
    """
    vote = Vote(game.id, ballot.voter, ballot.username, ballot.type, now)
    counted = _without(game, earlier.type) if earlier else game
    counted = _with(counted, vote.type)
    data = {
        "session": {"id": session.id},
        "game": {"id": game.id, "title": game.title},
        "vote": {"username": vote.username, "type": vote.type, "timestamp": vote.timestamp},
        "totals": counted.totals(),
    }
    return VoteCast(
        session=replace(session, sequence=session.sequence + 1),
        game=counted,
        vote=vote,
        event=session.next_event(EventType.VOTE_RECEIVED, now, data),
        answer=data,
    )


def _with(game: Game, vote: VoteType) -> Game:
    if vote is VoteType.UP:
        return replace(game, upvotes=game.upvotes + 1)
    return replace(game, downvotes=game.downvotes + 1)


def _without(game: Game, vote: VoteType) -> Game:
    if vote is VoteType.UP:
        return replace(game, upvotes=game.upvotes - 1)
    return replace(game, downvotes=game.downvotes - 1)
