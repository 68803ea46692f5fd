"""What the tests of posting send, to whom, and over which client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chalicelib.aws.connections_api import ConnectionsApi
from chalicelib.aws.http import HttpClient
from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import Message
from chalicelib.retry import RetryPolicy
from chalicelib.settings import Keys
from tests.integration.aws.hostile_server import KEYS, REGION, HostileServer

HELLO = Message(b'{"type":"hello"}')
TWICE, FOUR_TIMES = (RetryPolicy(attempts, base_seconds=0, cap_seconds=0) for attempts in (2, 4))
TIMEOUT = 20.0
"""Seconds that an answer may take. Where a test needs them to pass, it moves the clock."""


def keys() -> Keys:
    return Keys(KEYS.access_key, KEYS.secret_key, KEYS.token)


def to(*connection_ids: str, stage: str = "prod") -> list[Recipient]:
    return [Recipient(connection_id, "abc", stage) for connection_id in connection_ids]


def crowd(count: int) -> list[Recipient]:
    return to(*(f"crowd{number:05}=" for number in range(count)))


def http_client(server: HostileServer, **options: Any) -> HttpClient:
    """A client that trusts the server's certificate."""
    trusting = server.trusting
    if trusting is not None:
        options["tls"] = lambda: trusting
    return HttpClient(TIMEOUT, **options)


@asynccontextmanager
async def api_of(
    server: HostileServer, endpoint: str | None = None, **options: Any
) -> AsyncIterator[ConnectionsApi]:
    options = {"retry": FOUR_TIMES, **options}
    api = ConnectionsApi(http_client(server), endpoint or server.endpoint, REGION, keys, **options)
    try:
        yield api
    finally:
        await api.close()
