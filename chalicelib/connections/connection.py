"""Connections, the audiences they belong to, and how an audience is spread over shards.

Leaves reading and writing audiences to ``storage`` and posting to ``push``.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Self

from chalicelib.auth.claims import Claims, Role
from chalicelib.connections.deadlines import Deadline, DeadlineKind

ALL_AUDIENCE = "all"
"""Key of the audience of every authenticated connection, the one that hears ``session.started``."""


def session_audience(session_id: int) -> str:
    """Return the key of the audience of one session's subscribers."""
    return f"session#{session_id}"


def shard_of(connection_id: str, shards: int) -> int:
    """Return the shard, ``0 <= shard < shards``, that holds a connection in every audience.

    The hash must give the same answer in every process and version, which ``hash()`` does not.
    """
    digest = hashlib.blake2b(connection_id.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % shards


@dataclass(frozen=True, slots=True)
class Lag:
    """What a connection has missed of its audience's stream: the events ``first`` to ``last``.

    A job replays them; ``parked`` once that job has given up, until an event gives it another chance.
    """

    first: int
    last: int
    parked: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """One authenticated connection, with all that a post to it needs.

    ``token_expires_at`` is in Unix seconds; a recipient past it gets nothing more.
    ``wants_cursor`` is true once the client has opted in to resume. One with a ``lag`` gets nothing
    before it has caught up, or events would come out of order.
    """

    connection_id: str
    api_id: str
    stage: str
    token_expires_at: int = 0
    wants_cursor: bool = False
    lag: Lag | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """A WebSocket connection as API Gateway opened it, and who it proved to be.

    ``subject``, ``role`` and ``token_expires_at`` (Unix seconds) are None until it has authenticated.
    Times are Unix seconds. ``wants_cursor`` is true once it has opted in to resume on the stream of
    sessions, which is what ``since`` with ``auth`` does.

    ``deadline`` is the one that it has next, and ``told`` what it need not be told again. ``closing_since``
    is when somebody began to close it: from then on nothing more can come of it. ``revision`` counts the
    changes of all these.
    """

    connection_id: str
    api_id: str
    stage: str
    connected_at: int
    source_ip: str
    subject: str | None = None
    role: Role | None = None
    token_expires_at: int | None = None
    failed_auths: int = 0
    subscriptions: int = 0
    wants_cursor: bool = False
    deadline: Deadline | None = None
    told: frozenset[DeadlineKind] = frozenset()
    closing_since: int | None = None
    revision: int = 0

    @property
    def authenticated(self) -> bool:
        """Whether a token was accepted on this connection (it may have expired since)."""
        return self.subject is not None

    def identified(self, claims: Claims, *, wants_cursor: bool) -> Self:
        """Return the connection as it is once it has proved who it is; its new token may expire anew."""
        return replace(
            self,
            subject=claims.subject,
            role=claims.role,
            token_expires_at=claims.expires_at,
            failed_auths=0,
            wants_cursor=self.wants_cursor or wants_cursor,
            told=self.told - {DeadlineKind.TOKEN_EXPIRING},
        )

    def as_recipient(self) -> Recipient:
        """Return what a post to this connection needs."""
        return Recipient(
            self.connection_id, self.api_id, self.stage, self.token_expires_at or 0, self.wants_cursor
        )
