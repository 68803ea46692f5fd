"""Takes votes: counts each at once or, while many people vote, stores it to be counted soon.

A single vote is one transaction. A vote that loses the race for the session's head, or finds others pending,
is stored and answered; the table's stream triggers the counting. See docs/decisions/0033-pending-votes.md.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import msgspec

from chalicelib.auth.claims import Claims, Role
from chalicelib.errors import Forbidden, GameNotFound, SessionClosed, VoteNotFound
from chalicelib.idempotency import Idempotent, IdempotentRequest, VersionConflict, records_of
from chalicelib.nights.events import Json
from chalicelib.nights.pending_votes import VoteCounter
from chalicelib.nights.ports import Commit
from chalicelib.nights.votes import PendingVote, VoteRequest, voter_of, withdraw_vote
from chalicelib.timestamps import Clock, milliseconds, timestamp


class Voting(msgspec.Struct, frozen=True):
    """Takes votes. ``new_id`` returns a fresh random string."""

    counter: VoteCounter
    commits: Idempotent
    clock: Clock
    new_id: Callable[[], str]

    def vote(
        self, caller: Claims, session_id: int, asked: VoteRequest, request: IdempotentRequest | None = None
    ) -> Json:
        """Count or store a vote and return the data of its event, without ``totals`` if it was stored.

        Raises Forbidden, SessionNotFound, SessionClosed, NoGame, GameNotFound, IdempotencyMismatch,
        Contended, Unavailable.
        """
        _require_voter(caller, session_id, asked.username)
        now = self.clock()
        unique = _digest(request) if request else self.new_id()
        answer = self.commits.once(
            request, lambda: self._count_or_store(session_id, asked, now, unique, request)
        )
        if "totals" in answer:
            return answer
        return self.commits.once(None, lambda: self._accepted(session_id, answer, unique))

    def withdraw(self, caller: Claims, session_id: int, game_id: int, username: str) -> Json:
        """Withdraw a voter's vote for a game and return the game's totals.

        Pending votes are counted first: one of them may be the voter's. Raises Forbidden, SessionNotFound,
        SessionClosed, GameNotFound, VoteNotFound, Contended, Unavailable.
        """
        _require_voter(caller, session_id, username)
        key = game_id, voter_of(username)

        def attempt() -> Json:
            self.counter.count_pending(session_id)
            session = self.counter.session(session_id)
            session.require_open()
            session.require_game(game_id)
            games, votes = self.counter.sessions.games_and_votes(session_id, {key})
            if game_id not in games:
                raise VersionConflict  # reads are not isolated: the transaction that adds it is in progress
            if key not in votes:
                raise VoteNotFound(session_id, game_id, username)
            game, vote, now = games[game_id], votes[key], timestamp(self.clock())
            after, counted, event = withdraw_vote(session, game, vote, now=now)
            self.counter.commit(Commit(session, after, [event], counted=[(game, counted)], withdrawn=vote))
            return counted.totals()

        return self.commits.once(None, attempt)

    def _count_or_store(
        self,
        session_id: int,
        asked: VoteRequest,
        now: datetime,
        unique: str,
        request: IdempotentRequest | None,
    ) -> Json:
        session = self.counter.session(session_id)
        vote = asked.vote_in(session, timestamp(now))
        # This vote must not overtake an earlier one of the same voter, which may be pending.
        if session.crowded_until <= milliseconds(now) and not self.counter.pending.waiting(session_id, 1):
            with suppress(VersionConflict):
                return self.counter.count_one(session, vote, request)
        answer = vote.as_answer(session_id, title="")
        pending = PendingVote(pending_id(vote.timestamp, unique), vote)
        self.counter.pending.add(session_id, pending, records_of(request, answer))
        return answer

    def _accepted(self, session_id: int, answer: Json, unique: str) -> Json:
        """Return the answer to a stored vote that is counted, or is going to be.

        A session that was open after the vote was stored counts it before it ends. A closing session may miss
        it: then it is counted here, or the session has ended without it. A pending vote for a removed game is
        never counted. Raises SessionClosed, GameNotFound.
        """
        stored = pending_id(answer["vote"]["timestamp"], unique)
        game_id = answer["game"]["id"]
        state = self.counter.sessions.voting_state(session_id, game_id)
        if state.title is None:
            raise VersionConflict  # reads are not isolated: the transaction that adds the game is in progress
        if state.is_removed and self.counter.pending.is_waiting(session_id, stored):
            raise GameNotFound(session_id, game_id)
        if not state.is_open:
            self.counter.count_pending(session_id)
            if self.counter.pending.is_waiting(session_id, stored):
                raise SessionClosed(session_id)
        return {**answer, "game": {**answer["game"], "title": state.title}}


def _require_voter(caller: Claims, session_id: int, username: str) -> None:
    """Raise Forbidden for a guest who votes in another session, or in another's name."""
    caller.require(Role.ADMIN, Role.BOT, Role.GUEST)
    caller.require_session(session_id)
    if caller.name is not None and voter_of(caller.name) != voter_of(username):
        raise Forbidden(f"A guest may vote only in their own name; yours is {caller.name}.")


def pending_id(asked_at: str, unique: str) -> str:
    """Return the id of a pending vote. Ids sort by the time of the request."""
    return f"{milliseconds(datetime.fromisoformat(asked_at)):014}#{unique}"


def _digest(request: IdempotentRequest) -> str:
    """Return the same id for the same idempotency key, so a repeated request finds its vote."""
    return hashlib.sha256("\n".join(request.name).encode()).hexdigest()[:16]
