"""Closing all connections, so that their clients come back and ask for what they have missed.

For an operator, and for no event: nothing that is deployed calls it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.connections.connection import ALL_AUDIENCE, Recipient
from chalicelib.connections.ports import ConnectionStore, Push
from chalicelib.delivery.ports import Audiences

AT_ONCE = 32


@dataclass(slots=True)
class Closed:
    """How many connections were closed, and how many could not be."""

    closed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Closes the connections of everyone who has authenticated; nobody else can hear anything."""

    audiences: Audiences
    connections: ConnectionStore
    push: Push
    shards: int

    async def to_everyone(self) -> Closed:
        """Close every connection and forget it. Raises Unavailable."""
        outcome = Closed()
        for shard in range(self.shards):
            after: str | None = None
            while True:
                page = await self.audiences.page(ALL_AUDIENCE, shard, after)
                for start in range(0, len(page.recipients), AT_ONCE):
                    await self._close(page.recipients[start : start + AT_ONCE], outcome)
                if page.next_after is None:
                    break
                after = page.next_after
        return outcome

    async def _close(self, recipients: Sequence[Recipient], outcome: Closed) -> None:
        closed = await asyncio.gather(*(self.push.disconnect(one) for one in recipients))
        gone = [one.connection_id for one, done in zip(recipients, closed, strict=True) if done]
        # $disconnect removes them as well, but only as a rule.
        await asyncio.gather(*(asyncio.to_thread(self.connections.remove, one) for one in gone))
        outcome.closed += len(gone)
        outcome.failed += len(recipients) - len(gone)
