"""What Lambda does: hands records and messages of a stage to its functions, and does with the outcome what
the local gateway's rules say. What only time would bring (the next attempt, the next poll) is brought at
once.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from chalicelib.aws.delivery_queue import received_jobs
from chalicelib.aws.dynamodb.nights.stream_records import read_records
from chalicelib.aws.http import HttpClient
from infra.event_sources import STREAM_MAPPING
from infra.local.deployment import Moment
from infra.local.engine.endpoints import KEYS
from infra.local.triggers.queue_poller import queue_event
from infra.local.triggers.stream_event import Record, stream_event
from infra.local.triggers.stream_mapping import (
    Batch,
    ShardQueue,
    failure_record,
    matches_any,
    patterns_of,
)
from infra.local.triggers.stream_reader import TableStream
from tests.faults.clients import Clients
from tests.faults.stage import Stage
from tests.integration.aws.hostile_server import REGION

SECONDS = 30.0


class Service(Stage):
    """A stage whose stream and queue are polled by whoever calls its methods."""

    def __init__(self, engine: str, clients: Clients, dynamodb: str) -> None:
        super().__init__(engine, clients, dynamodb)
        self.given_up: list[Any] = []
        self._http = HttpClient()
        self._reader = TableStream.of(self.settings.sessions_table, self._http, engine, REGION, lambda: KEYS)
        self._positions: dict[str, str | None] = {}
        self._shards: dict[str, ShardQueue] = {}

    async def close(self) -> None:
        await self._http.close()
        await super().close()

    async def deliver(self) -> None:
        """Hand over what the stream has, until all of it is done or given up."""
        arn = await self._reader.arn()
        for shard in await self._reader.shards(arn):
            queue = self._shards.setdefault(shard.id, self._shard_queue(arn, shard.id))
            queue.add(await self._records(arn, shard.id))
            while (batch := queue.next_batch()) is not None:
                queue.answered(batch, await self.broadcast(batch.records, arn))

    async def broadcast(self, records: Sequence[Record], arn: str = "arn") -> Any:
        """Hand over records."""
        read = read_records(stream_event(records, arn)["Records"])
        again = await self.app.broadcast.run(read.events, within=SECONDS)
        again += await self.app.count_votes(read.pending)
        again += await self.app.dead_letters.put(read.unreadable)
        return {"batchItemFailures": [{"itemIdentifier": one} for one in again]}

    async def work(self) -> None:
        """Hand over what is on the queue, until all of it is done, or among the dead letters."""
        delivery = self.queues["DeliveryQueue"]
        while messages := delivery.receive(1):  # as many as `deliver` is given
            received = [*received_jobs(queue_event(messages, "arn")["Records"])]
            again = await self.app.worker.work(received, within=SECONDS)
            delivery.release(messages[0]) if again else delivery.delete(messages[0])

    async def settle(self) -> None:
        """Let everything be delivered that can be."""
        await self.deliver()
        await self.work()
        for client in self.clients.server.closed:  # as API Gateway tells
            await asyncio.to_thread(self.app.connections.disconnect, client)

    def dead(self) -> list[Any]:
        """Return what is among the dead letters, and leave it there."""
        queue = self.queues["DeliveryDeadLetterQueue"]
        messages = queue.receive(10)
        for message in messages:
            queue.release(message)
        return [json.loads(one["Body"]) for one in messages]

    async def records(self) -> list[Record]:
        """Return the records that the stream has and nobody was handed yet."""
        arn = await self._reader.arn()
        patterns = patterns_of(STREAM_MAPPING)
        found = [
            one for shard in await self._reader.shards(arn) for one in await self._records(arn, shard.id)
        ]
        return [one for one in found if matches_any(patterns, one)]

    async def give_up(self, records: Sequence[Record], shard: str | None = None) -> None:
        """Give up records as Lambda does after the last attempt."""
        arn = await self._reader.arn()
        self._give_up(Batch(tuple(records)), arn, shard or (await self._reader.shards(arn))[0].id)

    def _give_up(self, batch: Batch, arn: str, shard: str) -> None:
        failure = failure_record(batch, "broadcast", arn, shard, Moment.present())
        self.given_up.append(failure)
        self.queues["StreamFailureQueue"].send(json.dumps(failure))

    def _shard_queue(self, arn: str, shard: str) -> ShardQueue:
        return ShardQueue(STREAM_MAPPING, lambda batch: self._give_up(batch, arn, shard))

    async def _records(self, arn: str, shard: str) -> Sequence[Record]:
        last = self._positions.get(shard)
        kind = "AFTER_SEQUENCE_NUMBER" if last else "TRIM_HORIZON"
        iterator: str | None = await self._reader.iterator(arn, shard, kind, last)
        found: list[Record] = []
        while iterator is not None:
            page = await self._reader.page(iterator)
            if not page.records:
                break
            found += page.records
            iterator = page.next_iterator
        if found:
            self._positions[shard] = found[-1]["dynamodb"]["SequenceNumber"]
        return found
