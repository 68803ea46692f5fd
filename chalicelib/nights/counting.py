"""Counting several ballots at once, in the order in which they were left. Pure, as ``votes`` is.

Leaves which ballots there are, and what they are counted on, to ``nights.voting``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib.idempotency import IdempotentRequest
from chalicelib.nights.events import Event, Json
from chalicelib.nights.games import Game
from chalicelib.nights.sessions import Session
from chalicelib.nights.votes import Ballot, Vote, cast

VoteKey = tuple[int, str]
"""A game's id and a voter: what there is one vote of."""


@dataclass(frozen=True, slots=True)
class LeftBallot:
    """A ballot that lost a race for the session's head and waits in the box for whoever wins the next.

    ``left_at`` is in Unix milliseconds; ids are unique. ``request`` is its idempotency key, if it has one.
    """

    id: str
    left_at: int
    ballot: Ballot
    request: IdempotentRequest | None = None


@dataclass(slots=True)
class Count:
    """What counting makes: everything as it is afterwards, and each ballot's event and answer by its id."""

    session: Session
    games: dict[int, Game]
    votes: dict[VoteKey, Vote]
    events: list[Event] = field(default_factory=list)
    answers: dict[str, Json] = field(default_factory=dict)


def count(
    session: Session,
    games: Mapping[int, Game],
    votes: Mapping[VoteKey, Vote],
    ballots: Iterable[LeftBallot],
    *,
    now: str,
) -> Count:
    """Count ballots on a session whose games and earlier votes are given; all their games must be there."""
    made = Count(session, dict(games), dict(votes))
    for left in ballots:
        ballot = left.ballot
        game_id = ballot.game_in(made.session)
        key = (game_id, ballot.voter)
        one = cast(made.session, made.games[game_id], made.votes.get(key), ballot, now=now)
        made.session = one.session
        made.games[game_id] = one.game
        made.votes[key] = one.vote
        made.events.append(one.event)
        made.answers[left.id] = one.answer
    return made
