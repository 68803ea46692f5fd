"""What calls the functions that no client does: the table's stream, the delivery queue, the schedule.

Ties the engine's clients, Lambda's mappings and the pollers together. Leaves running them to ``serve``.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import boto3
from botocore.config import Config
from chalice.app import Chalice

from infra.deploy.event_sources import QUEUE_MAPPING, STREAM_MAPPING
from infra.local.deployment import REGION, Moment
from infra.local.engine.queues import EngineQueue, Message
from infra.local.functions.deployed import queue_functions, scheduled_functions, stream_functions
from infra.local.functions.service import LambdaService
from infra.local.triggers.failure_destination import FailureDestination
from infra.local.triggers.queue_event import queue_event
from infra.local.triggers.queue_poller import QueuePoller
from infra.local.triggers.schedule import Timer
from infra.local.triggers.stream_event import Record, stream_event
from infra.local.triggers.stream_failure import failure_record
from infra.local.triggers.stream_mapping import Discarded, ShardQueue, StreamMapping
from infra.local.triggers.stream_poller import StreamPoller
from infra.local.triggers.stream_reader import TableStream
from infra.local.variables import Endpoints


def engine_client(service: str, endpoints: Endpoints) -> Any:
    """Return an SDK client of one of the engine's services."""
    return boto3.client(
        service,
        REGION,
        endpoint_url=endpoints.dynamodb if service.startswith("dynamodb") else endpoints.everything,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - engines take any
        config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}),
    )


@dataclass(frozen=True, slots=True)
class Engine:
    """Where the sessions table and the queues are; ``failures`` takes what is given up of the stream."""

    endpoints: Endpoints
    table: str
    queue: EngineQueue
    failures: EngineQueue


@dataclass(frozen=True, slots=True)
class Sources:
    """The pollers of the stream and the queue, the way to the failures, and the timers."""

    stream: StreamPoller
    failures: FailureDestination
    queue: QueuePoller
    timers: Sequence[Timer]

    @classmethod
    def of(cls, app: Chalice, functions: LambdaService, engine: Engine, schedule_seconds: float) -> Self:
        """Return what feeds an application's functions; a schedule comes every so many seconds."""
        queue = _queue_poller(app, functions, engine.queue)
        failures = FailureDestination(engine.failures)
        stream = _stream_poller(app, functions, engine, queue, failures)
        timers = [Timer(functions, name, schedule_seconds) for name in scheduled_functions(app)]
        return cls(stream, failures, queue, timers)

    async def position(self) -> None:
        """Begin behind everything that the stream holds now."""
        await self.stream.position()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.stream.run())
            group.create_task(self.failures.run())
            group.create_task(self.queue.run())
            for timer in self.timers:
                group.create_task(timer.run())


def _stream_poller(
    app: Chalice,
    functions: LambdaService,
    engine: Engine,
    jobs: QueuePoller,
    failures: FailureDestination,
) -> StreamPoller:
    [(name, batch_size)] = stream_functions(app)
    mapping = StreamMapping.from_settings({**STREAM_MAPPING, "BatchSize": batch_size})
    reader = TableStream(
        engine_client("dynamodb", engine.endpoints),
        engine_client("dynamodbstreams", engine.endpoints),
        engine.table,
    )

    async def invoke(records: Sequence[Record], stream_arn: str) -> Any:
        try:
            return await functions.invoke(name, stream_event(records, stream_arn))
        finally:
            jobs.nudge()

    def queue(stream_arn: str, shard: str) -> ShardQueue:
        def discard(discarded: Discarded) -> None:
            failures.take(failure_record(discarded, name, stream_arn, shard, Moment.present()))

        return ShardQueue(mapping, time.time, discard)

    return StreamPoller(reader, invoke, queue)


def _queue_poller(app: Chalice, functions: LambdaService, queue: EngineQueue) -> QueuePoller:
    [(name, batch_size)] = queue_functions(app)

    async def invoke(messages: Sequence[Message]) -> Any:
        return await functions.invoke(name, queue_event(messages, queue.arn))

    concurrency: int = QUEUE_MAPPING["ScalingConfig"]["MaximumConcurrency"]
    return QueuePoller(queue, invoke, batch_size=batch_size, concurrency=concurrency)
