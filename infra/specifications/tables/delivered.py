"""Delivers events of the small night with the product's own code, to clients that are not there."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
from chalicelib.aws.dynamodb.connections.progress import DynamoProgressStore
from chalicelib.aws.http import HttpClient
from chalicelib.connections.clients import Resumed
from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import FailedPost, Message, Outcome
from chalicelib.delivery.broadcast import Broadcast
from chalicelib.delivery.catch_up import CatchUp
from chalicelib.delivery.deliver import Deliver
from chalicelib.delivery.delivery_log import DeliveryLog
from chalicelib.delivery.failures import Failures
from chalicelib.delivery.fan_out import FanOut, ShardDelivery
from chalicelib.delivery.jobs import FanOutJob, Job, Received
from chalicelib.nights.events import Event, LoggedEvent
from chalicelib.nights.streams import Streams
from chalicelib.settings import Keys
from infra.local.deployment import REGION
from infra.specifications.tables.meter import Meter, MeteredApi

SHARDS = 8
SECONDS = 30.0
"""More than any of it takes."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What delivers, on a table of connections at a URL. ``now`` returns Unix seconds."""

    meter: Meter
    url: str
    table: str
    streams: Streams
    now: Callable[[], float]

    def catch_up(self, connection_id: str, resumed: Resumed | None) -> None:
        """Replay to a client what it has missed, as the function does that answers it."""
        if resumed is None:
            raise AssertionError  # it asked for it
        asyncio.run(self._catch_up(connection_id, resumed))

    def broadcast(self, event: Event, *, inline: int) -> Sequence[Job]:
        """Deliver an event as ``broadcast`` does, and return the jobs that it leaves."""
        return asyncio.run(self._broadcast(event, inline))

    def shard(self, job: FanOutJob, unreached: Collection[str] = ()) -> None:
        """Do a job of a large audience; posts to ``unreached`` fail."""
        asyncio.run(self._shard(job, unreached))

    async def _catch_up(self, connection_id: str, resumed: Resumed) -> None:
        async with self._parts() as parts:
            catch_up = CatchUp(
                parts.audiences,
                self.streams,
                parts.push,
                parts.failures,
                parts.queue,
                log=DeliveryLog(self.now),
                now=self.now,
            )
            deadline = asyncio.get_running_loop().time() + SECONDS
            until = resumed.resume.catching_up_until
            await catch_up.resume(resumed.place.stream, connection_id, deadline, until)

    async def _broadcast(self, event: Event, inline: int) -> Sequence[Job]:
        async with self._parts() as parts:
            broadcast = Broadcast(
                parts.audiences,
                parts.progress,
                Deliver(parts.push, parts.failures),
                FanOut(parts.progress, parts.queue, SHARDS),
                DeliveryLog(self.now),
                shards=SHARDS,
                inline=inline,
            )
            await broadcast.run([LoggedEvent("1", event)], within=SECONDS)
            return parts.queue.sent

    async def _shard(self, job: FanOutJob, unreached: Collection[str]) -> None:
        async with self._parts(unreached) as parts:
            deliver = Deliver(parts.push, parts.failures)
            shards = ShardDelivery(parts.audiences, parts.progress, deliver, DeliveryLog(self.now))
            await shards.run(job, asyncio.get_running_loop().time() + SECONDS)

    @asynccontextmanager
    async def _parts(self, unreached: Collection[str] = ()) -> AsyncIterator["_Parts"]:
        keys, http = Keys("local", "local"), HttpClient()
        api = MeteredApi(self.meter, http, self.url, REGION, lambda: keys)
        audiences = DynamoAudiences(api, self.table, SHARDS, self.now)
        progress = DynamoProgressStore(api, self.table, SHARDS, self.now)
        queue = _Queue()
        failures = Failures(audiences, queue, remove=lambda _: None)
        try:
            yield _Parts(audiences, progress, queue, failures, _Push(unreached))
        finally:
            await http.close()


@dataclass(frozen=True, slots=True)
class _Push:
    """Clients that read everything, but for those that can't be reached."""

    unreached: Collection[str]

    async def send(self, message: Message, recipients: Sequence[Recipient], *, within: float) -> Outcome:  # noqa: ARG002 - the port's signature
        failed = [
            FailedPost(one, 429, "answered 429") for one in recipients if one.connection_id in self.unreached
        ]
        reached = {one.connection_id: 0.0 for one in recipients if one.connection_id not in self.unreached}
        return Outcome(reached, failed=failed)

    async def disconnect(self, recipient: Recipient) -> bool:  # noqa: ARG002 - the port's signature
        return True

    async def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class _Queue:
    """Keeps what is sent."""

    sent: list[Job] = field(default_factory=list)

    async def send(self, jobs: Sequence[Job]) -> None:
        self.sent.extend(jobs)

    async def delay(self, received: Received, seconds: int) -> None:  # noqa: ARG002 - likewise
        raise AssertionError  # no job here comes again


@dataclass(frozen=True, slots=True)
class _Parts:
    audiences: DynamoAudiences
    progress: DynamoProgressStore
    queue: _Queue
    failures: Failures
    push: _Push


logging.getLogger("WebSocket").addHandler(logging.NullHandler())
"""That a client was not reached is what is shown here, and no news."""
