"""Lambda's poller of a stream: reads every shard in order, and hands its records to a function.

It reads the shards in turn, a parent before its children. Errors are logged, and the poller goes on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.polling import POLL_SECONDS, RETRY_SECONDS, Sleep
from infra.local.triggers.stream_event import Record, sequence_number
from infra.local.triggers.stream_mapping import Batch, ShardQueue
from infra.local.triggers.stream_reader import IteratorExpired, Page, RecordsTrimmed, StreamGone, TableStream

logger = logging.getLogger("gateway.stream")

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.5, 10.0
"""The time before a failed batch comes again. It doubles with each failure, up to the second value."""


@dataclass(slots=True)
class _Place:
    """Where a shard is read next: at ``iterator``, or else after the record ``last``, or else at ``kind``."""

    arn: str
    shard: str
    queue: ShardQueue
    kind: str
    iterator: str | None = None
    last: str | None = None
    ended: bool = False


class StreamPoller:
    """Feeds one function from one stream, by the settings of an event source mapping.

    ``invoke`` calls the function with records and the stream's ARN, and raises FunctionFailed. ``give_up`` is
    called with a batch after its last attempt, its stream's ARN and its shard, and again until it succeeds.
    ``idle`` waits between two looks, ``sleep`` after failures.
    """

    def __init__(  # noqa: PLR0913 - two are about time
        self,
        reader: TableStream,
        settings: Mapping[str, Any],
        invoke: Callable[[Sequence[Record], str], Awaitable[Any]],
        give_up: Callable[[Batch, str, str], Awaitable[Any]],
        *,
        idle: Sleep = asyncio.sleep,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._reader = reader
        self._settings = settings
        self._invoke = invoke
        self._give_up = give_up
        self._idle = idle
        self._sleep = sleep
        self._places: list[_Place] = []
        self._known: set[tuple[str, str]] = set()
        self._discarded: list[Batch] = []

    async def position(self) -> None:
        """Start behind all records that the stream has now. Raises what the reader raises."""
        await self._discover("LATEST")
        for place in self._places:
            place.iterator = await self._reader.iterator(place.arn, place.shard, "LATEST")

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                await self._look()
                await self._idle(POLL_SECONDS)
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                logger.warning("the stream can't be read: %r", error)
                await self._sleep(RETRY_SECONDS)

    async def _look(self) -> None:
        """Deliver a page of each shard."""
        if not self._places or any(place.ended for place in self._places):
            await self._discover("TRIM_HORIZON")
        for place in self._places:
            page = await self._read(place)
            place.queue.add(page.records)
            place.iterator, place.ended = page.next_iterator, page.next_iterator is None
            if page.records:
                place.last = sequence_number(page.records[-1])
            await self._deliver(place)

    async def _discover(self, kind: str) -> None:
        """Drop the shards that have ended. Add each new shard, unless its parent is still being read."""
        arn = await self._reader.arn()
        shards = await self._reader.shards(arn)
        self._places = [place for place in self._places if not place.ended]
        read = {place.shard for place in self._places}
        for shard in shards:
            if (arn, shard.id) not in self._known and shard.parent not in read:
                self._known.add((arn, shard.id))
                if kind == "TRIM_HORIZON" or not shard.closed:
                    read.add(shard.id)
                    queue = ShardQueue(self._settings, self._discarded.append)
                    self._places.append(_Place(arn, shard.id, queue, kind))

    async def _read(self, place: _Place) -> Page:
        try:
            if place.iterator is None:
                kind = "AFTER_SEQUENCE_NUMBER" if place.last else place.kind
                place.iterator = await self._reader.iterator(place.arn, place.shard, kind, place.last)
            return await self._reader.page(place.iterator)
        except StreamGone:
            logger.warning("the stream or its shard is gone", extra={"shard": place.shard})
            return Page((), None)
        except IteratorExpired:
            place.iterator = None
        except RecordsTrimmed:
            logger.warning("records were trimmed before they were read", extra={"shard": place.shard})
            place.iterator, place.last, place.kind = None, None, "TRIM_HORIZON"
        return await self._read(place)

    async def _deliver(self, place: _Place) -> None:
        """Hand over all records in a shard's queue, until each is done or has failed for the last time."""
        while True:
            while self._discarded:
                await self._give_up(self._discarded[0], place.arn, place.shard)
                del self._discarded[0]
            batch = place.queue.next_batch()
            if batch is None:
                return
            try:
                again = place.queue.answered(batch, await self._invoke(batch.records, place.arn))
            except FunctionFailed:  # it has been logged
                again = place.queue.failed(batch)
            except Exception:
                logger.exception("a batch could not be handed over")
                again = place.queue.failed(batch)
            if again:
                logger.warning("a batch has to come again", extra={"failures": batch.failures + 1})
                await self._sleep(min(FIRST_RETRY_SECONDS * 2.0**batch.failures, LAST_RETRY_SECONDS))
