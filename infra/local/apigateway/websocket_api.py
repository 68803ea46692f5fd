"""API Gateway's WebSocket API: a client's connection, its frames and its end become events.

Frames of one connection are handled one after the other. Leaves who is connected to ``connections``, and
the protocol itself to the server.
"""

import asyncio
import json
import logging
from typing import Any, Protocol

from infra.local.apigateway.asgi import Receive, Scope, Send
from infra.local.apigateway.connections import GOING_AWAY, Connections, OpenConnection
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
WAY_OUT = "gateway.way_out"
"""The ASGI extension under which ``server`` passes a connection's ``WayOut``."""

NO_BINARY = Closing(1003, "Binary frames are not supported")
ABNORMAL = Closing(1006, "Connection Closed Abnormally")

logger = logging.getLogger("gateway.websocket")


class WayOut(Protocol):
    """What ASGI does not have: to send without waiting, and to see what a client has not read yet."""

    transport: asyncio.WriteTransport

    def send_text(self, text: bytes) -> None:
        """Send a text frame. Raises ConnectionError where the connection is closing."""
        ...


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
            logger.warning("a WebSocket was asked for at %.200r; it is at %s", scope["path"], PATH)
            await _refuse(send, 403, "Forbidden")
            return
        moment = Moment.present()
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        caller = _caller(scope, moment, dict(headers))
        event = connect_event(caller, moment, headers, scope["query_string"].decode("latin-1"))
        try:
            answer = await self._functions.invoke(
                "websocket_connect", event, self._limits.integration_seconds
            )
            status = int(answer["statusCode"])
        except (FunctionFailed, TypeError, KeyError, ValueError):
            status = 502
        if not 200 <= status < 300:  # noqa: PLR2004 - the class of success
            await _refuse(send, status, "Internal server error" if status >= 500 else "Forbidden")  # noqa: PLR2004
            return
        closing = await self._serve(caller, scope, receive, send)
        # Not in the server's task: a stop of the gateway waits for those, and $disconnect is best effort.
        ending = asyncio.create_task(self._disconnected(caller, closing))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def close(self) -> None:
        """Give up what is still to be told about connections that have ended."""
        for ending in self._ending:
            ending.cancel()

    async def _serve(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> Closing:
        try:
            outlet = _Outlet(send, scope["extensions"][WAY_OUT], self._limits.outgoing_bytes)
            await send({"type": "websocket.accept"})
        except (OSError, RuntimeError):  # the second is uvloop's, of a transport that is closed
            return ABNORMAL  # the client left during $connect
        # Only from here on, as on AWS: a post during $connect is answered 410.
        connection = self._connections.open(caller, outlet)
        watch = asyncio.create_task(self._watch(connection))
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return _closing(message)
                text = message.get("text")
                if text is None:
                    await self._connections.close(connection, NO_BINARY)
                    continue
                self._connections.touch(connection)
                await self._handle(connection, text)
        finally:
            watch.cancel()
            self._connections.closed(connection)

    async def _handle(self, connection: OpenConnection, text: str) -> None:
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
            try:
                connection.outlet.send(json.dumps(told).encode())
            except OSError:
                return  # the client has left; the next message that is received says so

    async def _watch(self, connection: OpenConnection) -> None:
        """Close a connection that has been idle, or open, for too long."""
        while (left := self._connections.seconds_left(connection)) > 0:  # noqa: ASYNC110 - it waits for the time
            await asyncio.sleep(left)
        logger.info(
            "a connection was idle or open for too long",
            extra={"connection_id": connection.caller.connection_id},
        )
        await self._connections.close(connection, GOING_AWAY)

    async def _disconnected(self, caller: Caller, closing: Closing) -> None:
        try:
            await self._functions.invoke(
                "websocket_disconnect", disconnect_event(caller, Moment.present(), closing)
            )
        except FunctionFailed:
            return  # logged; AWS does not try again either


class _Outlet:
    """``connections.Outlet``, with the transport's own count of what has not left yet."""

    def __init__(self, send: Send, way_out: WayOut, most: int) -> None:
        self.send = way_out.send_text
        self._send = send
        self._transport = way_out.transport
        self._most = most
        # The server waits above the upper mark until the lower one is reached. With both where posts are
        # refused, a close frame waits for nothing that was accepted.
        self._transport.set_write_buffer_limits(high=most, low=most)

    def waiting_bytes(self) -> int:
        return self._transport.get_write_buffer_size()

    async def close(self, closing: Closing) -> None:
        if self.waiting_bytes() > self._most:
            self._transport.abort()  # a client that reads nothing would not read the close frame either
            return
        try:
            await self._send({"type": "websocket.close", "code": closing.code, "reason": closing.reason})
        except (OSError, RuntimeError):
            return  # it was closed from the other side


def _caller(scope: Scope, moment: Moment, headers: dict[str, str]) -> Caller:
    client = scope.get("client") or ("127.0.0.1", 0)
    return Caller(
        connection_id=new_connection_id(),
        domain_name=headers.get("host", "localhost"),
        source_ip=client[0],
        user_agent=headers.get("user-agent"),
        connected_at=moment.milliseconds,
    )


def _closing(message: Any) -> Closing:
    # The server gives a reason, if an empty one, where it has seen a close frame.
    if message.get("reason") is None:
        return ABNORMAL
    return Closing(message.get("code", 1005), message["reason"] or "Client-side close frame status not set")


async def _refuse(send: Send, status: int, message: str) -> None:
    body = json.dumps({"message": message}).encode()
    headers = [(b"content-type", b"application/json")]
    try:
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})
    except OSError:
        return  # the client did not wait for it
