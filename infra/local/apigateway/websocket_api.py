"""Serves the WebSocket API: turns a client's connection, its frames and its end into events.

The frames of one connection are handled one after the other.
"""

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any

from infra.local.apigateway.asgi import Receive, Scope, Send, headers_of, source_ip
from infra.local.apigateway.connections import Connection, Connections
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.websocket_events import (
    Caller,
    Closing,
    connect_event,
    disconnect_event,
    message_event,
    new_connection_id,
)
from infra.local.deployment import Moment
from infra.local.functions.environment import FunctionFailed
from infra.local.functions.service import LambdaService

PATH = "/api/sessions/live"

NO_BINARY = Closing(1003, "Binary frames are not supported")
ABNORMAL = Closing(1006, "Connection Closed Abnormally")
GOING_AWAY = Closing(1001, "Going away")
"""How API Gateway closes a connection that has been idle or open for too long."""

logger = logging.getLogger("gateway.websocket")


class WebSocketApi:
    """The WebSocket API of the application."""

    def __init__(self, functions: LambdaService, connections: Connections, limits: Limits) -> None:
        self._functions = functions
        self._connections = connections
        self._limits = limits
        self._ending: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection from its handshake to its end."""
        await receive()  # the handshake
        if scope["path"] != PATH:
            logger.warning("a client asked for a WebSocket at %.200r; it is at %s", scope["path"], PATH)
            await _refuse(receive, send, 403)
            return
        moment = Moment.present()
        caller = _caller(scope, moment)
        event = connect_event(caller, moment, headers_of(scope), scope["query_string"].decode("latin-1"))
        status = await self._connect(event)
        if not 200 <= status < 300:  # noqa: PLR2004 - the class of success
            await _refuse(receive, send, status)
            return
        closing = await self._serve(caller, receive, send)
        # A task of its own: a stop of the gateway waits for the server's tasks, but not for $disconnect.
        ending = asyncio.create_task(self._disconnected(caller, closing))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def close(self) -> None:
        """Cancel the ``$disconnect`` events that are still in progress."""
        for ending in self._ending:
            ending.cancel()

    async def _connect(self, event: Any) -> int:
        """Return the status of the function's answer to the handshake."""
        within = self._limits.integration_seconds
        try:
            return int((await self._functions.invoke("websocket_connect", event, within))["statusCode"])
        except (FunctionFailed, TypeError, KeyError, ValueError):
            return 502

    async def _serve(self, caller: Caller, receive: Receive, send: Send) -> Closing:
        try:
            await send({"type": "websocket.accept"})
        except (OSError, RuntimeError):  # uvloop raises RuntimeError for a closed transport
            return ABNORMAL  # the client left during $connect
        connection = Connection(caller, send, self._limits)
        # Only now, as on AWS: a post during $connect is answered 410.
        self._connections[caller.connection_id] = connection
        reading = asyncio.create_task(self._read(connection, receive))
        watching = asyncio.create_task(self._watch(connection))
        try:
            await asyncio.wait({reading, connection.sending}, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else connection.closing or ABNORMAL
        finally:
            self._connections.pop(caller.connection_id, None)
            for task in (reading, watching, connection.sending):
                task.cancel()

    async def _read(self, connection: Connection, receive: Receive) -> Closing:
        """Handle messages until the connection is closed. Return how it was closed."""
        while (message := await receive())["type"] != "websocket.disconnect":
            if message.get("text") is None:
                self._connections.close(connection, NO_BINARY)
            else:
                connection.touch()
                await self._handle(connection, message["text"])
        # If there was a close frame, the server gives a reason, which may be empty.
        if message.get("reason") is None:
            return ABNORMAL
        reason = message["reason"] or "Client-side close frame status not set"
        return Closing(message.get("code", 1005), reason)

    async def _handle(self, connection: Connection, text: str) -> None:
        moment = Moment.present()
        event = message_event(connection.caller, moment, text)
        try:
            await self._functions.invoke("websocket_message", event, self._limits.integration_seconds)
        except FunctionFailed:
            told = {
                "message": "Internal server error",
                "connectionId": connection.caller.connection_id,
                "requestId": moment.request_id,
            }
            connection.post(json.dumps(told))

    async def _watch(self, connection: Connection) -> None:
        """Close a connection that has been idle, or open, for too long."""
        while (left := connection.seconds_left()) > 0:  # noqa: ASYNC110 - it waits for a time, not an event
            await asyncio.sleep(left)
        self._connections.close(connection, GOING_AWAY)

    async def _disconnected(self, caller: Caller, closing: Closing) -> None:
        event = disconnect_event(caller, Moment.present(), closing)
        with suppress(FunctionFailed):  # it has been logged, and AWS does not retry either
            await self._functions.invoke("websocket_disconnect", event)


def _caller(scope: Scope, moment: Moment) -> Caller:
    headers = dict(headers_of(scope))
    return Caller(
        connection_id=new_connection_id(),
        domain_name=headers.get("host", "localhost"),
        source_ip=source_ip(scope),
        user_agent=headers.get("user-agent"),
        connected_at=moment.milliseconds,
    )


async def _refuse(receive: Receive, send: Send, status: int) -> None:
    message = "Internal server error" if status >= 500 else "Forbidden"  # noqa: PLR2004 - the class of failure
    headers = [(b"content-type", b"application/json")]
    with suppress(OSError):  # the client has left
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        body = json.dumps({"message": message}).encode()
        await send({"type": "websocket.http.response.body", "body": body})
        # If this returned before the connection has ended, uvicorn would log an error. It reports the end of
        # the handshake and the end of the connection.
        await receive()
        await receive()
