"""Delivery: an event from the log goes to everyone who should have it.

The log's stream is the only thing that calls this. Leaves posting to ``push``.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from chalicelib.domain.connections import ALL_AUDIENCE, Recipient, session_audience
from chalicelib.domain.delivery import DeliveryReport, Message
from chalicelib.domain.errors import GameNightError
from chalicelib.domain.events import Event, EventType, LoggedEvent
from chalicelib.services.ports import Audiences, ConnectionStore, Push

logger = logging.getLogger(__name__)
sessions_log = logging.getLogger("Sessions")
websocket_log = logging.getLogger("WebSocket")


class Broadcast:
    """Delivers what was logged.

    ``connections`` gives the store that forgets who is gone. It is asked for when somebody is: a cold start
    does not wait for it.
    """

    def __init__(
        self, audiences: Audiences, connections: Callable[[], ConnectionStore], push: Push, shards: int
    ) -> None:
        self._audiences = audiences
        self._connections = connections
        self._push = push
        self._shards = shards

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
        return list(dict.fromkeys(number for numbers in unfinished for number in numbers))

    async def _deliver_in_order(
        self, night: Sequence[LoggedEvent], starts: "_Starts", within: float
    ) -> list[str]:
        for position, record in enumerate(night):
            try:
                if record.event.type is EventType.SESSION_STARTED:
                    async with starts.turn():
                        await self._deliver(record.event, within)
                else:
                    await self._deliver(record.event, within)
            except GameNightError as error:
                logger.warning(
                    "delivery has to be tried again",
                    extra={"session_id": record.event.session_id, "code": error.code, "detail": error.detail},
                )
                return [left.sequence_number for left in night[position:]]
        return []

    async def _deliver(self, event: Event, within: float) -> None:
        audience, message = _audience_and_message(event)
        report = await self._push.broadcast(message, self._pages(audience), within=within)
        await self._forget(report.gone)
        _log(event, report)

    async def _pages(self, audience: str) -> AsyncIterator[Sequence[Recipient]]:
        """Yield the audience page by page; the first pages of all shards are read at the same time."""
        reads = {
            asyncio.create_task(self._audiences.page(audience, shard)): shard for shard in range(self._shards)
        }
        try:
            while reads:
                done, _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
                for read in done:
                    shard = reads.pop(read)
                    page = read.result()
                    if page.next_after is not None:
                        following = self._audiences.page(audience, shard, page.next_after)
                        reads[asyncio.create_task(following)] = shard
                    if page.recipients:
                        yield page.recipients
        finally:
            for read in reads:
                read.cancel()

    async def _forget(self, gone: Sequence[Recipient]) -> None:
        if not gone:
            return
        store = await asyncio.to_thread(self._connections)
        removals = (asyncio.to_thread(store.remove, recipient.connection_id) for recipient in gone)
        for outcome in await asyncio.gather(*removals, return_exceptions=True):
            if isinstance(outcome, BaseException):
                logger.warning("a connection that is gone could not be removed yet", exc_info=outcome)


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


def _audience_and_message(event: Event) -> tuple[str, Message]:
    if event.type is EventType.SESSION_STARTED and event.sessions_cursor is not None:
        return ALL_AUDIENCE, Message(event.plain, event.with_cursor(event.sessions_cursor))
    return session_audience(event.session_id), Message(event.plain, event.with_cursor(event.cursor))


def _log(event: Event, report: DeliveryReport) -> None:
    figures = {
        "event_type": event.type,
        "session_id": event.session_id,
        "sequence": event.cursor.sequence,
        "audience": report.audience,
        "delivered": report.delivered,
        "gone": len(report.gone),
        "refused": len(report.refused),
        "failed": len(report.failed),
        "retried": report.retried,
    }
    sessions_log.info(
        "[Sessions] Broadcasted %s event for session %d", event.type, event.session_id, extra=figures
    )
    websocket_log.info(
        "[WebSocket] Broadcasted %s to %d client(s) for session %d",
        event.type,
        report.delivered,
        event.session_id,
        extra=figures,
    )
    for failure in (*report.refused, *report.failed):
        websocket_log.error(
            "an event could not be delivered to a connection",
            extra={
                "event_type": event.type,
                "session_id": event.session_id,
                "connection_id": failure.recipient.connection_id,
                "status": failure.status,
                "reason": failure.reason,
            },
        )
