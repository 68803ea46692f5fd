"""Lambda's poller of a stream: reads every shard in order and hands records to a function.

It looks every fifth of a second, and at once after a nudge; a nudge changes when it looks, never what it
delivers. Nothing ends it: what goes wrong is logged and tried again. Leaves retry rules to
``stream_mapping`` and the SDK to ``stream_reader``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.pace import Nudges, Pace, persistently, set_within
from infra.local.triggers.stream_event import Record, sequence_number
from infra.local.triggers.stream_mapping import ShardQueue
from infra.local.triggers.stream_reader import (
    IteratorExpired,
    Page,
    RecordsTrimmed,
    Shard,
    StreamGone,
    StreamReader,
    StreamUnavailable,
)

logger = logging.getLogger("gateway.stream")
T = TypeVar("T")


@dataclass(slots=True)
class _Place:
    """Where a shard is read: after ``last``, else from where ``kind`` says."""

    arn: str
    shard: str
    kind: str
    iterator: str | None = None
    last: str | None = None


class StreamPoller:
    """Feeds one function from one stream.

    ``invoke`` is given records and the stream's name, and raises FunctionFailed. ``queue`` makes the queue of
    one shard, given the stream's name and the shard's.
    """

    def __init__(
        self,
        reader: StreamReader,
        invoke: Callable[[Sequence[Record], str], Awaitable[Any]],
        queue: Callable[[str, str], ShardQueue],
        pace: Pace | None = None,
    ) -> None:
        self._reader = reader
        self._invoke = invoke
        self._queue = queue
        self._pace = pace or Pace()
        self._places: list[_Place] = []
        self._known: set[tuple[str, str]] = set()
        self._nudges = Nudges()

    def nudge(self) -> None:
        """Say that there may be something new."""
        self._nudges.nudge()

    async def position(self) -> None:
        """Take the place behind everything that the stream holds now. Raises what the reader raises."""
        arn = await asyncio.to_thread(self._reader.arn)
        for shard in await asyncio.to_thread(self._reader.shards, arn):
            self._known.add((arn, shard.id))
            if not shard.closed:
                place = _Place(arn, shard.id, "LATEST")
                place.iterator = await asyncio.to_thread(self._reader.iterator, arn, shard.id, "LATEST")
                self._places.append(place)

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            following = {group.create_task(self._follow(place)) for place in self._places}
            while True:
                if following:
                    _, following = await asyncio.wait(
                        following, timeout=self._pace.discover, return_when=asyncio.FIRST_COMPLETED
                    )
                for place in await self._persistently(self._new_places):
                    following.add(group.create_task(self._follow(place)))
                if not following:
                    await asyncio.sleep(self._pace.idle)

    async def _new_places(self) -> list[_Place]:
        """Return a place at the beginning of each shard that has appeared since, a parent's end behind it."""
        arn = await asyncio.to_thread(self._reader.arn)
        places = []
        for shard in await asyncio.to_thread(self._reader.shards, arn):
            if (arn, shard.id) not in self._known and not self._waits_for_parent(arn, shard):
                self._known.add((arn, shard.id))
                places.append(_Place(arn, shard.id, "TRIM_HORIZON"))
        self._places += places
        return places

    def _waits_for_parent(self, arn: str, shard: Shard) -> bool:
        return any((place.arn, place.shard) == (arn, shard.parent) for place in self._places)

    async def _follow(self, place: _Place) -> None:
        """Deliver a shard to its end."""
        queue = self._queue(place.arn, place.shard)
        wait = self._pace.idle
        busy = False
        while True:
            nudged = self._nudges.next  # one that comes while we look must make us look again
            page = await self._persistently(partial(self._read, place))
            if page.records:
                queue.add(page.records)
                await self._drain(queue, place.arn)
                place.last = sequence_number(page.records[-1])
            place.iterator = page.next_iterator
            if page.next_iterator is None:
                self._places.remove(place)
                return
            if page.records:
                wait = self._pace.quick
                if busy:
                    await asyncio.sleep(self._pace.busy)
                busy = True
                continue
            busy = False
            wait = self._pace.quick if await set_within(nudged, wait) else min(wait * 2, self._pace.idle)

    async def _read(self, place: _Place) -> Page:
        try:
            if place.iterator is None:
                place.iterator = await asyncio.to_thread(self._iterator, place)
            return await asyncio.to_thread(self._reader.page, place.iterator)
        except IteratorExpired:
            place.iterator = None
        except RecordsTrimmed:
            self._start_over(place)
        except StreamGone:
            logger.warning("the stream or its shard is gone", extra={"shard": place.shard})
            return Page((), None)
        return await self._read(place)

    def _iterator(self, place: _Place) -> str:
        if place.last is None:
            return self._reader.iterator(place.arn, place.shard, place.kind)
        try:
            return self._reader.iterator(place.arn, place.shard, "AFTER_SEQUENCE_NUMBER", place.last)
        except RecordsTrimmed:
            self._start_over(place)
            return self._reader.iterator(place.arn, place.shard, place.kind)

    def _start_over(self, place: _Place) -> None:
        logger.warning("records were trimmed before they were read", extra={"shard": place.shard})
        place.iterator = place.last = None
        place.kind = "TRIM_HORIZON"

    async def _drain(self, queue: ShardQueue, arn: str) -> None:
        while (batch := queue.next_batch()) is not None:
            try:
                response = await self._invoke(batch.records, arn)
            except FunctionFailed:  # which has been logged
                again = queue.failed(batch)
            except Exception:
                logger.exception("a batch could not be handed over")
                again = queue.failed(batch)
            else:
                again = queue.answered(batch, response)
            if again:
                logger.warning(
                    "a batch has to come again",
                    extra={"records": len(batch.records), "failures": batch.failures + 1},
                )
                await asyncio.sleep(self._pace.backoff(batch.failures))

    async def _persistently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        return await persistently(
            attempt, self._pace, logger, "the stream can't be read", (StreamUnavailable, StreamGone)
        )
