"""The life of a connection: what is due when, from the moment it is opened to its end.

The rules of the contract's "Connection life" and nothing else: the same connection always has the same
deadline next. Leaves acting on it to ``connections.sweep``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind

MAX_CONNECTION_SECONDS = 2 * 60 * 60 + 10 * 60
"""API Gateway cuts a connection after two hours; ten minutes later no trace of it is of use."""

MAX_RECONNECT_MILLISECONDS = 300_000
"""Who is asked to reconnect does so within five minutes, each at a moment of its own: the contract's."""

CLOSING = (DeadlineKind.END, DeadlineKind.TOKEN_EXPIRED, DeadlineKind.AUTHENTICATE)
"""What ends a connection; the first that is due is why."""


@dataclass(frozen=True, slots=True)
class ConnectionLife:
    """How long a connection may be what, in seconds, as the contract says; tests set them small.

    ``to_authenticate`` since it was opened, ``expiring`` before its token expires, ``max_age`` until a client
    that can resume is asked to reconnect.
    """

    to_authenticate: int = 30
    expiring: int = 2 * 60
    max_age: int = 110 * 60

    def next(self, connection: Connection, now: float) -> Deadline:
        """Return the deadline that a connection has next. One that has passed already is due at once."""
        first = min(self._deadlines(connection))
        return replace(first, at=max(first.at, int(now)))

    def due(self, connection: Connection, now: float) -> list[DeadlineKind]:
        """Return what is due: one kind that ends the connection, or else whatever it is to be told."""
        kinds = [deadline.kind for deadline in sorted(self._deadlines(connection)) if deadline.at <= now]
        closing = [kind for kind in CLOSING if kind in kinds]
        return closing[:1] or kinds

    def _deadlines(self, connection: Connection) -> Iterator[Deadline]:
        opened = connection.connected_at
        yield Deadline(opened + MAX_CONNECTION_SECONDS, DeadlineKind.END)
        expires_at = connection.token_expires_at
        if expires_at is None:
            yield Deadline(opened + self.to_authenticate, DeadlineKind.AUTHENTICATE)
            return
        yield Deadline(expires_at, DeadlineKind.TOKEN_EXPIRED)
        if connection.wants_cursor:
            notices = {
                DeadlineKind.TOKEN_EXPIRING: expires_at - self.expiring,
                DeadlineKind.MAX_AGE: opened + self.max_age,
            }
            for kind in notices.keys() - connection.told:
                yield Deadline(notices[kind], kind)
