"""What delivery remembers, and the queue, in memory; the queue keeps SQS's promises of a FIFO queue."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.aws.dynamodb.connections.progress import RETENTION_SECONDS
from chalicelib.connections.ports import Push
from chalicelib.delivery.broadcast import Broadcast
from chalicelib.delivery.catch_up import ATTEMPTS, CatchUp
from chalicelib.delivery.jobs import Job, Progress, QueueMark, Received, ShardJob
from chalicelib.delivery.laggards import Laggards
from chalicelib.delivery.routing import Queueing, Router
from chalicelib.delivery.seldom import Seldom
from chalicelib.delivery.shard_delivery import ShardDelivery
from chalicelib.delivery.shard_walk import Ground
from chalicelib.delivery.worker import Jobs
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.ports import EventLog
from tests.fakes.stores import FakeAudiences, FakeConnectionStore, FakeSessionStore


class FakeProgress:
    """Both ports: ProgressStore and QueuedStreams. ``now`` is in Unix seconds."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self._now = now
        self._saved: dict[str, Progress] = {}
        self._queued: dict[str, tuple[QueueMark, float]] = {}
        self._places: dict[str, Cursor] = {}

    def queue_mark(self, audience: str) -> QueueMark | None:
        mark, at = self._queued.get(audience, (None, 0.0))
        return mark if self._now() < at + RETENTION_SECONDS else None

    async def mark_queued(self, audience: str, mark: QueueMark, place: Cursor) -> None:
        noted, at = self.queue_mark(audience), self._places.get(audience, place)
        if noted is not None and at.epoch == place.epoch and at.sequence > place.sequence:
            kept = replace(noted, since=min(noted.since, mark.since))
            self._queued[audience] = kept, self._queued[audience][1]
            return
        self._queued[audience] = mark, self._now()
        self._places[audience] = place

    async def all_done(self, jobs: Sequence[str]) -> bool:
        return all(self._saved.get(job, Progress()).done for job in jobs)

    async def progress(self, job: str) -> Progress:
        return self._saved.get(job, Progress())

    async def save(self, job: str, progress: Progress) -> None:
        self._saved[job] = progress


class FakeJobQueue:
    """Delays are noted and over at once."""

    def __init__(self, attempts: int = ATTEMPTS) -> None:
        self._attempts = attempts
        self._names: set[tuple[str, str]] = set()
        self._sent = 0
        self.waiting: list[Received] = []
        self.dead: list[Job | None] = []
        self.delays: list[tuple[str, int]] = []
        self.holds: list[tuple[str, int]] = []

    async def send(self, jobs: Sequence[Job]) -> None:
        self.put(jobs)

    def put(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if isinstance(job, ShardJob):
                if (job.group, job.name) in self._names:
                    continue
                self._names.add((job.group, job.name))
            self._add(job)

    def _add(self, job: Job) -> None:
        self._sent += 1
        self.waiting.append(Received(str(self._sent), f"receipt-{self._sent}", job.group, 0, job))

    async def delay(self, received: Received, seconds: int) -> None:
        self.delays.append((received.group, seconds))

    async def hold(self, received: Received, seconds: int) -> None:
        self.holds.append((received.group, seconds))

    def heads(self) -> list[Received]:
        """Return the first message of each group."""
        return list({one.group: one for one in reversed(self.waiting)}.values())

    def receive(self, head: Received) -> Received | None:
        """Hand out a message once more; None where it is dead."""
        position = self.waiting.index(head)
        if head.attempt >= self._attempts:
            self.dead.append(self.waiting.pop(position).job)
            return None
        self.waiting[position] = replace(head, attempt=head.attempt + 1)
        return self.waiting[position]

    def redrive(self) -> None:
        """Put what is dead back on the queue, as an operator would."""
        for job in self.dead:
            assert job is not None
            self._add(job)
        self.dead = []

    def delete(self, received: Received) -> None:
        self.waiting.remove(received)


class House:
    """Everything between the log's stream and the posts, on fakes."""

    def __init__(
        self,
        store: FakeConnectionStore,
        push: Push,
        shards: int,
        inline: int = 500,
        *,
        log: EventLog | None = None,
        memory: tuple[Any, Any] | None = None,
    ) -> None:
        self.meanwhile: Callable[[], Awaitable[None]] = _nothing
        progress, queue = memory or (FakeProgress(), FakeJobQueue())
        self.progress: FakeProgress = progress
        self.queue: FakeJobQueue = queue
        audiences = FakeAudiences(store, self.progress.queue_mark)
        laggards = Laggards(store, self.queue)
        seldom = Seldom(store, store, laggards)
        router = Router(audiences, self.progress, shards=shards, inline=inline, sleep=self._sleep)
        queueing = Queueing(self.progress, self.queue, shards)
        self.broadcast = Broadcast(router, queueing, push, lambda: seldom)
        ground = Ground(audiences, self.progress, lambda: seldom)
        catch_up = CatchUp(store, log or FakeSessionStore(), store, push, random=lambda: 0.0)
        self.jobs = Jobs(self.queue, ShardDelivery(ground, push), lambda: catch_up, random=lambda: 0.0)

    async def _sleep(self, seconds: float) -> None:
        """Let the moment pass, and in it happen what ``meanwhile`` says."""
        assert seconds > 0
        await self.meanwhile()

    async def work(self, *, within: float = 60) -> None:
        """Do what is on the queue until it is empty."""
        while self.queue.waiting:
            for head in self.queue.heads():
                await self._work(head, within)

    async def work_shards(self) -> None:
        """Do the shard jobs, and leave those who lag to lag."""
        while heads := [one for one in self.queue.heads() if isinstance(one.job, ShardJob)]:
            for head in heads:
                await self._work(head, 60)

    async def _work(self, head: Received, within: float) -> None:
        received = self.queue.receive(head)
        if received is not None and not await self.jobs.work([received], within=within):
            self.queue.delete(received)


async def _nothing() -> None:
    pass
