"""What the tests of the @connections client broadcast, to whom, and how they read what became of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, Message
from chalicelib.connections.ports import Push
from chalicelib.push.client import ConnectionsClient
from chalicelib.push.retry import RetryPolicy
from tests.integration.push.hostile_server import KEYS, REGION, HostileServer

HELLO = Message(b'{"type":"hello"}')
QUICK = RetryPolicy(attempts=4, base_seconds=0.01, cap_seconds=0.02)


def to(*connection_ids: str, stage: str = "prod") -> list[Recipient]:
    return [Recipient(connection_id, "abc", stage) for connection_id in connection_ids]


def crowd(count: int) -> list[Recipient]:
    return to(*(f"crowd{number:05}=" for number in range(count)))


async def paged(*pages: Sequence[Recipient]) -> AsyncIterator[Sequence[Recipient]]:
    for page in pages:
        yield page


@asynccontextmanager
async def client_of(server: HostileServer, **options: Any) -> AsyncIterator[Push]:
    """A client that trusts the server's certificate, unless it is told otherwise."""
    options = {"retry": QUICK, "post_timeout": 5.0, "ssl_context": server.trusting, **options}
    client = ConnectionsClient(server.endpoint, REGION, lambda: KEYS, **options)
    try:
        yield client
    finally:
        await client.close()


def outcome(report: DeliveryReport) -> dict[str, str]:
    ends = [(recipient.connection_id, "gone") for recipient in report.gone]
    ends += [(post.recipient.connection_id, f"refused {post.status}") for post in report.refused]
    ends += [(post.recipient.connection_id, f"failed {post.status}") for post in report.failed]
    assert len(dict(ends)) == len(ends), "a recipient ended twice"
    return dict(ends)
