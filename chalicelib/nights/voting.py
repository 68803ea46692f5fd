"""The use case of a voter: one vote counts, whoever else votes at the same time.

A session's head is moved by one writer at a time, which bounds commits but need not bound votes: whoever
loses a race leaves its ballot in the box, and whoever has waited longest counts all that wait in there. See
docs/decisions/0033-counting-together.md. Leaves how ballots are counted to ``nights.counting``.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib.auth.claims import Claims, Role
from chalicelib.backoff import Backoff
from chalicelib.errors import GameNightError, SessionNotFound
from chalicelib.idempotency import AnswerStore, Commits, IdempotentRequest, StreamMoved, records_of
from chalicelib.nights.counting import LeftBallot, count
from chalicelib.nights.event_fields import appended
from chalicelib.nights.events import Json
from chalicelib.nights.ports import BallotBox, Change, SessionStore
from chalicelib.nights.sessions import Session
from chalicelib.nights.votes import Ballot
from chalicelib.timestamps import Clock, timestamp

TOGETHER = 30
GAMES_TOGETHER = 8
"""Ballots in one count, and games. A ballot is three items at most (its vote, its place in the box, its
key), and beside them go the games, the head and the event: a transaction has 100 items at most."""

CROWDED_MILLISECONDS = 3000
"""So long after ballots were counted together the next voters do not even try alone: they would only be in
the way of whoever counts."""

OVERDUE_MILLISECONDS = 2000
STAGGER_MILLISECONDS = 500
"""When the same ballot has been first for so long, its voter may be dead: the second counts in its place,
the third so much later, and so on."""

LEFT_FOR_DEAD_MILLISECONDS = 30_000
"""A ballot that has waited longer than any caller does is nobody's: its function was killed. API Gateway
answers a caller after 29 s at the latest."""


POLL = Backoff(base=0.03, cap=0.25)
"""How a voter waits for its ballot to be counted, which takes a transaction or two."""


@dataclass(frozen=True, slots=True)
class VotingStores:
    """The ports that voting needs, all on one table."""

    sessions: SessionStore
    box: BallotBox
    answers: AnswerStore


class Voting:
    """Votes, as those who vote see it. ``new_id`` returns a fresh random text."""

    def __init__(
        self, stores: VotingStores, commits: Commits, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._stores = stores
        self._commits = commits
        self._clock = clock
        self._new_id = new_id

    def vote(
        self, caller: Claims, session_id: int, ballot: Ballot, request: IdempotentRequest | None = None
    ) -> Json:
        """Count a vote and return what its event says.

        Raises Forbidden, SessionNotFound, SessionClosed, NoGame, GameNotFound, IdempotencyMismatch,
        Contended, Unavailable.
        """
        caller.require(Role.ADMIN, Role.BOT)
        mine = LeftBallot(self._new_id(), _milliseconds(self._clock), ballot, request)
        turn = _Turn(self._stores, self._clock, session_id, mine)
        try:
            answer = self._commits.once(request, turn.attempt)
        except GameNightError:
            if (late := turn.take_back()) is None:
                raise
            return late
        turn.take_back()
        return answer


class _Turn:
    """One ballot on its way: counted alone, or else left in the box and counted with all that wait."""

    def __init__(self, stores: VotingStores, clock: Clock, session_id: int, mine: LeftBallot) -> None:
        self._stores = stores
        self._clock = clock
        self._session_id = session_id
        self._mine = mine
        self._left = self._counted = False
        self._seen = 0  # the last event that is known not to be this ballot's
        self._first, self._first_since = "", 0  # who is first in the box, and since when it was seen there

    def attempt(self) -> Json:
        """Return the answer to the ballot. Raises StreamMoved where it is not counted yet."""
        if not self._left:
            return self._count_alone_or_leave()
        waiting = self._stores.box.waiting(self._session_id, TOGETHER)
        if self._is_my_turn(waiting):
            return self._count_together(waiting)
        answer = None if self._mine in waiting else self._outcome()
        if answer is None:
            raise StreamMoved
        return answer

    def take_back(self) -> Json | None:
        """Leave nothing in the box; return the answer where the ballot was counted unnoticed."""
        if self._counted or not self._left or self._stores.box.take_back(self._session_id, self._mine):
            return None
        return self._outcome()

    def _count_alone_or_leave(self) -> Json:
        session = self._session()
        self._mine.ballot.game_in(session)
        if session.crowded_until <= _milliseconds(self._clock):
            with suppress(StreamMoved):
                return self._count(Change(session, session, ()), [self._mine])
        self._mine = replace(self._mine, left_at=_milliseconds(self._clock))
        self._stores.box.leave(self._session_id, self._mine)
        self._left, self._seen = True, session.sequence
        raise StreamMoved

    def _is_my_turn(self, waiting: Sequence[LeftBallot]) -> bool:
        if not waiting:
            return False
        now = _milliseconds(self._clock)
        if waiting[0].id != self._first:
            self._first, self._first_since = waiting[0].id, now
        place = waiting.index(self._mine) if self._mine in waiting else len(waiting)
        patience = OVERDUE_MILLISECONDS + (place - 1) * STAGGER_MILLISECONDS if place else 0
        return now - self._first_since >= patience

    def _outcome(self) -> Json | None:
        answer, self._seen = self._stores.box.outcome(self._session_id, self._mine.id, self._seen)
        self._counted = answer is not None
        return answer

    def _count_together(self, waiting: Sequence[LeftBallot]) -> Json:
        session = self._session()
        session.require_active()
        answered = self._stores.answers.answered([left.request for left in waiting if left.request])
        dead = _milliseconds(self._clock) - LEFT_FOR_DEAD_MILLISECONDS
        dropped = [
            left
            for left in waiting
            if left.left_at < dead or (left.request and left.request.name in answered)
        ]
        ballots = _fitting(session, [left for left in waiting if left not in dropped])
        return self._count(Change(session, session, (), ballots=ballots, dropped=dropped), ballots)

    def _session(self) -> Session:
        session = self._stores.sessions.session(self._session_id)
        if session is None:
            raise SessionNotFound(self._session_id)
        return session

    def _count(self, change: Change, ballots: Sequence[LeftBallot]) -> Json:
        """Count ballots in addition to a change; return the answer to mine or raise StreamMoved."""
        session = change.before
        keys = [(left.ballot.game_in(session), left.ballot.voter) for left in ballots]
        games, votes = self._stores.sessions.games_and_votes(session.id, set(keys))
        if games.keys() != {game_id for game_id, _ in keys}:
            raise StreamMoved  # the commit that adds one is just being made
        made = count(session, games, votes, ballots, now=timestamp(self._clock()))
        if len(ballots) > 1:
            crowded_until = _milliseconds(self._clock) + CROWDED_MILLISECONDS
            made.session = replace(made.session, crowded_until=crowded_until)
        self._stores.sessions.commit(
            replace(
                change,
                after=made.session,
                events=made.events,
                counted=[(game, made.games[game.id]) for game in games.values()],
                votes=[(votes.get(key), made.votes[key]) for key in sorted(set(keys))],
                records=[
                    record for left in ballots for record in records_of(left.request, made.answers[left.id])
                ],
            )
        )
        appended(made.events)
        self._counted = self._mine.id in made.answers
        if not self._counted:
            raise StreamMoved
        return made.answers[self._mine.id]


def _fitting(session: Session, waiting: Sequence[LeftBallot]) -> list[LeftBallot]:
    """Return the ballots that fit into one count: few games, and each key once."""
    games: set[int] = set()
    keys: set[tuple[str, str]] = set()
    fitting = []
    for left in waiting:
        game_id = left.ballot.game_in(session)
        if game_id not in games and len(games) == GAMES_TOGETHER:
            continue
        if left.request:
            if left.request.name in keys:
                continue
            keys.add(left.request.name)
        games.add(game_id)
        fitting.append(left)
    return fitting


def _milliseconds(clock: Clock) -> int:
    return int(clock().timestamp() * 1000)
