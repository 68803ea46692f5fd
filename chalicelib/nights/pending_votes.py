"""Counts votes: a single one at once, and stored ones in batches, in the order of their requests.

A batch is one transaction: head, one log item with the batch's events, tallies, votes, and each pending vote
deleted on condition that it exists, so none counts twice. See docs/decisions/0033-pending-votes.md.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from chalicelib.errors import Contended, GameNightError, SessionNotFound, Unavailable
from chalicelib.idempotency import IdempotentRequest, VersionConflict, records_of
from chalicelib.metrics import METRICS_LOGGER
from chalicelib.nights.events import Event, Json, appended
from chalicelib.nights.games import Game
from chalicelib.nights.ports import Commit, PendingVoteStore, SessionStore
from chalicelib.nights.sessions import Session
from chalicelib.nights.votes import PendingVote, Vote, VoteKey, count_vote
from chalicelib.retry import Backoff
from chalicelib.timestamps import Clock, milliseconds, timestamp

BATCH = 40
BATCH_GAMES = 18
"""The most votes and games of a batch. A vote is at most two items: itself and the pending vote. With the
games, the head and the log item that makes 100, the most that a transaction takes."""

CROWDED_MILLISECONDS = 3000
"""For so long after a batch, votes are stored without an attempt to count them: it would only lose races."""

logger = logging.getLogger(__name__)
metrics_log = logging.getLogger(METRICS_LOGGER)


class VoteCounter(msgspec.Struct, frozen=True):
    """Counts votes on the sessions table."""

    sessions: SessionStore
    pending: PendingVoteStore
    clock: Clock

    def session(self, session_id: int) -> Session:
        """Return a session. Raises SessionNotFound."""
        session = self.sessions.session(session_id)
        if session is None:
            raise SessionNotFound(session_id)
        return session

    def commit(self, change: Commit) -> None:
        """Store a change of a session, and log that its events are committed. Raises VersionConflict."""
        self.sessions.commit(change)
        appended(change.events)

    def count_one(self, session: Session, vote: Vote, request: IdempotentRequest | None) -> Json:
        """Count a vote that is not stored yet and return its answer. Raises VersionConflict, Unavailable."""
        change, answers = self._counted(session, [vote])
        self.commit(replace(change, records=records_of(request, answers[0])))
        return answers[0]

    def count_pending(self, session_id: int, has_time: Callable[[], bool] = lambda: True) -> None:
        """Count all votes that are pending now, unless the session has ended.

        Votes stored before this call are counted when it returns. A vote for a game that was removed is
        dropped, without an event. Raises VersionConflict and Unavailable, the latter also when ``has_time``
        returns False.
        """
        while has_time():
            waiting = self.pending.waiting(session_id, BATCH)
            session = self.sessions.session(session_id) if waiting else None
            if session is None or not session.is_active:
                return
            batch = _fitting(waiting)
            votes = [one.vote for one in batch if session.has_game(one.vote.game_id)]
            change, _ = self._counted(session, votes)
            if len(batch) > 1:
                crowded_until = milliseconds(self.clock()) + CROWDED_MILLISECONDS
                change = replace(change, after=replace(change.after, crowded_until=crowded_until))
            self.commit(replace(change, pending=batch))
            if len(batch) == len(waiting) < BATCH:
                return
        raise Unavailable("There was no time left to count all votes.")

    def _counted(self, session: Session, votes: Sequence[Vote]) -> tuple[Commit, list[Json]]:
        """Return what counting votes changes, and their answers."""
        stored_games, stored = self.sessions.games_and_votes(session.id, {vote.key for vote in votes})
        if any(vote.game_id not in stored_games for vote in votes):
            raise VersionConflict  # reads are not isolated: the transaction that adds the game is in progress
        games: dict[int, Game] = dict(stored_games)
        latest: dict[VoteKey, Vote] = dict(stored)
        events: list[Event] = []
        answers: list[Json] = []
        after, now = session, timestamp(self.clock())
        for vote in votes:
            counted = count_vote(after, games[vote.game_id], latest.get(vote.key), vote, now=now)
            after, games[vote.game_id], latest[vote.key] = counted.session, counted.game, vote
            events.append(counted.event)
            answers.append(counted.answer)
        change = Commit(
            session,
            after,
            events,
            counted=[(game, games[game_id]) for game_id, game in stored_games.items()],
            votes=[(stored.get(key), vote) for key, vote in latest.items()],
        )
        return change, answers


def count_sessions(
    counter: VoteCounter, backoff: Backoff, sessions: Mapping[int, Sequence[str]]
) -> list[str]:
    """Count the pending votes of several sessions; return the values of the sessions to retry."""
    again: list[str] = []
    for session_id, numbers in sessions.items():
        try:
            _count_session(counter, backoff, session_id)
        except GameNightError as error:
            logger.warning(
                "votes have to be counted later", extra={"session_id": session_id, "code": error.code}
            )
            again += numbers
    if again:
        metrics_log.info("votes are left", extra={"unfinished": len(again), "metrics": ["unfinished"]})
    return again


def _count_session(counter: VoteCounter, backoff: Backoff, session_id: int) -> None:
    for _ in backoff.attempts():
        with suppress(VersionConflict):
            counter.count_pending(session_id, lambda: backoff.budget.left() > 0)
            return
    raise Contended("Too many writers at once on this session.")


def _fitting(waiting: Sequence[PendingVote]) -> Sequence[PendingVote]:
    """Return the oldest votes that fit into one batch."""
    games: set[int] = set()
    for position, one in enumerate(waiting):
        games.add(one.vote.game_id)
        if len(games) > BATCH_GAMES:
            return waiting[:position]
    return waiting
