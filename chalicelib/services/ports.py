"""What the use cases need from the outside world, as Protocols.

``storage``, ``push`` and ``auth`` implement them; the tests' fakes do too. ``bootstrap`` chooses. What is
kept of the nights themselves is in ``stores``: delivery needs none of it.
"""

from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.connections import Connection, Recipient
from chalicelib.domain.deadlines import Deadline
from chalicelib.domain.delivery import DeliveryReport, Message
from chalicelib.domain.identity import Claims, Role, TokenTerms
from chalicelib.domain.jobs import QueueMark

if TYPE_CHECKING:  # delivery, which imports this module when it is cold, sees no secrets
    from chalicelib.domain.token_secrets import TokenSecrets

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


class SecretSource(Protocol):
    """Where the token secrets are."""

    def load(self) -> "TokenSecrets":
        """Return the secrets as they are now. Raises SecretsUnreadable."""
        ...


class TokenVerifier(Protocol):
    """Turning a token into claims."""

    def verify(self, token: str) -> Claims:
        """Return the claims. Raises TokenInvalid, TokenExpired, or Unavailable where none can be verified."""
        ...


class TokenSigner(Protocol):
    """Turning claims into a token."""

    def issue(self, subject: str, role: Role, ttl_seconds: int) -> TokenTerms:
        """Return the terms of a token that is good for so long from now. Raises SecretsUnreadable."""
        ...

    def sign(self, terms: TokenTerms) -> str:
        """Return the token: the same terms make the same token for as long as their secret is in use.

        Raises SecretsUnreadable.
        """
        ...


class ConnectionGone(Exception):
    """The connection left, or changed, between the read and the write."""


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """A part of one shard of an audience; ``next_after`` is None on the last page."""

    recipients: Sequence[Recipient]
    next_after: str | None


class Audiences(Protocol):
    """Who is in an audience. Every read is strongly consistent."""

    async def page(
        self, audience: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        """Return the next page of one shard, ordered by connection id, without expired tokens.

        Whoever was told ``auth_success`` or ``subscribed`` before the call is in it. ``limit`` bounds the
        rows that are read, of which there may be more than recipients. Raises Unavailable where the store
        does not answer or is throttling.
        """
        ...

    async def queue_mark(self, audience: str) -> QueueMark | None:
        """Return what an audience's stream has had on the queue, see ``delivery_ports.QueuedStreams``.

        None where it had nothing, or so long ago that no job of it is left. Raises Unavailable likewise.
        """
        ...


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
