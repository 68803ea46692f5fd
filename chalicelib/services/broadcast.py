"""Delivery: an event from the log goes to everyone who should have it.

The log's stream is the only thing that calls this. A small audience is posted to here; a large one becomes a
job for each of its shards. Leaves which is which to ``routing``, jobs to ``jobs`` and posting to ``push``.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from chalicelib.domain.connections import Recipient
from chalicelib.domain.delivery import message_of
from chalicelib.domain.errors import GameNightError
from chalicelib.domain.events import Event, EventType, LoggedEvent
from chalicelib.metrics import METRICS_LOGGER
from chalicelib.services import trail
from chalicelib.services.ports import Push
from chalicelib.services.routing import Queued, Queueing, Router
from chalicelib.services.seldom import OnDemand, settle
from chalicelib.services.trail import DeliveryLog

DELIVERY_LOG = DeliveryLog()

logger = logging.getLogger(__name__)
metrics_log = logging.getLogger(METRICS_LOGGER)


class Broadcast:
    """Delivers what was logged."""

    def __init__(
        self,
        router: Router,
        queueing: Queueing,
        push: Push,
        seldom: OnDemand,
        log: DeliveryLog = DELIVERY_LOG,
    ) -> None:
        self._router = router
        self._queueing = queueing
        self._push = push
        self._seldom = seldom
        self._log = log

    async def deliver(self, records: Sequence[LoggedEvent], *, within: float) -> list[str]:
        """Deliver each record's event and return the sequence numbers of those that have to come again.

        Events of one stream go in order: a session's, and the starts of all sessions. Different nights go
        at the same time, since a slow one must not hold up another. After a failure the rest of that
        stream is left for the retry, or it would overtake. ``within`` is in seconds.
        """
        nights: dict[int, list[LoggedEvent]] = {}
        for record in records:
            nights.setdefault(record.event.session_id, []).append(record)
        starts = _Starts()
        unfinished = await asyncio.gather(
            *(self._deliver_in_order(night, starts, within) for night in nights.values())
        )
        # A record may hold several events.
        again = list(dict.fromkeys(number for numbers in unfinished for number in numbers))
        if again:
            metrics_log.info(
                "records have to come again", extra={"unfinished": len(again), "metrics": ["unfinished"]}
            )
        return again

    async def _deliver_in_order(
        self, night: Sequence[LoggedEvent], starts: "_Starts", within: float
    ) -> list[str]:
        at_once = True
        for position, record in enumerate(night):
            trail.received(record)
            try:
                if record.event.type is EventType.SESSION_STARTED:
                    async with starts.turn():
                        at_once = await self._deliver(record.event, within, patient=at_once)
                else:
                    # Jobs are waited for once, or a batch would wait for them event by event.
                    at_once = await self._deliver(record.event, within, patient=at_once)
            except GameNightError as error:
                logger.warning(
                    "delivery has to be tried again",
                    extra={"session_id": record.event.session_id, "code": error.code, "detail": error.detail},
                )
                return [left.sequence_number for left in night[position:]]
        return []

    async def _deliver(self, event: Event, within: float, *, patient: bool) -> bool:
        """Say whether an event was posted at once; else jobs will do it."""
        small = await self._router.small(event, patient=patient)
        if isinstance(small, Queued):
            trail.queued(event, await self._queueing.queue(event, small))
            return False
        witness = self._log.begin(event, len(small))
        report = await self._push.broadcast(
            message_of(event), self._ready(event, small), within=within, settled=witness.settled()
        )
        witness.broadcasted(report)
        await settle(self._seldom, event, report)
        return True

    async def _ready(
        self, event: Event, recipients: Sequence[Recipient]
    ) -> AsyncIterator[Sequence[Recipient]]:
        """Yield those who lag behind nothing, then those who have caught up in between."""
        lagging = [recipient for recipient in recipients if recipient.lag is not None]
        if not lagging:
            yield recipients
            return
        yield [recipient for recipient in recipients if recipient.lag is None]
        seldom = await asyncio.to_thread(self._seldom)
        yield await seldom.laggards.wait(event, lagging)


class _Starts:
    """The starts within one batch: one after the other, in the order in which turns are asked for."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()  # first come, first served
        self._failure: GameNightError | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for all earlier starts. Raises what one of them failed with: nothing overtakes it."""
        async with self._lock:
            if self._failure is not None:
                raise self._failure
            try:
                yield
            except GameNightError as error:
                self._failure = error
                raise
