"""What the use cases need from the store of the nights, as Protocols: sessions, their log, ballots, answers.

All are on one table, since one transaction changes several of them. ``storage`` implements them; the tests'
fakes do too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.idempotency import Record
from chalicelib.nights.counting import LeftBallot, VoteKey
from chalicelib.nights.events import Event, Json
from chalicelib.nights.games import Game
from chalicelib.nights.sessions import Session, StreamHead
from chalicelib.nights.votes import Vote


@dataclass(frozen=True, slots=True)
class Change:
    """What follows a session's newest event, to be stored whole or not at all.

    ``before`` and ``after`` are the session; ``counted`` pairs each game whose tallies change as it was
    read and as it is to be, ``votes`` each vote with the voter's earlier one. A pair whose first part is
    no longer what is stored stops the whole, and so does one of ``ballots`` that is no longer in
    the box. ``dropped`` ballots leave the box uncounted.
    """

    before: Session
    after: Session
    events: Sequence[Event]
    game: Game | None = None
    counted: Sequence[tuple[Game, Game]] = ()
    votes: Sequence[tuple[Vote | None, Vote]] = ()
    ballots: Sequence[LeftBallot] = ()
    dropped: Sequence[LeftBallot] = ()
    records: Sequence[Record] = ()


class SessionStore(Protocol):
    """Sessions, their games and votes. Every read is strongly consistent.

    Every method raises Unavailable where the store does not answer or is throttling.
    """

    def head(self) -> StreamHead:
        """Return the end of the stream of sessions; the first call ever gives it its epoch."""
        ...

    def start(self, head: StreamHead, session: Session, event: Event, records: Sequence[Record] = ()) -> None:
        """Store a session that follows ``head`` with its event, whole or not at all.

        Raises StreamMoved.
        """
        ...

    def commit(self, change: Change) -> None:
        """Store what follows a session's newest event, whole or not at all. Raises StreamMoved.

        Several events of one change have one type. 100 items at most.
        """
        ...

    def session(self, session_id: int) -> Session | None:
        """Return a session, None where there is none."""
        ...

    def sessions(self, after: int, limit: int) -> Sequence[Session]:
        """Return the sessions ``after < id <= after + limit``, oldest first; limit is 100 at most."""
        ...

    def newest_active(self) -> Session | None:
        """Return the active session with the highest id, None where none is active."""
        ...

    def games(self, session_id: int) -> Sequence[Game]:
        """Return a session's games, oldest first."""
        ...

    def games_and_votes(
        self, session_id: int, keys: Collection[VoteKey]
    ) -> tuple[Mapping[int, Game], Mapping[VoteKey, Vote]]:
        """Return the games of the keys by their ids, and the votes that there are; 50 keys at most."""
        ...


class EventLog(Protocol):
    """The log of events. Every read is strongly consistent, and nothing that has expired is read.

    Both methods may return fewer events than there are, where a page of the store ends or a commit is just
    being made; what is returned is in order. Both raise Unavailable as the stores do.
    """

    def events(self, session_id: int, after: int, limit: int) -> Sequence[Event]:
        """Return events of a session with a sequence above ``after``, ``limit`` at most."""
        ...

    def starts(self, after: int, limit: int) -> Sequence[Event]:
        """Return the ``session.started`` of the sessions ``after < id <= after + limit``.

        ``limit`` is 100 at most.
        """
        ...


class BallotBox(Protocol):
    """Where ballots wait that lost a race; ``SessionStore.commit`` takes them out with what they count for.

    Every read is strongly consistent. Every method raises Unavailable as the stores do.
    """

    def leave(self, session_id: int, left: LeftBallot) -> None:
        """Put a ballot in."""
        ...

    def waiting(self, session_id: int, limit: int) -> Sequence[LeftBallot]:
        """Return the ballots that have waited longest, longest first."""
        ...

    def take_back(self, session_id: int, left: LeftBallot) -> bool:
        """Take a ballot out uncounted; False where it is not in any more."""
        ...

    def outcome(self, session_id: int, ballot_id: str, after: int) -> tuple[Json | None, int]:
        """Return the answer to a ballot that was counted after event ``after``, None where it was not.

        With it comes the sequence of the last event that was looked at.
        """
        ...
