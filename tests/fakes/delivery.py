"""Audiences, progress and the queue in memory, and all of delivery on them.

The queue keeps SQS's promises of a FIFO queue, but a delay is over at once.
"""

from collections.abc import Callable, Sequence
from math import inf

from msgspec.structs import replace

from chalicelib.aws.dynamodb.connections.progress import PENDING_SECONDS
from chalicelib.connections.connection import Recipient, shard_of
from chalicelib.connections.ports import Push
from chalicelib.delivery.broadcast import Broadcast
from chalicelib.delivery.catch_up import CatchUp
from chalicelib.delivery.deliver import Deliver
from chalicelib.delivery.delivery_log import DeliveryLog
from chalicelib.delivery.failures import Failures
from chalicelib.delivery.fan_out import FanOut, ShardDelivery
from chalicelib.delivery.jobs import Checkpoint, FanOutJob, Job, Pending, Progress, Received
from chalicelib.delivery.ports import AudiencePage
from chalicelib.delivery.worker import Worker
from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.streams import Streams
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore


class FakeAudiences:
    """``delivery.ports.Audiences``: the rows of a fake store."""

    def __init__(self, store: FakeConnectionStore) -> None:
        self._store = store

    async def page(
        self, stream: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        rows = sorted(self._store.audiences.get(stream, {}).items())
        rest = [
            row
            for connection_id, row in rows
            if shard_of(connection_id, self._store.shards) == shard
            and (after is None or connection_id > after)
        ]
        page = rest[: min(limit or self._store.page_size, self._store.page_size)]
        following = page[-1].connection_id if len(rest) > len(page) else None
        return AudiencePage([row for row in page if self._is_there(row)], following)

    async def recipient(self, stream: str, connection_id: str) -> Recipient | None:
        row = self._row(stream, connection_id)
        return row if row and self._is_there(row) else None

    async def fall_behind(self, stream: str, connection_id: str, behind: int, missed: int) -> bool:
        row = await self.recipient(stream, connection_id)
        if row is None or row.behind is not None:
            return False
        return self._save(stream, replace(row, behind=behind, missed=missed))

    async def note_missed(self, stream: str, connection_id: str, missed: int) -> bool:
        row = self._row(stream, connection_id)
        if row is None or row.behind is None or row.missed >= missed:
            return False
        return self._save(stream, replace(row, missed=missed))

    async def advance(self, stream: str, connection_id: str, behind: int, to: int) -> bool:
        row = self._row(stream, connection_id)
        if row is None or row.behind != behind:
            return False
        return self._save(stream, replace(row, behind=to, catching_up_until=0))

    async def become_live(self, stream: str, connection_id: str, behind: int, position: int) -> bool:
        row = self._row(stream, connection_id)
        if row is None or row.behind != behind or row.missed > position:
            return False
        live = replace(row, behind=None, missed=0, catching_up_until=0, position=position)
        return self._save(stream, live)

    def _row(self, stream: str, connection_id: str) -> Recipient | None:
        return self._store.audiences.get(stream, {}).get(connection_id)

    def _save(self, stream: str, row: Recipient) -> bool:
        self._store.audiences[stream][row.connection_id] = row
        return True

    def _is_there(self, row: Recipient) -> bool:
        return row.token_expires_at > self._store.now


class FakeProgress:
    """``delivery.ports.ProgressStore``. ``now`` is in Unix seconds."""

    def __init__(self, shards: int, now: Callable[[], float] = lambda: 0.0) -> None:
        self._shards = shards
        self._now = now
        self._saved: dict[str, tuple[Progress, float, float]] = {}
        self._checkpoints: dict[tuple[str, int], tuple[Checkpoint, float]] = {}

    async def progress(self, stream: str) -> Progress:
        found, expires_at, pending_until = self._saved.get(stream, (Progress(), inf, 0.0))
        if expires_at <= self._now():
            return Progress()
        if found.pending is None or pending_until <= self._now():
            return Progress(found.handled)
        checkpoints = [await self.checkpoint(stream, shard) for shard in range(self._shards)]
        covered = all(one is not None and one.covers(found.pending.newest) for one in checkpoints)
        return Progress(found.handled) if covered else found

    async def save_handled(self, stream: str, handled: Cursor) -> None:
        found, _, pending_until = self._saved.get(stream, (Progress(), inf, 0.0))
        expires_at = self._now() + EVENT_RETENTION_SECONDS
        self._saved[stream] = replace(found, handled=handled), expires_at, pending_until

    async def save_pending(self, stream: str, pending: Pending) -> None:
        found, _, _ = self._saved.get(stream, (Progress(), inf, 0.0))
        now = self._now()
        ends = now + EVENT_RETENTION_SECONDS, now + PENDING_SECONDS
        self._saved[stream] = replace(found, pending=pending), *ends

    async def checkpoint(self, stream: str, shard: int) -> Checkpoint | None:
        checkpoint, expires_at = self._checkpoints.get((stream, shard), (None, inf))
        return checkpoint if expires_at > self._now() else None

    async def save_checkpoint(self, stream: str, shard: int, checkpoint: Checkpoint) -> None:
        self._checkpoints[stream, shard] = checkpoint, self._now() + PENDING_SECONDS


class FakeJobQueue:
    """Delays are noted and over at once."""

    def __init__(self) -> None:
        self._names: set[tuple[str, str]] = set()
        self._sent = 0
        self.waiting: list[tuple[str, Received]] = []
        self.delays: list[int] = []

    async def send(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if (job.group, job.name) not in self._names:
                self._names.add((job.group, job.name))
                self._sent += 1
                received = Received(str(self._sent), f"receipt-{self._sent}", 0, job)
                self.waiting.append((job.group, received))

    async def delay(self, _received: Received, seconds: int) -> None:
        self.delays.append(seconds)

    def jobs(self) -> list[Job | None]:
        return [received.job for _, received in self.waiting]

    def heads(self) -> list[tuple[str, Received]]:
        """Return the first message of each group."""
        return list({group: (group, one) for group, one in reversed(self.waiting)}.values())

    def receive(self, head: tuple[str, Received]) -> tuple[str, Received]:
        """Hand out a message once more."""
        position, (group, received) = self.waiting.index(head), head
        self.waiting[position] = group, replace(received, attempt=received.attempt + 1)
        return self.waiting[position]

    def delete(self, message: tuple[str, Received]) -> None:
        self.waiting.remove(message)


class FakeDelivery:
    """Everything between the table's stream and the posts, on fakes."""

    def __init__(
        self,
        store: FakeConnectionStore,
        push: Push,
        *,
        inline: int = 500,
        sessions: FakeSessionStore | None = None,
    ) -> None:
        self.sessions = sessions or FakeSessionStore()
        self.audiences = FakeAudiences(store)
        self.progress = FakeProgress(store.shards)
        self.queue = FakeJobQueue()
        log = DeliveryLog()
        self.failures = Failures(self.audiences, self.queue, store.remove)
        deliver = Deliver(push, self.failures)
        fan_out = FanOut(self.progress, self.queue, store.shards)
        self.broadcast = Broadcast(
            self.audiences, self.progress, deliver, fan_out, log, shards=store.shards, inline=inline
        )
        streams = Streams(self.sessions, self.sessions, sleep=lambda _: None)
        self.catch_up = CatchUp(
            self.audiences,
            streams,
            push,
            self.failures,
            self.queue,
            log=log,
            random=lambda: 0.0,
            now=lambda: store.now,
        )
        shards = ShardDelivery(self.audiences, self.progress, deliver, log)
        self.worker = Worker(self.queue, shards, lambda: self.catch_up, random=lambda: 0.0)

    async def work(self, *, within: float = 60) -> None:
        """Do what is on the queue until it is empty."""
        while self.queue.waiting:
            for head in self.queue.heads():
                await self.work_at(head, within=within)

    async def work_fan_out(self) -> None:
        """Do the jobs of shards, and leave connections behind that are."""
        while heads := [one for one in self.queue.heads() if isinstance(one[1].job, FanOutJob)]:
            for head in heads:
                await self.work_at(head)

    async def work_at(self, head: tuple[str, Received], *, within: float = 60) -> None:
        """Do one job once."""
        message = self.queue.receive(head)
        if not await self.worker.work([message[1]], within=within):
            self.queue.delete(message)
