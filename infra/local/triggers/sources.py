"""Calls the functions that no client calls: from the table's stream, the delivery queue and the schedule."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from chalice.app import Chalice, DynamoDBEventConfig, ScheduledEventConfig, SQSEventConfig

from infra.event_sources import QUEUE_MAPPING, STREAM_MAPPING
from infra.local.deployment import STAGE, Moment
from infra.local.engine.endpoints import Endpoints, engine_client
from infra.local.engine.queues import EngineQueue, Message
from infra.local.functions.deployed import triggered
from infra.local.functions.service import LambdaService
from infra.local.triggers.polling import Nudge
from infra.local.triggers.queue_poller import QueuePoller, queue_event
from infra.local.triggers.schedule import run_schedule
from infra.local.triggers.stream_event import Record, stream_event
from infra.local.triggers.stream_mapping import Batch, failure_record
from infra.local.triggers.stream_poller import StreamPoller
from infra.local.triggers.stream_reader import TableStream
from infra.template import tables

logger = logging.getLogger("gateway.stream")


@dataclass(frozen=True, slots=True)
class Sources:
    """The pollers of the stream and the queue, and the schedules."""

    stream: StreamPoller
    queue: QueuePoller
    schedules: Sequence[Callable[[], Coroutine[Any, Any, None]]]

    @classmethod
    def of(
        cls,
        app: Chalice,
        functions: LambdaService,
        endpoints: Endpoints,
        queues: Mapping[str, EngineQueue],
        schedule_seconds: float,
    ) -> Self:
        """Return what feeds an application's functions; a schedule comes every so many seconds."""
        scheduled = triggered(app, ScheduledEventConfig)
        return cls(
            _stream_poller(app, functions, endpoints, queues["StreamFailureQueue"]),
            _queue_poller(app, functions, queues["DeliveryQueue"]),
            [partial(run_schedule, one.name, schedule_seconds, functions.invoke) for one in scheduled],
        )

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for run in (self.stream.run, self.queue.run, *self.schedules):
                group.create_task(run())


def _stream_poller(
    app: Chalice, functions: LambdaService, endpoints: Endpoints, failures: EngineQueue
) -> StreamPoller:
    [source] = triggered(app, DynamoDBEventConfig)
    clients = (engine_client(service, endpoints) for service in ("dynamodb", "dynamodbstreams"))
    reader = TableStream(*clients, tables(STAGE)["SessionsTable"].name)

    async def invoke(records: Sequence[Record], arn: str) -> Any:
        return await functions.invoke(source.name, stream_event(records, arn))

    async def give_up(batch: Batch, condition: str, arn: str, shard: str) -> None:
        failure = failure_record(batch, condition, source.name, arn, shard, Moment.present())
        logger.error("records of the stream were given up", extra={"failure": failure})
        await asyncio.to_thread(failures.send, json.dumps(failure))

    settings = {**STREAM_MAPPING, "BatchSize": source.batch_size}
    return StreamPoller(reader, settings, invoke, give_up, idle=_nudged_by(functions).wait_for)


def _queue_poller(app: Chalice, functions: LambdaService, queue: EngineQueue) -> QueuePoller:
    [source] = triggered(app, SQSEventConfig)

    async def invoke(messages: Sequence[Message]) -> Any:
        return await functions.invoke(source.name, queue_event(messages, queue.arn))

    concurrency: int = QUEUE_MAPPING["ScalingConfig"]["MaximumConcurrency"]
    idle = _nudged_by(functions).wait_for
    return QueuePoller(queue, invoke, batch_size=source.batch_size, concurrency=concurrency, idle=idle)


def _nudged_by(functions: LambdaService) -> Nudge:
    nudge = Nudge()
    functions.after_each.append(nudge.set)
    return nudge
