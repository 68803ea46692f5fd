"""Runs the use cases of a host: load, apply the rules, commit.

Nothing here posts an event: the table's stream triggers delivery.
"""

from collections.abc import Callable

from msgspec.structs import replace

from chalicelib.auth.claims import Claims, Role
from chalicelib.idempotency import Idempotent, IdempotentRequest, VersionConflict, records_of
from chalicelib.nights.events import Json, appended
from chalicelib.nights.games import NewGame, add_game, remove_game
from chalicelib.nights.pending_votes import VoteCounter
from chalicelib.nights.ports import Commit
from chalicelib.nights.sessions import end_session, start_session
from chalicelib.timestamps import Clock, timestamp


class Hosting:
    """Sessions, as a host changes them. ``new_epoch`` returns a fresh random string.

    Every method raises Forbidden, IdempotencyMismatch, Contended and Unavailable besides what it names.
    """

    def __init__(
        self, counter: VoteCounter, commits: Idempotent, clock: Clock, new_epoch: Callable[[], str]
    ) -> None:
        self._counter = counter
        self._store = counter.sessions
        self._idempotent = commits
        self._clock = clock
        self._new_epoch = new_epoch

    def start(self, caller: Claims, notes: str | None, request: IdempotentRequest | None = None) -> Json:
        """Start a game night and return the answer."""
        caller.require(Role.ADMIN)

        def attempt() -> Json:
            head = self._store.head()
            session, *events = start_session(head, epoch=self._new_epoch(), notes=notes, now=self._now())
            self._store.start(head, session, events, records_of(request, session.as_data()))
            appended(events[:1])
            return session.as_data()

        return self._idempotent.once(request, attempt)

    def add_game(
        self, caller: Claims, session_id: int, new: NewGame, request: IdempotentRequest | None = None
    ) -> Json:
        """Add a game to a night and return it. Raises SessionNotFound, SessionClosed, TooManyGames."""
        caller.require(Role.ADMIN)

        def attempt() -> Json:
            session = self._counter.session(session_id)
            after, game, event = add_game(session, new, now=self._now())
            records = records_of(request, game.as_data())
            self._counter.commit(Commit(session, after, [event], game=game, records=records))
            return game.as_data()

        return self._idempotent.once(request, attempt)

    def remove_game(self, caller: Claims, session_id: int, game_id: int) -> Json:
        """Remove a game from a night and return the night. Raises GameNotFound if it is removed already.

        Pending votes are counted first, so every vote that was answered before has its event. Raises
        SessionNotFound and SessionClosed too.
        """
        caller.require(Role.ADMIN)

        def attempt() -> Json:
            self._counter.count_pending(session_id)
            session = self._counter.session(session_id)
            title = self._store.voting_state(session_id, game_id).title
            after, event = remove_game(session, game_id, title or "", now=self._now())
            if title is None:
                raise VersionConflict  # reads are not isolated: the transaction that adds it is in progress
            self._counter.commit(Commit(session, after, [event]))
            return after.as_state()

        return self._idempotent.once(None, attempt)

    def close(self, caller: Claims, session_id: int, request: IdempotentRequest | None = None) -> Json:
        """End a night and return it as it has ended. Raises SessionNotFound, SessionClosed.

        First the session stops taking games and votes. Then the pending votes are counted. Then it ends. A
        request that was interrupted in between can be sent again.
        """
        caller.require(Role.ADMIN)

        def attempt() -> Json:
            session = self._counter.session(session_id)
            if session.is_open:
                self._counter.commit(Commit(session, replace(session, closing=True), ()))
            self._counter.count_pending(session_id)
            session = self._counter.session(session_id)
            ended, event = end_session(session, now=self._now())
            records = records_of(request, ended.as_state())
            self._counter.commit(Commit(session, ended, [event], records=records))
            return ended.as_state()

        return self._idempotent.once(request, attempt)

    def _now(self) -> str:
        return timestamp(self._clock())
