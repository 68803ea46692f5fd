"""Computes the deadlines of a connection from the time limits in docs/protocol.md."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.connections.deadlines import Deadline, DeadlineKind

if TYPE_CHECKING:
    from chalicelib.connections.connection import Connection

MAX_CONNECTION_SECONDS = 2 * 60 * 60 + 10 * 60
"""API Gateway closes a connection after two hours; its rows are kept for ten minutes more."""

MAX_RECONNECT_MILLISECONDS = 300_000
"""A client that is asked to reconnect does so at a random moment within five minutes."""

CLOSING = (DeadlineKind.END, DeadlineKind.TOKEN_EXPIRED, DeadlineKind.AUTHENTICATE)
"""The deadlines that end a connection. The first one due is the reason that the client gets."""


class ConnectionLife(msgspec.Struct, frozen=True):
    """The time limits of a connection, in seconds; tests use smaller ones.

    ``to_authenticate`` is the time to authenticate in. ``expiring`` is how long before its token's expiry a
    client is notified. At age ``max_age`` a client that can resume is asked to reconnect.
    """

    to_authenticate: int = 30
    expiring: int = 2 * 60
    max_age: int = 110 * 60

    def next(self, connection: "Connection", now: float) -> Deadline:
        """Return a connection's next deadline. One that has passed is due at once."""
        first = min(self._deadlines(connection))
        return replace(first, at=max(first.at, int(now)))

    def due(self, connection: "Connection", now: float) -> list[DeadlineKind]:
        """Return what is due: one kind that ends the connection, else all kinds to notify its client of."""
        kinds = [deadline.kind for deadline in sorted(self._deadlines(connection)) if deadline.at <= now]
        closing = [kind for kind in CLOSING if kind in kinds]
        return closing[:1] or kinds

    def _deadlines(self, connection: "Connection") -> Iterator[Deadline]:
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
            for kind in notices.keys() - connection.notified:
                yield Deadline(notices[kind], kind)
