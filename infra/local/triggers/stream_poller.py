"""Lambda's poller of a stream: reads every shard in order and hands its records to a function.

It reads one shard after the other, parents before their children. Nothing ends it: errors are logged and
tried again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.polling import POLL_SECONDS, Sleep, backoff, persistently
from infra.local.triggers.stream_event import Record, sequence_number
from infra.local.triggers.stream_mapping import Batch, ShardQueue
from infra.local.triggers.stream_reader import IteratorExpired, Page, RecordsTrimmed, StreamGone, TableStream

logger = logging.getLogger("gateway.stream")


@dataclass(slots=True)
class _Place:
    """Where a shard is read: after ``last``, else from where ``kind`` says."""

    arn: str
    shard: str
    queue: ShardQueue
    kind: str
    iterator: str | None = None
    last: str | None = None


class StreamPoller:
    """Feeds one function from one stream, by the settings of an event source mapping.

    ``invoke`` is given records and the stream's name, and raises FunctionFailed. ``give_up`` is given what
    the settings discard, why, and the names of its stream and shard; it is called until it does not raise.
    ``idle`` waits between two looks, ``sleep`` after failures.
    """

    def __init__(  # noqa: PLR0913 - two are about time
        self,
        reader: TableStream,
        settings: Mapping[str, Any],
        invoke: Callable[[Sequence[Record], str], Awaitable[Any]],
        give_up: Callable[[Batch, str, str, str], Awaitable[Any]],
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
        self._discarded: list[tuple[Batch, str]] = []

    async def position(self) -> None:
        """Take the place after everything that the stream holds now. Raises what the reader raises."""
        await self._discover("LATEST")
        for place in self._places:
            place.iterator = await asyncio.to_thread(self._reader.iterator, place.arn, place.shard, "LATEST")

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            if not await persistently(self._look, logger, "the stream can't be read", self._sleep):
                await self._idle(POLL_SECONDS)

    async def _look(self) -> bool:
        """Deliver a page of each shard, and say whether there was one with records."""
        found = ended = False
        for place in [*self._places]:
            page = await self._read(place)
            place.queue.add(page.records)
            await self._deliver(place)
            if page.records:
                found = True
                place.last = sequence_number(page.records[-1])
            place.iterator = page.next_iterator
            if place.iterator is None:
                self._places.remove(place)
                ended = True
        if ended or not self._places:  # a new shard takes the place of one that has ended
            await self._discover("TRIM_HORIZON")
        return found

    async def _discover(self, kind: str) -> None:
        """Take a place in each shard that has appeared since, unless its parent is still read."""
        arn = await asyncio.to_thread(self._reader.arn)
        for shard in await asyncio.to_thread(self._reader.shards, arn):
            read = {place.shard for place in self._places}
            if (arn, shard.id) not in self._known and shard.parent not in read:
                self._known.add((arn, shard.id))
                if kind == "TRIM_HORIZON" or not shard.closed:
                    queue = ShardQueue(self._settings, time.time, self._discard)
                    self._places.append(_Place(arn, shard.id, queue, kind))

    def _discard(self, batch: Batch, condition: str) -> None:
        self._discarded.append((batch, condition))

    async def _read(self, place: _Place) -> Page:
        try:
            if place.iterator is None:
                kind = "AFTER_SEQUENCE_NUMBER" if place.last else place.kind
                place.iterator = await asyncio.to_thread(
                    self._reader.iterator, place.arn, place.shard, kind, place.last
                )
            return await asyncio.to_thread(self._reader.page, place.iterator)
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
        """Hand over what a shard's queue holds, until all of it is done or given up."""
        while True:
            batch = place.queue.next_batch()
            while self._discarded:
                give_up = partial(self._give_up, *self._discarded[0], place.arn, place.shard)
                await persistently(give_up, logger, "what was given up can't be reported", self._sleep)
                del self._discarded[0]
            if batch is None:
                return
            try:
                again = place.queue.answered(batch, await self._invoke(batch.records, place.arn))
            except FunctionFailed:  # which has been logged
                again = place.queue.failed(batch)
            except Exception:
                logger.exception("a batch could not be handed over")
                again = place.queue.failed(batch)
            if again:
                logger.warning("a batch has to come again", extra={"failures": batch.failures + 1})
                await self._sleep(backoff(batch.failures))
