"""Defines the protocols of the stores of sessions, their log, and pending votes.

All are in one table, since one transaction changes several of them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from chalicelib.idempotency import Record
from chalicelib.nights.events import Event
from chalicelib.nights.games import Game
from chalicelib.nights.sessions import Session, StreamHead
from chalicelib.nights.votes import PendingVote, Vote, VoteKey


class Commit(msgspec.Struct, frozen=True):
    """A change of a session and its new events, to be stored atomically.

    ``before`` and ``after`` are the session. ``counted`` pairs each game with itself after its tallies
    change, ``votes`` each voter's earlier vote with the new one. ``withdrawn`` is a vote to delete.
    ``pending`` are the stored votes that this change counts or drops. The change conflicts if the first part
    of a pair, or the withdrawn vote, differs from what is stored, or a vote is not pending.
    """

    before: Session
    after: Session
    events: Sequence[Event]
    game: Game | None = None
    counted: Sequence[tuple[Game, Game]] = ()
    votes: Sequence[tuple[Vote | None, Vote]] = ()
    withdrawn: Vote | None = None
    pending: Sequence[PendingVote] = ()
    records: Sequence[Record] = ()


class VotingState(msgspec.Struct, frozen=True):
    """Whether a session takes votes, a game's title, and whether that game was removed.

    ``title`` is None while the game's transaction is in progress.
    """

    is_open: bool
    title: str | None
    is_removed: bool = False


class SessionStore(Protocol):
    """Sessions, their games and votes. Every read is strongly consistent.

    Every method raises Unavailable if the store does not answer or is throttling.
    """

    def head(self) -> StreamHead:
        """Return the end of the stream of sessions. The very first call creates its epoch."""

    def start(
        self, head: StreamHead, session: Session, events: Sequence[Event], records: Sequence[Record] = ()
    ) -> None:
        """Store a session that follows ``head``, and its events, atomically.

        Raises VersionConflict.
        """

    def commit(self, change: Commit) -> None:
        """Store a change of a session atomically. Raises VersionConflict.

        All events of one change have the same type. A change has 100 items at most.
        """

    def session(self, session_id: int) -> Session | None:
        """Return a session, or None."""

    def sessions(self, after: int, limit: int) -> Sequence[Session]:
        """Return the sessions ``after < id <= after + limit``, oldest first; limit is 100 at most."""

    def newest_active(self) -> Session | None:
        """Return the active session with the highest id; None if none is active."""

    def games(self, session_id: int) -> Sequence[Game]:
        """Return a session's games, oldest first, also those that were removed."""

    def games_and_votes(
        self, session_id: int, keys: Collection[VoteKey]
    ) -> tuple[Mapping[int, Game], Mapping[VoteKey, Vote]]:
        """Return the games of the keys by id, and the votes of the keys that exist; 50 keys at most."""

    def voting_state(self, session_id: int, game_id: int) -> VotingState:
        """Return in one read whether a session takes votes, and the state of one of its games."""


class EventLog(Protocol):
    """The log of events. Every read is strongly consistent and leaves out expired events."""

    def events(self, stream: str, after: int, limit: int) -> Sequence[Event]:
        """Return events of a stream with a sequence above ``after``, in order, ``limit`` at most.

        May return fewer than there are, if a page of the store ends or a commit is in progress. Raises
        Unavailable as the stores do.
        """


class PendingVoteStore(Protocol):
    """Votes that wait to be counted; ``SessionStore.commit`` deletes them when it counts them.

    Every read is strongly consistent. Every method raises Unavailable as the stores do.
    """

    def add(self, session_id: int, pending: PendingVote, records: Sequence[Record] = ()) -> None:
        """Store a vote, with the record of its answer. Raises VersionConflict if the key is in use."""

    def waiting(self, session_id: int, limit: int) -> Sequence[PendingVote]:
        """Return the votes that have waited longest, longest first."""

    def is_waiting(self, session_id: int, pending_id: str) -> bool:
        """Return whether a vote is not counted yet."""
