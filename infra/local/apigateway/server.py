"""The sockets: uvicorn with websockets' sans-I/O protocol, on both loopback addresses of one port.

``localhost`` is ::1 to some clients and 127.0.0.1 to others, so both are served.
"""

import asyncio
import errno
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import uvicorn
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

from infra.local.apigateway.asgi import Receive, Scope, Send
from infra.local.apigateway.gateway import Gateway
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.posts import PostingProtocol
from infra.local.apigateway.websocket_api import WAY_OUT

KEEP_ALIVE_SECONDS = 60
STOP_SECONDS = 1
BACKLOG = 4096
FREE_PORT_ATTEMPTS = 20


class PortInUse(Exception):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        message = (
            f"Port {port} is in use. Stop the program that uses it, or take another: make run PORT={port + 1}"
        )
        if sys.platform == "darwin" and port == 5000:  # noqa: PLR2004 - the port of Apple's AirPlay
            message += (
                "\nOn macOS it is most likely AirPlay Receiver: System Settings, General, AirDrop & Handoff."
            )
        super().__init__(message)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, and the application's ``WayOut``: a broadcast has no time for ASGI's."""

    def handle_connect(self, event: Request) -> None:
        """Begin a connection; the application runs only after this has returned."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), WAY_OUT: self}  # type: ignore[dict-item] # an extension of our own

    def send_text(self, text: bytes) -> None:
        """Send a text frame at once. Raises ConnectionError where the connection is closing."""
        if self.disconnected or self.close_sent:
            raise ConnectionError("the connection is closing")
        try:
            self.conn.send_text(text)
        except InvalidState as closing:
            raise ConnectionError("the connection is closing") from closing
        self.transport.write(b"".join(self.conn.data_to_send()))

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message; a refusal completes the handshake too, which uvicorn would log as an error."""
        await super().send(message)
        self.handshake_complete |= message["type"] == "websocket.http.response.body"


class Server(uvicorn.Server):
    """Uvicorn, told by us when to stop. ``up`` is set once requests are served."""

    def __init__(self, gateway: Gateway, limits: Limits) -> None:
        posts = partial(PostingProtocol, gateway.management, limits.message_bytes)

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await gateway(scope, receive, send)

        # Uvicorn hands this to websockets as it is, which takes a pair: of a message and of a frame.
        sizes: Any = (limits.message_bytes, limits.frame_bytes)
        super().__init__(
            uvicorn.Config(
                application,
                http=posts,  # type: ignore[arg-type] # what makes a protocol is as good as its class
                ws=WebSocketProtocol,
                ws_max_size=sizes,
                # API Gateway neither pings nor compresses.
                ws_ping_interval=None,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self.up = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop serving: ``serve`` returns once the connections are closed, after STOP_SECONDS at most."""
        self._stopping.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone; whoever runs the server stops it."""
        yield

    async def main_loop(self) -> None:
        """Keep the Date header right until it is stopped, at once where uvicorn's own loop looks again."""
        while not self._stopping.is_set():
            await self.on_tick(0)
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stopping.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self.up.set()


def bound(port: int) -> list[socket.socket]:
    """Return sockets on a port of 127.0.0.1 and, where there is IPv6, of ::1; port 0 is a free one.

    They listen only once the server runs. Raises PortInUse.
    """
    for _ in range(FREE_PORT_ATTEMPTS):
        first = _bind(socket.AF_INET, "127.0.0.1", port)
        chosen: int = first.getsockname()[1]
        try:
            return [first, *_bind_ipv6(chosen)]
        except PortInUse:
            first.close()
            if port:
                raise
    raise PortInUse(port)


def _bind_ipv6(port: int) -> Sequence[socket.socket]:
    if not socket.has_ipv6:
        return ()
    try:
        return (_bind(socket.AF_INET6, "::1", port),)
    except OSError:
        return ()  # IPv6 is compiled in and switched off


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port) from error
        raise
    return listener
