"""Defines connections, and their rows in the audiences of streams.

The audience of a stream is all connections that follow it. Its key is the stream's name.
"""

import hashlib
from typing import Self

import msgspec
from msgspec.structs import replace

from chalicelib.auth.claims import Claims, Role
from chalicelib.connections.deadlines import Deadline, DeadlineKind


def shard_of(connection_id: str, shards: int) -> int:
    """Return the shard, ``0 <= shard < shards``, that holds a connection in every audience.

    The hash must give the same answer in every process and version, which ``hash()`` does not.
    """
    digest = hashlib.blake2b(connection_id.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % shards


class Recipient(msgspec.Struct, frozen=True):
    """An authenticated connection in an audience: its address for posts, and its position in the stream.

    ``token_expires_at`` is in Unix seconds; after that the recipient gets no more events.
    ``wants_cursor`` is true once the client has opted in to resume.

    A row is live or behind. ``behind`` is the sequence of the first event that was not sent to it, None while
    it is live. ``missed`` is the newest event that delivery has noted for it since. A live row gets no event
    up to ``position``: it was caught up to that event, or joined after it. Until ``catching_up_until`` (Unix
    seconds) the function that answers the client catches it up.
    """

    connection_id: str
    api_id: str
    stage: str
    token_expires_at: int = 0
    wants_cursor: bool = False
    behind: int | None = None
    missed: int = 0
    position: int = 0
    catching_up_until: int = 0


class Connection(msgspec.Struct, frozen=True):
    """A WebSocket connection as API Gateway opened it, and whose it is.

    ``subject``, ``role`` and ``token_expires_at`` (Unix seconds) are None until it has authenticated.
    ``session`` is the only session that a guest may follow, None for everybody else. Times are Unix seconds.
    ``wants_cursor`` is true once the client has opted in to resume on the stream of sessions, with ``since``
    in ``auth``.

    ``deadline`` is its next deadline; ``notified`` has the kinds that its client was notified of.
    ``closing_since`` is when a sweep began to close it, which makes it unusable. ``revision`` counts changes.
    """

    connection_id: str
    api_id: str
    stage: str
    connected_at: int
    source_ip: str
    subject: str | None = None
    role: Role | None = None
    session: int | None = None
    token_expires_at: int | None = None
    failed_auths: int = 0
    subscriptions: int = 0
    wants_cursor: bool = False
    deadline: Deadline | None = None
    notified: frozenset[DeadlineKind] = frozenset()
    closing_since: int | None = None
    revision: int = 0

    @property
    def authenticated(self) -> bool:
        """Whether a token was accepted on this connection (it may have expired since)."""
        return self.subject is not None

    def identified(self, claims: Claims, *, wants_cursor: bool) -> Self:
        """Return the connection with the identity of a token; its client may be notified of expiry again."""
        return replace(
            self,
            subject=claims.subject,
            role=claims.role,
            session=claims.session,
            token_expires_at=claims.expires_at,
            failed_auths=0,
            wants_cursor=self.wants_cursor or wants_cursor,
            notified=self.notified - {DeadlineKind.TOKEN_EXPIRING},
        )

    def as_recipient(self) -> Recipient:
        """Return this connection as a recipient of posts."""
        return Recipient(
            self.connection_id, self.api_id, self.stage, self.token_expires_at or 0, self.wants_cursor
        )
