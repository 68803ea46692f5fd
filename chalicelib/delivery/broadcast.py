"""Delivers the stream's events: posts to small audiences itself, and sends jobs for large ones."""

import asyncio
import logging
from collections.abc import Sequence

from msgspec.structs import replace

from chalicelib.connections.connection import Recipient
from chalicelib.delivery import delivery_log
from chalicelib.delivery.deliver import Deliver
from chalicelib.delivery.delivery_log import DeliveryLog
from chalicelib.delivery.fan_out import FanOut
from chalicelib.delivery.jobs import Progress
from chalicelib.delivery.ports import Audiences, ProgressStore
from chalicelib.errors import GameNightError
from chalicelib.gather import gather
from chalicelib.metrics import METRICS_LOGGER
from chalicelib.nights.events import Event, LoggedEvent

MARGIN_SECONDS = 5.0
"""With less time left, no further event is begun: posting one takes a second or two, with retries."""

logger = logging.getLogger(__name__)
metrics_log = logging.getLogger(METRICS_LOGGER)


class Broadcast:
    """Delivers logged events. ``inline`` is the largest audience that it posts to itself."""

    def __init__(  # noqa: PLR0913 - it ties that much together
        self,
        audiences: Audiences,
        store: ProgressStore,
        deliver: Deliver,
        fan_out: FanOut,
        log: DeliveryLog,
        *,
        shards: int,
        inline: int,
    ) -> None:
        self._audiences = audiences
        self._store = store
        self._deliver = deliver
        self._fan_out = fan_out
        self._log = log
        self._shards = shards
        self._inline = inline

    async def run(self, records: Sequence[LoggedEvent], *, within: float) -> list[str]:
        """Deliver each record's event and return the sequence numbers of those to retry.

        Events of one stream go in order. Streams are concurrent: a slow one must not delay another.
        ``within`` is in seconds.
        """
        deadline = asyncio.get_running_loop().time() + within
        streams: dict[str, list[LoggedEvent]] = {}
        for record in records:
            streams.setdefault(record.event.stream, []).append(record)
        left = await gather(self._stream(stream, found, deadline) for stream, found in streams.items())
        again = list(dict.fromkeys(record.sequence_number for records in left for record in records))
        if again:
            metrics_log.info(
                "records have to come again", extra={"unfinished": len(again), "metrics": ["unfinished"]}
            )
        return again

    async def _stream(
        self, stream: str, records: Sequence[LoggedEvent], deadline: float
    ) -> Sequence[LoggedEvent]:
        """Deliver the events of one stream in order; return the records to retry."""
        handled = 0
        try:
            before = progress = await self._store.progress(stream)
            try:
                for record in records:
                    if handled and deadline - asyncio.get_running_loop().time() < MARGIN_SECONDS:
                        break
                    progress = await self._event(record, progress, deadline)
                    handled += 1
            except GameNightError as error:
                _log_retry(stream, error)
            if progress.handled and progress.handled != before.handled:
                await self._store.save_handled(stream, progress.handled)
        except GameNightError as error:
            _log_retry(stream, error)
            return records
        return records[handled:]

    async def _event(self, record: LoggedEvent, progress: Progress, deadline: float) -> Progress:
        """Deliver an event and return the new progress of its stream. Raises Unavailable."""
        event = record.event
        delivery_log.received(record)
        if progress.has_handled(event):
            return progress
        recipients = None if progress.pending else await self._small_audience(event)
        if recipients is None:
            jobs, pending = await self._fan_out.publish(event, progress)
            delivery_log.fanned_out(event, jobs)
            return Progress(event.cursor, pending)
        delivery = self._log.begin(event, len(recipients))
        outcome = await self._deliver.to(recipients, event, progress.first_missing(event), deadline)
        delivery.broadcasted(outcome)
        return replace(progress, handled=event.cursor)

    async def _small_audience(self, event: Event) -> list[Recipient] | None:
        """Return the event's whole audience; None if it is too large."""
        # Reading one row more than the limit shows whether the audience is larger.
        pages = await gather(
            self._audiences.page(event.stream, shard, limit=self._inline + 1) for shard in range(self._shards)
        )
        recipients = [recipient for page in pages for recipient in page.recipients]
        small = len(recipients) <= self._inline and all(page.next_after is None for page in pages)
        return recipients if small else None


def _log_retry(stream: str, error: GameNightError) -> None:
    extra = {"stream": stream, "code": error.code, "detail": error.detail}
    logger.warning("delivery has to be tried again", extra=extra)
