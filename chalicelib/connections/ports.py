"""Defines the protocols that connections need: their stores, and posting to them.

Every read is strongly consistent. Every method of a store raises Unavailable if the store does not answer or
is throttling.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from chalicelib.auth.claims import Claims
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.messages import Message, Outcome
from chalicelib.errors import GameNightError

CATCH_UP_SECONDS = 30
"""The function that answers a client may catch it up for so long. It runs no longer
(.chalice/config.json)."""


class Push(Protocol):
    """Posts to WebSocket connections through API Gateway's @connections."""

    async def send(self, message: Message, recipients: Sequence[Recipient], *, within: float) -> Outcome:
        """Post a message to each recipient, for at most ``within`` seconds. Never raises for a recipient.

        A post can arrive twice if its answer was lost. Raises Unavailable if there are no credentials.
        """

    async def disconnect(self, recipient: Recipient) -> bool:
        """Close a connection; return whether it is closed. A connection that is gone is closed."""

    async def close(self) -> None:
        """Close the HTTP connections that are kept alive."""


class ConnectionGone(Exception):
    """The connection was removed or changed between the read and the write."""


class Resume(msgspec.Struct, frozen=True):
    """How a client that resumes joins an audience: as behind, and with cursors in its frames.

    ``behind`` is the sequence of the first event that the client lacks. Until ``catching_up_until`` (Unix
    seconds) only the function that answers the client catches it up.
    """

    behind: int
    catching_up_until: int


class ConnectionStore(Protocol):
    """Stores connections, and their rows in audiences.

    A connection that joins without ``resume`` is live after ``position``, the end of the stream.
    """

    def add(self, connection: Connection) -> None:
        """Store a connection that has just been opened, with its deadline."""

    def get(self, connection_id: str) -> Connection | None:
        """Return a connection; None if it is gone."""

    def authenticate(
        self,
        connection: Connection,
        claims: Claims,
        *,
        deadline: Deadline,
        position: int = 0,
        resume: Resume | None = None,
    ) -> None:
        """Store a connection's claims and add it to the audience of all starts, in one transaction.

        A guest may follow only its own session, and is not added. Renews the token's expiry in all of the
        connection's audiences, and moves its deadline. Raises ConnectionGone if the connection has changed
        since it was read, is being closed, or shows a token that was revoked since it was verified.
        """

    def of_subject(self, subject: str, issued_until: float) -> Sequence[str]:
        """Return the ids of the connections whose tokens a subject was issued until a Unix second."""

    def count_failed_auth(self, connection_id: str) -> int:
        """Count a failed authentication and return how many there were. Raises ConnectionGone."""

    def join(
        self, connection: Connection, stream: str, resume: Resume | None = None, *, position: int = 0
    ) -> None:
        """Add an authenticated connection to a stream's audience. It is no error if it is in it.

        Raises TooManySubscriptions if it is in MAX_SUBSCRIPTIONS others, also when joins are concurrent, and
        ConnectionGone if the connection has changed since it was read.
        """

    def leave(self, connection_id: str, stream: str) -> None:
        """Remove a connection from a stream's audience. It is no error if it is not in it.

        Raises ConnectionGone if it has changed since it was read.
        """

    def remove(self, connection_id: str) -> None:
        """Remove every trace of a connection. It can't join anything afterwards."""


class ExpiredDeadline(msgspec.Struct, frozen=True):
    """A deadline that has passed. ``revision`` is that of its connection when the deadline was set."""

    connection_id: str
    deadline: Deadline
    revision: int


class DeadlinePage(msgspec.Struct, frozen=True):
    """A part of one shard of a minute's deadlines; ``next_after`` is None on the last page."""

    expired: Sequence[ExpiredDeadline]
    next_after: str | None


class DeadlineStore(Protocol):
    """Deadlines by their minute. ``ConnectionStore`` sets, moves and removes them with their connections."""

    def swept_to(self) -> int | None:
        """Return the last finished minute; None if there was never a sweep."""

    def mark_swept(self, minute: int) -> None:
        """Save the last finished minute, unless a later one is saved already."""

    def page(self, minute: int, shard: int, until: int, after: str | None = None) -> DeadlinePage:
        """Return the next page of one shard of a minute's deadlines that are due until a Unix second."""

    def drop(self, expired: ExpiredDeadline) -> None:
        """Remove a deadline that belongs to no connection, unless it was set again since it was read."""

    def claim(self, connection: Connection, now: int) -> Connection | None:
        """Begin to close a connection and return its new state; None if it has changed since it was read.

        From then on it can neither authenticate nor join an audience.
        """

    def move(
        self, connection: Connection, deadline: Deadline, notified: frozenset[DeadlineKind]
    ) -> Connection | None:
        """Set a connection's next deadline and ``notified``, and return it; None if it has changed since."""


class Notices(Protocol):
    """The frames that a sweep sends."""

    def error(self, error: GameNightError) -> bytes:
        """Return the frame that says why a connection is closed."""

    def token_expiring(self, expires_at: int) -> bytes:
        """Return the frame that asks for a new token; ``expires_at`` is in Unix seconds."""

    def reconnect(self, after_milliseconds: int) -> bytes:
        """Return the frame that asks a client to reconnect after so long."""
