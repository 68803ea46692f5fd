"""Checks addresses before anything is sent to them."""

import re
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from gamenight.errors import WrongAddress

LIVE_PATH = "/api/sessions/live"
"""Where the local service's WebSocket is. On AWS it has another host, which ``GET /api`` names."""


def addresses(url: str, websocket_url: str | None) -> tuple[str, str | None]:
    """Return the address without ``/api``, and the WebSocket's; None if only ``GET /api`` knows it.

    Raises WrongAddress.
    """
    if not isinstance(url, str):
        raise WrongAddress(f"{url!r} is no address. Pass one such as http://localhost:5000.")
    websocket_url = websocket_url.strip() if websocket_url is not None else None
    if websocket_url is not None and not is_websocket(websocket_url):
        raise WrongAddress(
            f"{websocket_url!r} is not a WebSocket's address, which begins with ws:// or wss://."
        )
    url = url.strip().rstrip("/")
    if is_websocket(url):
        if not url.endswith(LIVE_PATH):
            raise WrongAddress(
                f"{url} does not show where /api is. Pass the http... or https... address of /api as url, "
                "and this one as websocket_url."
            )
        rest = url.removesuffix(LIVE_PATH).replace("ws", "http", 1)
        return rest, websocket_url or url
    parts = urlsplit(url) if is_address(url, "http", "https") else None
    if not parts or parts.query or parts.fragment or "@" in parts.netloc:
        raise WrongAddress(f"{url!r} is no address. Pass one such as http://localhost:5000.")
    return url.removesuffix("/api"), websocket_url


def is_websocket(url: str) -> bool:
    """Return whether an address is a WebSocket's."""
    return is_address(url, "ws", "wss")


def is_loopback(url: str) -> bool:
    """Return whether an address is this machine's own, which no proxy can reach."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def is_address(url: str, *schemes: str) -> bool:
    """Return whether an address is valid: it has one of the schemes, a host, and a possible port."""
    if re.search(r"[\x00-\x20\x7f]", url):
        return False
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:  # an invalid port, or a host with a part that is too long
        return False
    return parts.scheme in schemes and bool(host) and port != 0
