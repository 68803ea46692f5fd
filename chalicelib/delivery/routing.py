"""Which audience is small enough to be posted to at once, and the jobs that deliver to a large one.

There is one job for each shard, in the order of the audience's stream. What follows on a stream that has
jobs on the queue waits a moment for them, however small its audience has become, and else becomes jobs
itself: what is posted at once would overtake them. Leaves doing the jobs to ``jobs``.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from chalicelib.connections.connection import Recipient, session_audience
from chalicelib.connections.messages import audience_of, stream_cursor
from chalicelib.delivery.jobs import QueueMark, job_names, shard_jobs
from chalicelib.delivery.ports import AudiencePage, Audiences, JobQueue, ProgressStore, QueuedStreams
from chalicelib.nights.events import Event

WAITS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between two looks whether the jobs before an event are done. Most are within a second."""


@dataclass(frozen=True, slots=True)
class Queued:
    """An audience that jobs deliver to. ``mark`` is what its stream has had on the queue so far."""

    mark: QueueMark | None


class Router:
    """Tells small audiences from large ones. ``inline`` is the largest that is small."""

    def __init__(
        self,
        audiences: Audiences,
        progress: ProgressStore,
        *,
        shards: int,
        inline: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._audiences = audiences
        self._progress = progress
        self._shards = shards
        self._inline = inline
        self._sleep = sleep

    async def small(self, event: Event, *, patient: bool = True) -> Sequence[Recipient] | Queued:
        """Return the whole of a small audience; else what ``Queueing`` is to be told.

        ``patient``: jobs that are still on the queue are waited for. Raises Unavailable.
        """
        audience = audience_of(event)
        # Asked beside the first pages, so that a small audience does not wait for the answer.
        asked = asyncio.create_task(self._audiences.queue_mark(audience))
        try:
            recipients = await self._read(audience)
            mark = await asked
        finally:
            asked.cancel()
        if recipients is None or not await self._may_overtake(mark, event, WAITS if patient else WAITS[:1]):
            return Queued(mark)
        return recipients

    async def queued(self, event: Event) -> Queued:
        """Return what ``Queueing`` is to be told of an event that goes to the queue in any case.

        Raises Unavailable.
        """
        return Queued(await self._audiences.queue_mark(audience_of(event)))

    async def _may_overtake(self, mark: QueueMark | None, event: Event, waits: Sequence[float]) -> bool:
        """Say whether nothing of the stream is on the queue any more."""
        if mark is None:
            return True
        if mark.last == str(event.cursor):
            return False  # its own jobs may have been sent already, by whoever tried before
        jobs = job_names(mark.last, self._shards)
        for seconds in waits:
            if seconds:
                await self._sleep(seconds)
            if await self._progress.all_done(jobs):
                return True
        return False

    async def _read(self, audience: str) -> list[Recipient] | None:
        """Return the whole audience, None where it is too large."""
        recipients: list[Recipient] = []
        async with aclosing(self._pages(audience)) as pages:
            async for page in pages:
                recipients += page
                if len(recipients) > self._inline:
                    return None
        return recipients

    async def _pages(self, audience: str) -> AsyncGenerator[Sequence[Recipient]]:
        """Yield the audience page by page; the first pages of all shards are read at the same time."""

        def read(shard: int, after: str | None) -> asyncio.Task[AudiencePage]:
            # One row more than is posted to here tells that there is more.
            return asyncio.create_task(self._audiences.page(audience, shard, after, self._inline + 1))

        reads = {read(shard, None): shard for shard in range(self._shards)}
        try:
            while reads:
                done, _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
                for one in sorted(done, key=reads.__getitem__):
                    shard = reads.pop(one)
                    page = one.result()
                    if page.next_after is not None:
                        reads[read(shard, page.next_after)] = shard
                    if page.recipients:
                        yield page.recipients
        finally:
            for one in reads:
                one.cancel()


class Queueing:
    """Puts the events of large audiences on the queue."""

    def __init__(self, streams: QueuedStreams, jobs: JobQueue, shards: int) -> None:
        self._streams = streams
        self._jobs = jobs
        self._shards = shards

    async def queue(self, event: Event, queued: Queued) -> int:
        """Have an event delivered by jobs and return how many. Raises Unavailable.

        Noted before the first job is sent: should this end in between, nothing is posted past the jobs.
        """
        # A start is the first of two streams: of all sessions, and of its own.
        places = {audience_of(event): stream_cursor(event), session_audience(event.session_id): event.cursor}
        mark = queued.mark.followed_by(event) if queued.mark else QueueMark.first(event)
        await asyncio.gather(
            *(self._streams.mark_queued(audience, mark, place) for audience, place in places.items())
        )
        await self._jobs.send(shard_jobs(event, self._shards, queued_since=mark.since))
        return self._shards
