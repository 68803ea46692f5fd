"""Connections that a post did not reach: noted, and passed over until a job of their own has caught up.

So their events come in order and nobody else waits for them; only connections that lag cost anything. Leaves
the replay to ``catch_up``.
"""

import asyncio
from collections.abc import Sequence

from chalicelib.connections.connection import Recipient, session_audience
from chalicelib.connections.messages import FailedPost, audience_of, place_of
from chalicelib.delivery.delivery_log import fell_behind
from chalicelib.delivery.jobs import catch_up_job
from chalicelib.delivery.ports import JobQueue, LagStore
from chalicelib.nights.events import Event, EventType

AT_ONCE = 100
"""Connections whose rows are written at the same time."""


class Laggards:
    """Those who lag, as live delivery sees them. Both methods raise Unavailable."""

    def __init__(self, lags: LagStore, jobs: JobQueue) -> None:
        self._lags = lags
        self._jobs = jobs

    async def add(self, event: Event, failed: Sequence[FailedPost]) -> None:
        """Have those whom an event did not reach caught up with by jobs.

        Noted first and sent after that: should this end in between, the event comes again, and ``wait``
        sees that they lag because of it.
        """
        behind = [failure.recipient.connection_id for failure in failed]
        for start in range(0, len(behind), AT_ONCE):
            some = behind[start : start + AT_ONCE]
            await asyncio.gather(*(asyncio.to_thread(self._fall_behind, event, one) for one in some))
            await self._jobs.send([catch_up_job(event, one) for one in some])
        fell_behind(event, failed)

    async def wait(self, event: Event, recipients: Sequence[Recipient]) -> Sequence[Recipient]:
        """Have lagging recipients get an event from their jobs; return those who have caught up meanwhile."""
        waiting = await asyncio.gather(*(self._waits(event, recipient) for recipient in recipients))
        return [recipient for recipient, waits in zip(recipients, waiting, strict=True) if not waits]

    async def _waits(self, event: Event, recipient: Recipient) -> bool:
        audience, place, connection_id = audience_of(event), place_of(event), recipient.connection_id
        if recipient.lag is None or not await asyncio.to_thread(
            self._lags.skip, audience, connection_id, place
        ):
            return False
        await asyncio.to_thread(self._follow_later, event, connection_id)
        if recipient.lag.parked or recipient.lag.first >= place:
            # Its job has given up, or was perhaps never sent by whoever noted the lag.
            await self._jobs.send([catch_up_job(event, connection_id)])
        return True

    def _fall_behind(self, event: Event, connection_id: str) -> None:
        self._follow_later(event, connection_id)
        self._lags.fall_behind(audience_of(event), connection_id, place_of(event))

    def _follow_later(self, event: Event, connection_id: str) -> None:
        """Have whoever misses a start, and is subscribed already, get what follows it by a job as well.

        That job waits for the start's. Nobody else is asked: a row that is not there stays so.
        """
        if event.type is EventType.SESSION_STARTED:
            following = event.cursor.sequence + 1
            self._lags.fall_behind(session_audience(event.session_id), connection_id, following)
