"""Serves REST and WebSocket with uvicorn, on one port of IPv4 and IPv6.

Some clients resolve ``localhost`` to ::1 and others to 127.0.0.1, so both are served.
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
"""The addresses to bind for a host, on IPv4 and IPv6: this machine only, or all its networks."""


class PortInUse(Exception):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        other = f"`make run PORT={port + 1}`, or --port {port + 1}"
        message = f"Port {port} is in use. Stop the program that uses it, or use another port: {other}."
        if sys.platform == "darwin" and port == 5000:  # noqa: PLR2004 - the port of Apple's AirPlay
            message += (
                "\nOn macOS that is probably AirPlay Receiver: System Settings, General, AirDrop & Handoff."
            )
        super().__init__(message)


def server(rest: RestApi, websocket: WebSocketApi, limits: Limits) -> uvicorn.Server:
    """Return the server of both APIs. A signal stops it, and so does ``should_exit``."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await websocket(scope, receive, send)
            return
        try:
            await rest(scope, receive, send)
        except ConnectionError:
            return  # the client has left

    # Uvicorn passes this on to websockets, which takes a pair: the limits of a message and of a frame.
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
    """Return sockets that listen on a port, on IPv4 and, if this machine has it, on IPv6.

    ``host`` is one of ``ADDRESSES``. Port 0 means a free port. Clients can connect from now on, and wait
    until the server runs. Raises PortInUse.
    """
    address, address6 = ADDRESSES[host]
    first = _listening(socket.AF_INET, address, port)
    try:
        return [first, _listening(socket.AF_INET6, address6, first.getsockname()[1])]
    except PortInUse:
        first.close()
        if port:
            raise
        return bound(0, host)  # try another free port
    except OSError:
        return [first]  # this machine has no IPv6


def network_address() -> str | None:
    """Return this machine's address in its network, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; the system only picks the local address
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
