"""Protocols of what connections need: their stores, and posting to them.

Every read is strongly consistent. Every method of a store raises Unavailable where the store does not answer
or is throttling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.auth.claims import Claims
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.messages import Message, Outcome
from chalicelib.errors import GameNightError

CATCH_UP_SECONDS = 30
"""How long the function that answers a client may catch it up: longer than it runs (.chalice/config.json)."""


class Push(Protocol):
    """Posts to WebSocket connections through API Gateway's @connections."""

    async def send(self, message: Message, recipients: Sequence[Recipient], *, within: float) -> Outcome:
        """Post a message to each recipient, for at most ``within`` seconds. Never raises for a recipient.

        A post can arrive twice where its answer was lost. Raises Unavailable where there are no credentials.
        """

    async def disconnect(self, recipient: Recipient) -> bool:
        """Close a connection; return whether it is closed. One that is gone counts as closed."""

    async def close(self) -> None:
        """Close the HTTP connections that are kept alive."""


class ConnectionGone(Exception):
    """The connection was removed, or has changed, between the read and the write."""


@dataclass(frozen=True, slots=True)
class Resume:
    """How a client that resumes joins an audience: as behind, and with cursors in its frames.

    ``behind`` is the sequence of the first event that it is to get. Until ``catching_up_until`` (Unix
    seconds) the function that answers the client catches it up, and no other does.
    """

    behind: int
    catching_up_until: int


class ConnectionStore(Protocol):
    """Connections, and joining and leaving audiences.

    A connection that joins without ``resume`` is live from ``position``, the end of the stream, on.
    """

    def add(self, connection: Connection) -> None:
        """Store a connection that has just been opened, and its deadline with it."""

    def get(self, connection_id: str) -> Connection | None:
        """Return a connection, None where it is gone."""

    def authenticate(
        self,
        connection: Connection,
        claims: Claims,
        *,
        deadline: Deadline,
        position: int = 0,
        resume: Resume | None = None,
    ) -> None:
        """Store who a connection is and add it to the audience of all starts, in one transaction.

        A guest hears of no session but its own, and is not added. Renews the token's expiry in all of the
        connection's audiences, and moves its deadline. Raises ConnectionGone where the connection is no
        longer as it was read, is being closed, or shows a token that was revoked since it was verified.
        """

    def of_subject(self, subject: str, issued_until: float) -> Sequence[str]:
        """Return the ids of the connections that a subject's tokens of until a Unix second opened."""

    def count_failed_auth(self, connection_id: str) -> int:
        """Count one more failed authentication and return how many there were. Raises ConnectionGone."""

    def join(
        self, connection: Connection, stream: str, resume: Resume | None = None, *, position: int = 0
    ) -> None:
        """Put an authenticated connection into a stream's audience; doing it twice is fine.

        Raises TooManySubscriptions if it is in MAX_SUBSCRIPTIONS others, also when joins are concurrent,
        and ConnectionGone where the connection is no longer as it was read.
        """

    def leave(self, connection_id: str, stream: str) -> None:
        """Take a connection out of a stream's audience. It is no error if it is not in it.

        Raises ConnectionGone if it has changed since it was read.
        """

    def remove(self, connection_id: str) -> None:
        """Remove every trace of a connection. It can't join anything afterwards."""


@dataclass(frozen=True, slots=True)
class ExpiredDeadline:
    """A deadline that has passed. ``revision`` is that of its connection when the deadline was set."""

    connection_id: str
    deadline: Deadline
    revision: int


@dataclass(frozen=True, slots=True)
class DeadlinePage:
    """A part of one shard of a minute's deadlines; ``next_after`` is None on the last page."""

    expired: Sequence[ExpiredDeadline]
    next_after: str | None


class DeadlineStore(Protocol):
    """Deadlines by their minute. ``ConnectionStore`` sets, moves and removes them with their connections."""

    def swept_to(self) -> int | None:
        """Return the last minute that is done; None where there was never a sweep."""

    def mark_swept(self, minute: int) -> None:
        """Save the last minute that is done, unless a later one is saved already."""

    def page(self, minute: int, shard: int, until: int, after: str | None = None) -> DeadlinePage:
        """Return the next page of one shard of a minute's deadlines, those due until a Unix second."""

    def drop(self, expired: ExpiredDeadline) -> None:
        """Remove a deadline that no connection has any more, unless it was set again since it was read."""

    def claim(self, connection: Connection, now: int) -> Connection | None:
        """Begin to close a connection, and return it as it is then; None if it has changed since.

        From then on it can neither authenticate nor join an audience.
        """

    def move(
        self, connection: Connection, deadline: Deadline, notified: frozenset[DeadlineKind]
    ) -> Connection | None:
        """Set a connection's next deadline and ``notified``; return it, None if it has changed since."""


class Notices(Protocol):
    """The frames that a sweep sends."""

    def error(self, error: GameNightError) -> bytes:
        """Return the frame that says why a connection is closed."""

    def token_expiring(self, expires_at: int) -> bytes:
        """Return the frame that asks for another token; ``expires_at`` is in Unix seconds."""

    def reconnect(self, after_milliseconds: int) -> bytes:
        """Return the frame that asks a client to connect anew after so long."""
