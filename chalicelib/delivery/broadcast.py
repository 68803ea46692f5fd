"""Delivery: an event from the log goes to everyone who should have it.

The log's stream is the only thing that calls this. A small audience is posted to here; a large one becomes a
job for each of its shards. Leaves which is which to ``routing``, jobs to ``jobs`` and posting to ``push``.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import message_of
from chalicelib.connections.ports import Push
from chalicelib.delivery import delivery_log
from chalicelib.delivery.delivery_log import DeliveryLog
from chalicelib.delivery.routing import Queued, Queueing, Router
from chalicelib.delivery.seldom import OnDemand, settle
from chalicelib.errors import GameNightError, Unavailable
from chalicelib.gather import together
from chalicelib.metrics import METRICS_LOGGER
from chalicelib.nights.events import Event, EventType, LoggedEvent

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
        stream is left for the retry, or it would overtake; and so is what there is no time for.
        ``within`` is in seconds.
        """
        deadline = asyncio.get_running_loop().time() + within
        nights: dict[int, list[LoggedEvent]] = {}
        for record in records:
            nights.setdefault(record.event.session_id, []).append(record)
        starts = _Starts()
        unfinished = await together(
            self._deliver_in_order(night, starts, deadline) for night in nights.values()
        )
        # A record may hold several events.
        again = list(dict.fromkeys(number for numbers in unfinished for number in numbers))
        if again:
            metrics_log.info(
                "records have to come again", extra={"unfinished": len(again), "metrics": ["unfinished"]}
            )
        return again

    async def _deliver_in_order(
        self, night: Sequence[LoggedEvent], starts: "_Starts", deadline: float
    ) -> list[str]:
        at_once = True
        pace = _Pace(night, deadline)
        for position, record in enumerate(night):
            if not pace.has_time_for(position):
                logger.info(
                    "there is no time for the rest: it comes again",
                    extra={"session_id": record.event.session_id, "events_left": len(night) - position},
                )
                return [left.sequence_number for left in night[position:]]
            delivery_log.received(record)
            try:
                if pace.is_too_late_for(position):
                    await self._queue(record.event, await self._router.queued(record.event))
                elif record.event.type is EventType.SESSION_STARTED:
                    async with starts.turn():
                        pace.require_time()
                        at_once = await self._deliver(record.event, deadline, patient=at_once)
                else:
                    # Jobs are waited for once, or a batch would wait for them event by event.
                    at_once = await self._deliver(record.event, deadline, patient=at_once)
            except GameNightError as error:
                logger.warning(
                    "delivery has to be tried again",
                    extra={"session_id": record.event.session_id, "code": error.code, "detail": error.detail},
                )
                return [left.sequence_number for left in night[position:]]
        return []

    async def _deliver(self, event: Event, deadline: float, *, patient: bool) -> bool:
        """Say whether an event was posted at once; else jobs will do it. Raises Unavailable."""
        small = await self._router.small(event, patient=patient)
        if isinstance(small, Queued):
            await self._queue(event, small)
            return False
        witness = self._log.begin(event, len(small))
        within = max(deadline - asyncio.get_running_loop().time(), 0.0)
        report = await self._push.broadcast(
            message_of(event), self._ready(event, small), within=within, settled=witness.settled()
        )
        witness.broadcasted(report)
        await settle(self._seldom, event, report)
        return True

    async def _queue(self, event: Event, queued: Queued) -> None:
        delivery_log.queued(event, await self._queueing.queue(event, queued))

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


class _Pace:
    """How fast the events of a night go, and whether there is time for another record.

    A record comes again as a whole, so none is begun that would take too long at the pace of those before it.
    What is left of one that does take too long is for jobs to do, however few it is for: it would never end.
    """

    def __init__(self, night: Sequence[LoggedEvent], deadline: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._begun = self._clock()
        self._deadline = deadline
        self._night = night
        self._events = Counter(one.sequence_number for one in night)

    def has_time_for(self, position: int) -> bool:
        """Say whether the event at a position in the night can be begun."""
        if not position or self._is_within_a_record(position):
            return True
        now = self._clock()
        needed = (now - self._begun) / position * self._events[self._night[position].sequence_number]
        return now + needed < self._deadline

    def is_too_late_for(self, position: int) -> bool:
        """Say whether time has run out in the middle of a record."""
        return self._is_within_a_record(position) and self._clock() >= self._deadline

    def require_time(self) -> None:
        """Raise Unavailable where time has run out."""
        if self._clock() >= self._deadline:
            raise Unavailable("There is no time left in this run.")

    def _is_within_a_record(self, position: int) -> bool:
        return position > 0 and (
            self._night[position].sequence_number == self._night[position - 1].sequence_number
        )


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
