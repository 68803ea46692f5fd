"""Delivers an event to a large audience: one job on the queue for each of its shards.

A job reads a page, posts it, saves a checkpoint and reads the next page. When its time is up, it goes back on
the queue and later continues from its checkpoint. If a worker dies, one page at most is repeated.
"""

import asyncio

import msgspec

from chalicelib.delivery.deliver import Deliver
from chalicelib.delivery.delivery_log import DeliveryLog
from chalicelib.delivery.jobs import Checkpoint, FanOutJob, Pending, Progress
from chalicelib.delivery.ports import AudiencePage, Audiences, JobQueue, ProgressStore
from chalicelib.nights.events import Event

PAGE_SIZE = 256
"""Recipients of one page. At most so many are repeated after a worker dies."""


class FanOut:
    """Puts the events of large audiences on the queue."""

    def __init__(self, store: ProgressStore, jobs: JobQueue, shards: int) -> None:
        self._store = store
        self._jobs = jobs
        self._shards = shards

    async def publish(self, event: Event, progress: Progress) -> tuple[int, Pending]:
        """Send an event's jobs; return their number, and the events now pending. Raises Unavailable."""
        first, pending = progress.first_missing(event), progress.pending
        if pending and pending.newest.epoch != event.cursor.epoch:
            pending = None  # the table was restored
        now_pending = Pending(pending.since if pending else first, event.cursor)
        await self._store.save_pending(event.stream, now_pending)
        await self._jobs.send([FanOutJob(event, shard, first, pending) for shard in range(self._shards)])
        return self._shards, now_pending


class ShardDelivery(msgspec.Struct, frozen=True):
    """Does the jobs of ``FanOut``."""

    audiences: Audiences
    store: ProgressStore
    deliver: Deliver
    log: DeliveryLog

    async def run(self, job: FanOutJob, deadline: float) -> bool:
        """Deliver what is left of a job; return False if another run must continue it.

        Raises Unavailable: then retry the job, which continues from its checkpoint.
        """
        stream, event = job.event.stream, job.event
        saved = await self.store.checkpoint(stream, job.shard)
        if saved is not None and saved.covers(event.cursor):
            return True
        checkpoint = (
            saved if saved and saved.cursor == event.cursor else Checkpoint(event.cursor, _first(job, saved))
        )
        reading = self._read(job, checkpoint.after)
        try:
            while not checkpoint.done:
                if asyncio.get_running_loop().time() >= deadline:
                    return False
                page = await reading
                if page.next_after is not None:
                    reading = self._read(job, page.next_after)
                delivery = self.log.begin(event)
                outcome = await self.deliver.to(page.recipients, event, checkpoint.first, deadline)
                delivery.posted(outcome, shard=job.shard)
                done = page.next_after is None
                checkpoint = Checkpoint(event.cursor, checkpoint.first, page.next_after, done)
                await self.store.save_checkpoint(stream, job.shard, checkpoint)
        finally:
            reading.cancel()
        return True

    def _read(self, job: FanOutJob, after: str | None) -> "asyncio.Task[AudiencePage]":
        return asyncio.create_task(self.audiences.page(job.event.stream, job.shard, after, PAGE_SIZE))


def _first(job: FanOutJob, saved: Checkpoint | None) -> int:
    """Return the first event that the shard may lack: earlier jobs may have failed for the last time."""
    pending = job.pending
    if pending is None or (saved and saved.covers(pending.newest)):
        return job.first
    since = pending.since
    if saved and saved.cursor.epoch == pending.newest.epoch:
        since = max(since, saved.cursor.sequence + 1 if saved.done else saved.first)
    return min(job.first, since)
