"""Computes the deadlines of a connection: the time limits that docs/protocol.md promises."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.connections.deadlines import Deadline, DeadlineKind

if TYPE_CHECKING:
    from chalicelib.connections.connection import Connection

MAX_CONNECTION_SECONDS = 2 * 60 * 60 + 10 * 60
"""API Gateway closes a connection after two hours; its rows are kept for ten minutes more."""

MAX_RECONNECT_MILLISECONDS = 300_000
"""A client that is asked to reconnect does so within five minutes, at a random moment."""

CLOSING = (DeadlineKind.END, DeadlineKind.TOKEN_EXPIRED, DeadlineKind.AUTHENTICATE)
"""The deadlines that end a connection; the first of them that is due is the reason given."""


@dataclass(frozen=True, slots=True)
class ConnectionLife:
    """The time limits of a connection, in seconds; tests use smaller ones.

    ``to_authenticate`` is how long it may take to authenticate, ``expiring`` how long before a token's expiry
    the client is notified. At age ``max_age`` a client that can resume is asked to reconnect.
    """

    to_authenticate: int = 30
    expiring: int = 2 * 60
    max_age: int = 110 * 60

    def next(self, connection: "Connection", now: float) -> Deadline:
        """Return the deadline that a connection has next. One that has passed already is due at once."""
        first = min(self._deadlines(connection))
        return replace(first, at=max(first.at, int(now)))

    def due(self, connection: "Connection", now: float) -> list[DeadlineKind]:
        """Return what is due: one kind that ends the connection, or else all kinds to notify it of."""
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
