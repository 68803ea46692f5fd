"""Serves REST and WebSocket with uvicorn, on one port of IPv4 and IPv6.

``localhost`` is ::1 to some clients and 127.0.0.1 to others, so both are served.
"""

import errno
import socket
import sys
from typing import Any

import uvicorn

from infra.local.apigateway.asgi import Receive, Scope, Send
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.rest_api import RestApi
from infra.local.apigateway.websocket_api import WebSocketApi

BACKLOG = 4096

ADDRESSES = {"localhost": ("127.0.0.1", "::1"), "0.0.0.0": ("0.0.0.0", "::")}  # noqa: S104 - opt-in
"""What is bound for a host, on IPv4 and IPv6: this machine alone, or every network that it is in."""


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


def server(rest: RestApi, websocket: WebSocketApi, limits: Limits) -> uvicorn.Server:
    """Return the server of both APIs; ``should_exit`` and a signal stop it."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await websocket(scope, receive, send)
            return
        try:
            await rest(scope, receive, send)
        except ConnectionError:
            return  # the client has left; nobody waits for the answer

    # Uvicorn passes this on as it is, and websockets takes a pair: the limits of a message and of a frame.
    sizes: Any = (limits.message_bytes, limits.frame_bytes)
    return uvicorn.Server(
        uvicorn.Config(
            application,
            http="httptools",
            ws="websockets-sansio",
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
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
    )


def bound(port: int, host: str = "localhost") -> list[socket.socket]:
    """Return sockets that listen on a port of a host in ``ADDRESSES``, on IPv6 where there is one.

    Port 0 is a free one. From now on a client waits until the server runs. Raises PortInUse.
    """
    address, address6 = ADDRESSES[host]
    first = _listening(socket.AF_INET, address, port)
    try:
        return [first, _listening(socket.AF_INET6, address6, first.getsockname()[1])]
    except PortInUse:
        first.close()
        if port:
            raise
        return bound(0, host)  # another free one
    except OSError:
        return [first]  # there is no IPv6, or it is switched off


def network_address() -> str | None:
    """Return this machine's address in its network, None where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: it only picks the address to send from
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address


def _listening(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port) from error
        raise
