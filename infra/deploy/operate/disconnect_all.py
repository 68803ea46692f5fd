"""Closes every connection, so that clients come back and ask for what they have missed. For operators."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from chalicelib.connections.connection import Recipient
from chalicelib.connections.ports import ConnectionStore, Push
from chalicelib.delivery.ports import Audiences
from chalicelib.gather import gather
from chalicelib.nights.events import SESSIONS_STREAM

CONCURRENCY = 32


@dataclass(slots=True)
class Closed:
    """How many connections were closed, and how many could not be."""

    closed: int = 0
    failed: int = 0


async def pages_of(audiences: Audiences, stream: str, shards: int) -> AsyncIterator[Sequence[Recipient]]:
    """Yield a stream's whole audience, page by page. Raises Unavailable."""
    for shard in range(shards):
        after: str | None = None
        while True:
            page = await audiences.page(stream, shard, after)
            yield page.recipients
            if page.next_after is None:
                break
            after = page.next_after


@dataclass(frozen=True, slots=True)
class DisconnectAll:
    """Closes the connections of everyone who has authenticated; nobody else can hear anything."""

    audiences: Audiences
    connections: ConnectionStore
    push: Push
    shards: int

    async def run(self) -> Closed:
        """Close every connection and remove it. Raises Unavailable."""
        outcome = Closed()
        async for page in pages_of(self.audiences, SESSIONS_STREAM, self.shards):
            for start in range(0, len(page), CONCURRENCY):
                await self._close(page[start : start + CONCURRENCY], outcome)
        return outcome

    async def _close(self, recipients: Sequence[Recipient], outcome: Closed) -> None:
        closed = await gather(self.push.disconnect(one) for one in recipients)
        gone = [one.connection_id for one, done in zip(recipients, closed, strict=True) if done]
        # $disconnect removes them as well, but only as a rule.
        await gather(asyncio.to_thread(self.connections.remove, one) for one in gone)
        outcome.closed += len(gone)
        outcome.failed += len(recipients) - len(gone)
