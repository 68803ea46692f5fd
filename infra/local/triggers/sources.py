"""Connects the table's stream, the delivery queue and the schedule to the functions that they trigger."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from chalice.app import Chalice, DynamoDBEventConfig, ScheduledEventConfig, SQSEventConfig

from chalicelib.aws.http import HttpClient
from infra.budget import CONCURRENCY
from infra.event_sources import STREAM_MAPPING
from infra.local.deployment import REGION, STAGE, Moment
from infra.local.engine.endpoints import KEYS, Endpoints
from infra.local.engine.queues import EngineQueue, Message
from infra.local.functions.deployed import triggered
from infra.local.functions.service import LambdaService
from infra.local.triggers.queue_poller import poll_queue, queue_event
from infra.local.triggers.schedule import run_schedule
from infra.local.triggers.stream_event import Record, stream_event
from infra.local.triggers.stream_mapping import Batch, failure_record
from infra.local.triggers.stream_poller import StreamPoller
from infra.local.triggers.stream_reader import TableStream
from infra.template import tables

logger = logging.getLogger("gateway.stream")


def stream_poller(
    app: Chalice, functions: LambdaService, endpoints: Endpoints, failures: EngineQueue
) -> StreamPoller:
    """Return the poller of the table's stream. ``failures`` gets the batches that it gives up."""
    [source] = triggered(app, DynamoDBEventConfig)
    table = tables(STAGE)["SessionsTable"].name
    reader = TableStream.of(table, HttpClient(timeout=10), endpoints.dynamodb, REGION, lambda: KEYS)

    async def invoke(records: Sequence[Record], arn: str) -> Any:
        return await functions.invoke(source.name, stream_event(records, arn))

    async def give_up(batch: Batch, arn: str, shard: str) -> None:
        failure = failure_record(batch, source.name, arn, shard, Moment.present())
        logger.error("records of the stream failed for the last time", extra={"failure": failure})
        await asyncio.to_thread(failures.send, json.dumps(failure))

    settings = {**STREAM_MAPPING, "BatchSize": source.batch_size}
    return StreamPoller(reader, settings, invoke, give_up, idle=functions.until_one_has_run)


async def call_functions(
    app: Chalice,
    functions: LambdaService,
    stream: StreamPoller,
    queues: Mapping[str, EngineQueue],
    schedule_seconds: float,
) -> None:
    """Trigger functions until cancelled. Those with a schedule run every ``schedule_seconds``."""
    [source] = triggered(app, SQSEventConfig)
    queue = queues["DeliveryQueue"]

    async def invoke(messages: Sequence[Message]) -> Any:
        return await functions.invoke(source.name, queue_event(messages, queue.arn))

    concurrency = CONCURRENCY["deliver"]
    async with asyncio.TaskGroup() as group:
        group.create_task(stream.run())
        group.create_task(poll_queue(queue, invoke, batch_size=source.batch_size, concurrency=concurrency))
        for one in triggered(app, ScheduledEventConfig):
            group.create_task(run_schedule(one.name, schedule_seconds, functions.invoke))
