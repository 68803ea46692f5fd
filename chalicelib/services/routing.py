"""Which audience is small enough to be posted to at once, and the jobs that deliver to a large one.

There is one job for each shard, in the order of the audience's stream. Once a stream has jobs on the queue,
all that follows on it goes there too, however small its audience has become: what is posted at once would
overtake them. Leaves doing the jobs to ``jobs``.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from chalicelib.domain.connections import Recipient, session_audience
from chalicelib.domain.delivery import audience_of
from chalicelib.domain.events import Event
from chalicelib.domain.jobs import shard_jobs
from chalicelib.services.delivery_ports import JobQueue, QueuedStreams
from chalicelib.services.ports import AudiencePage, Audiences


@dataclass(frozen=True, slots=True)
class Queued:
    """An audience that jobs deliver to, ``since`` which event of the session; None for the first."""

    since: int | None


class Router:
    """Tells small audiences from large ones. ``inline`` is the largest that is small."""

    def __init__(self, audiences: Audiences, *, shards: int, inline: int) -> None:
        self._audiences = audiences
        self._shards = shards
        self._inline = inline

    async def small(self, event: Event) -> Sequence[Recipient] | Queued:
        """Return the whole of a small audience; else what ``Queueing`` is to be told. Raises Unavailable."""
        audience = audience_of(event)
        # Asked beside the first pages, so that a small audience does not wait for the answer.
        queued = asyncio.create_task(self._audiences.queued_since(audience))
        try:
            recipients = await self._read(audience, queued)
            since = await queued
        finally:
            queued.cancel()
        return Queued(since) if recipients is None or since is not None else recipients

    async def _read(self, audience: str, queued: "asyncio.Task[int | None]") -> list[Recipient] | None:
        """Return the whole audience, None where it is too large or known to be delivered by jobs."""
        recipients: list[Recipient] = []
        async with aclosing(self._pages(audience)) as pages:
            async for page in pages:
                recipients += page
                if len(recipients) > self._inline or (queued.done() and queued.result() is not None):
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
        since = queued.since or event.cursor.sequence
        # A start is the first of two streams: of all sessions, and of its own.
        audiences = {audience_of(event), session_audience(event.session_id)}
        await asyncio.gather(*(self._streams.mark_queued(audience, since) for audience in audiences))
        await self._jobs.send(shard_jobs(event, self._shards, queued_since=since))
        return self._shards
