"""The use case of a voter: one vote counts, whoever else votes at the same time."""

from chalicelib.domain.errors import SessionNotFound
from chalicelib.domain.events import Json
from chalicelib.domain.idempotency import IdempotentRequest
from chalicelib.domain.identity import Claims, Role
from chalicelib.domain.timestamps import Clock, timestamp
from chalicelib.domain.votes import Ballot, cast
from chalicelib.services.commits import Commits, record_of
from chalicelib.services.ports import Change, SessionStore, StreamMoved


class Voting:
    """Votes, as those who vote see it."""

    def __init__(self, store: SessionStore, commits: Commits, clock: Clock) -> None:
        self._store = store
        self._commits = commits
        self._clock = clock

    def vote(
        self, caller: Claims, session_id: int, ballot: Ballot, request: IdempotentRequest | None = None
    ) -> Json:
        """Count a vote and return what its event says.

        Raises Forbidden, SessionNotFound, SessionClosed, NoGame, GameNotFound, IdempotencyMismatch,
        Contended, Unavailable.
        """
        caller.require(Role.ADMIN, Role.BOT)

        def attempt() -> Json:
            session = self._store.session(session_id)
            if session is None:
                raise SessionNotFound(session_id)
            game_id = ballot.game_in(session)
            game, earlier = self._store.game_and_vote(session_id, game_id, ballot.voter)
            if game is None:
                raise StreamMoved  # the commit that adds it is just being made
            made = cast(session, game, earlier, ballot, now=timestamp(self._clock()))
            change = Change(
                session, made.session, [made.event], counted=[(game, made.game)], votes=[(earlier, made.vote)]
            )
            self._store.commit(change, record_of(request, made.answer))
            return made.answer

        return self._commits.once(request, attempt)
