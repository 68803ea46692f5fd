"""The open WebSocket connections, as @connections sees them.

Free of sockets: an ``Outlet`` is the way to a client. Leaves events to ``websocket_events`` and HTTP to
``management_api``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from infra.local.apigateway.limits import Limits
from infra.local.apigateway.websocket_events import Caller, Closing

GOING_AWAY = Closing(1001, "Going away")
"""What API Gateway says to a client that has been idle or connected for too long."""

DELETED = Closing(1000, "Connection Closed Normally")


class ConnectionClosed(Exception):
    """There is no such connection, or none any more."""


class MessageTooLarge(Exception):
    """The message is larger than a WebSocket message may be."""


class OutgoingFull(Exception):
    """The client does not read what has been sent to it."""


class Outlet(Protocol):
    """The way to one client."""

    def waiting_bytes(self) -> int:
        """Return how much was sent and has not left yet."""
        ...

    def send(self, text: bytes) -> None:
        """Send a text frame of UTF-8, without waiting. Raises OSError where the client has gone."""
        ...

    async def close(self, closing: Closing) -> None:
        """Send a close frame. Never raises."""
        ...


@dataclass(slots=True, eq=False)
class OpenConnection:
    """A connection that is open. ``last_active_at`` is in milliseconds since 1970, as in its caller."""

    caller: Caller
    outlet: Outlet
    last_active_at: int


class Connections:
    """The connections of one stage. ``now`` gives milliseconds since 1970."""

    def __init__(self, limits: Limits, now: Callable[[], int]) -> None:
        self._limits = limits
        self._now = now
        self._open: dict[str, OpenConnection] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, caller: Caller, outlet: Outlet) -> OpenConnection:
        """Remember a connection; from now on it can be posted to."""
        connection = OpenConnection(caller, outlet, self._now())
        self._open[caller.connection_id] = connection
        return connection

    def touch(self, connection: OpenConnection) -> None:
        """Note that the client has sent a message."""
        connection.last_active_at = self._now()

    def closed(self, connection: OpenConnection) -> None:
        """Forget a connection; forgetting it twice is fine."""
        self._open.pop(connection.caller.connection_id, None)

    def post(self, connection_id: str, text: bytes) -> None:
        """Send a message of UTF-8. Raises ConnectionClosed, MessageTooLarge, OutgoingFull."""
        connection = self._get(connection_id)
        if len(text) > self._limits.message_bytes:
            raise MessageTooLarge
        if connection.outlet.waiting_bytes() > self._limits.outgoing_bytes:
            raise OutgoingFull
        try:
            connection.outlet.send(text)
        except OSError as gone:
            self.closed(connection)
            raise ConnectionClosed from gone
        connection.last_active_at = self._now()

    def describe(self, connection_id: str) -> dict[str, Any]:
        """Return what GetConnection answers. Raises ConnectionClosed."""
        connection = self._get(connection_id)
        return {
            "connectedAt": _iso(connection.caller.connected_at),
            "identity": {
                "sourceIp": connection.caller.source_ip,
                "userAgent": connection.caller.user_agent or "",
            },
            "lastActiveAt": _iso(connection.last_active_at),
        }

    async def disconnect(self, connection_id: str) -> None:
        """Close a connection. Raises ConnectionClosed."""
        await self.close(self._get(connection_id), DELETED)

    async def close(self, connection: OpenConnection, closing: Closing) -> None:
        """Close a connection for a reason; it is gone at once."""
        self.closed(connection)
        await connection.outlet.close(closing)

    def seconds_left(self, connection: OpenConnection) -> float:
        """Return how long a connection may stay unless it becomes active; 0 or less: it is overdue."""
        return min(
            self._left(connection.caller.connected_at, self._limits.age_seconds),
            self._left(connection.last_active_at, self._limits.idle_seconds),
        )

    def _left(self, since: int, allowed: float) -> float:
        return allowed - (self._now() - since) / 1000

    def _get(self, connection_id: str) -> OpenConnection:
        connection = self._open.get(connection_id)
        if connection is None:
            raise ConnectionClosed(connection_id)
        return connection


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
