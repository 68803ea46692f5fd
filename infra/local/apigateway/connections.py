"""Holds the stage's open WebSocket connections, and the frames that wait for their clients."""

import asyncio
from contextlib import suppress
from time import monotonic

from infra.local.apigateway.asgi import Message, Send
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.websocket_events import Caller, Closing


class Connection:
    """An accepted connection. Its messages wait here until the client reads them.

    ``waiting_bytes`` is the size of the messages that wait. ``closing`` says why the gateway closed the
    connection. ``sending`` is the task that sends; it is cancelled if a client that is to be closed reads too
    slowly.
    """

    def __init__(self, caller: Caller, send: Send, limits: Limits) -> None:
        self.caller = caller
        self.waiting_bytes = 0
        self.closing: Closing | None = None
        self._limits = limits
        self._opened_at = self._active_at = monotonic()
        self._frames: asyncio.Queue[tuple[Message, int]] = asyncio.Queue()
        self.sending = asyncio.create_task(self._send_all(send))

    def touch(self) -> None:
        """Note that the client has sent a message."""
        self._active_at = monotonic()

    def post(self, text: str) -> None:
        """Accept a text frame for the client, without waiting."""
        self._active_at = monotonic()
        size = len(text.encode())
        self.waiting_bytes += size
        self._frames.put_nowait(({"type": "websocket.send", "text": text}, size))

    def close(self, closing: Closing) -> None:
        """Queue a close frame behind the waiting messages, without waiting."""
        self.closing = closing
        frame = {"type": "websocket.close", "code": closing.code, "reason": closing.reason}
        self._frames.put_nowait((frame, 0))
        # A client that does not read would never read the close frame.
        asyncio.get_running_loop().call_later(self._limits.close_seconds, self.sending.cancel)

    def seconds_left(self) -> float:
        """Return how many seconds it may stay open without new activity; 0 or less if it is overdue."""
        age, idle = monotonic() - self._opened_at, monotonic() - self._active_at
        return min(self._limits.age_seconds - age, self._limits.idle_seconds - idle)

    async def _send_all(self, send: Send) -> None:
        while True:
            frame, size = await self._frames.get()
            with suppress(OSError, RuntimeError):  # the client has left, which `receive` reports too
                await send(frame)
            self.waiting_bytes -= size


class Connections(dict[str, Connection]):
    """The open connections by their ids. Only these can be posted to."""

    def close(self, connection: Connection, closing: Closing) -> None:
        """Close a connection. From now on a post to it is answered 410."""
        self.pop(connection.caller.connection_id, None)
        connection.close(closing)
