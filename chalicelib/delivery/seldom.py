"""What a delivery needs only where somebody is gone, lags or was not reached.

A cold start does not wait for it: see docs/decisions/0051-audience-without-sdk.md.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, FailedPost, audience_of
from chalicelib.connections.ports import ConnectionStore
from chalicelib.delivery.laggards import Laggards
from chalicelib.delivery.ports import LagStore
from chalicelib.nights.events import Event

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seldom:
    """The stores that write to audiences, and who keeps account of those that lag."""

    connections: ConnectionStore
    lags: LagStore
    laggards: Laggards

    async def settle(self, event: Event, report: DeliveryReport) -> None:
        """Forget who is gone, and have those caught up with who were not reached. Raises Unavailable.

        Whoever was passed over for an old token, and has renewed it since the audience was read, was not
        reached either.
        """
        await self._forget(report.gone)
        await self.laggards.add(event, [*report.owed, *await self._renewed(event, report.lapsed)])

    async def _forget(self, gone: Iterable[Recipient]) -> None:
        """Remove every trace of those that are gone; what can't be removed now is found gone again."""
        removals = (asyncio.to_thread(self.connections.remove, recipient.connection_id) for recipient in gone)
        for outcome in await asyncio.gather(*removals, return_exceptions=True):
            if isinstance(outcome, BaseException):
                logger.warning("a connection that is gone could not be removed yet", exc_info=outcome)

    async def _renewed(self, event: Event, lapsed: Sequence[Recipient]) -> list[FailedPost]:
        audience = audience_of(event)
        rows = await asyncio.gather(
            *(asyncio.to_thread(self.lags.recipient, audience, one.connection_id) for one in lapsed)
        )
        return [FailedPost(row, None, "the token was renewed meanwhile") for row in rows if row is not None]


OnDemand = Callable[[], Seldom]


async def settle(seldom: OnDemand, event: Event, report: DeliveryReport) -> None:
    """See ``Seldom.settle``; it is not asked for where there is nothing to do."""
    if report.gone or report.owed or report.lapsed:
        await (await asyncio.to_thread(seldom)).settle(event, report)
