"""What connections need from the outside world, as Protocols: their stores, and posting to them.

Every read is strongly consistent. Every method of a store raises Unavailable where the store does not answer
or is throttling.
"""

from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.auth.claims import Claims
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.messages import DeliveryReport, Message
from chalicelib.errors import GameNightError

Settled = Callable[[Recipient], None]


class Push(Protocol):
    """Posting to WebSocket connections through API Gateway's @connections."""

    async def broadcast(
        self,
        message: Message,
        pages: AsyncIterable[Sequence[Recipient]],
        *,
        within: float,
        settled: Settled | None = None,
    ) -> DeliveryReport:
        """Post a message to every recipient of every page, pages overlapped with posts.

        Never raises for a recipient: each ends in the report exactly once. Retries what may succeed, in
        bounds, for at most ``within`` seconds. An error raised by ``pages`` is raised once the posts
        already begun are accounted for. ``settled`` is called with each recipient that needs no other
        attempt, as soon as that is known; with those that are owed the message or have lapsed it is not.
        """
        ...

    async def disconnect(self, recipient: Recipient) -> bool:
        """Close a connection and say whether it is closed. One that is gone already is.

        Never raises for a recipient; failures are logged.
        """
        ...

    async def close(self) -> None:
        """Close the connections that are kept alive."""
        ...


class ConnectionGone(Exception):
    """The connection left, or changed, between the read and the write."""


class ConnectionStore(Protocol):
    """Connections, and joining and leaving audiences. Every read is strongly consistent.

    Every method raises Unavailable where the store does not answer or is throttling.
    """

    def add(self, connection: Connection) -> None:
        """Store a connection that has just been opened, and its deadline with it."""
        ...

    def get(self, connection_id: str) -> Connection | None:
        """Return a connection, None where it is gone."""
        ...

    def authenticate(
        self,
        connection: Connection,
        claims: Claims,
        *,
        wants_cursor: bool,
        deadline: Deadline | None = None,
    ) -> None:
        """Record who a connection is and put it into the audience of all, in one transaction.

        ``wants_cursor`` opts in to resume on the stream of sessions; who has opted in stays so. Renews the
        token's expiry in every audience that it is in, and moves its deadline where one is given. Raises
        ConnectionGone where the connection is no longer as it was read, or is being closed.
        """
        ...

    def count_failed_auth(self, connection_id: str) -> int:
        """Count one more failed authentication and return how many there were. Raises ConnectionGone."""
        ...

    def join(self, connection: Connection, audience: str, *, wants_cursor: bool) -> None:
        """Put an authenticated connection into an audience; doing it twice is fine.

        ``wants_cursor`` opts in to resume on the audience's stream; who has opted in stays so until it
        leaves. Raises TooManySubscriptions where it is in MAX_SUBSCRIPTIONS others, whatever joins at the
        same time, and ConnectionGone where the connection is no longer as it was read.
        """
        ...

    def leave(self, connection_id: str, audience: str) -> None:
        """Take a connection out of an audience; one that is not in it stays so.

        Raises ConnectionGone where it has changed while it was read.
        """
        ...

    def remove(self, connection_id: str) -> None:
        """Remove every trace of a connection. It can't join anything afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Reached:
    """A deadline that has passed, as it was found; ``revision`` is that of the connection at the time."""

    connection_id: str
    deadline: Deadline
    revision: int


@dataclass(frozen=True, slots=True)
class DeadlinePage:
    """A part of one shard of a minute's deadlines; ``next_after`` is None on the last page."""

    reached: Sequence[Reached]
    next_after: str | None


class DeadlineStore(Protocol):
    """Deadlines by the minute in which they are due, and what becomes of the connections behind them.

    ``ConnectionStore`` puts, moves and removes deadlines together with their connections.
    """

    def swept_to(self) -> int | None:
        """Return the last minute of which nothing is left to do; None where there was never a sweep."""
        ...

    def mark_swept(self, minute: int) -> None:
        """Note that nothing is left to do up to a minute. A later one that was noted before stays."""
        ...

    def page(self, minute: int, shard: int, until: int, after: str | None = None) -> DeadlinePage:
        """Return the next page of one shard of a minute's deadlines, those due until a Unix second."""
        ...

    def drop(self, reached: Reached) -> None:
        """Remove a deadline that no connection has, unless it was put anew since it was found."""
        ...

    def claim(self, connection: Connection, now: int) -> Connection | None:
        """Begin to close a connection, and return it as it is then.

        Nothing can come of it any more: it can neither authenticate nor join. None where it has changed since
        it was read.
        """
        ...

    def move(
        self, connection: Connection, deadline: Deadline, told: frozenset[DeadlineKind]
    ) -> Connection | None:
        """Give a connection its next deadline, and return it as it is then.

        ``told`` replaces what it need not be told again. None where it has changed since it was read.
        """
        ...


class Notices(Protocol):
    """The frames that the server sends without being asked, but for events."""

    def error(self, error: GameNightError) -> bytes:
        """Return the frame that says why a connection is closed."""
        ...

    def token_expiring(self, expires_at: int) -> bytes:
        """Return the frame that asks for another token; ``expires_at`` is in Unix seconds."""
        ...

    def reconnect(self, after_milliseconds: int) -> bytes:
        """Return the frame that asks a client to connect anew after so long."""
        ...
