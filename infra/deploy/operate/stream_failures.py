"""Reads again the stream's records that were given up.

Lambda says where they were in the stream, and not what they were. The stream keeps them for 24 hours; older
events are found in the log by the time at which they were written. ``broadcast`` gives the keys of an item
that it could not read; it is read again, since the code or the item may have been mended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from chalicelib.aws.dead_letters import record_of
from chalicelib.aws.dynamodb.nights.stream_records import events_of, read_records
from chalicelib.nights.events import Event, UnreadableRecord
from chalicelib.timestamps import timestamp
from infra.deploy.operate.followers import Redelivery
from infra.local.triggers.stream_event import Record, sequence_number, stream_event
from infra.local.triggers.stream_reader import IteratorExpired, RecordsTrimmed, StreamGone, TableStream

EMPTY_PAGES = 1000
"""DynamoDB answers with empty pages between records that are far apart. After so many there is no record."""

SLACK = timedelta(minutes=2)
"""An event's timestamp is from before its commit, and a function's clock may be off by a minute."""


Number = Annotated[str, Meta(pattern=r"^\d+$")]


class GivenUp(Struct, frozen=True, rename="camel"):
    """Where records were in the stream, and when they arrived there, as Lambda says it."""

    stream_arn: str
    shard_id: str
    start_sequence_number: Number
    end_sequence_number: Number
    approximate_arrival_of_first_record: datetime
    approximate_arrival_of_last_record: datetime


class Document(Struct):
    """Lambda's document."""

    batch: GivenUp = msgspec.field(name="DDBStreamBatchInfo")


Batch = GivenUp | UnreadableRecord


def batch_of(message: str) -> Batch:
    """Read Lambda's document, or what ``broadcast`` set aside. Raises ValueError if it is neither."""
    try:
        return msgspec.json.decode(message, type=Document).batch
    except msgspec.MsgspecError:
        return record_of(message)


def place_of(batch: Batch) -> tuple[datetime, int]:
    """Return when a batch arrived in the stream, and its place there."""
    if isinstance(batch, GivenUp):
        return batch.approximate_arrival_of_first_record, int(batch.start_sequence_number)
    return datetime.fromtimestamp(batch.arrived, UTC), int(batch.sequence_number)


@dataclass(frozen=True, slots=True)
class Found:
    """What a batch held. ``pending`` has the sequence numbers of votes to count, by session."""

    events: Sequence[Event]
    whence: str = "the log"
    unreadable: Sequence[UnreadableRecord] = ()
    pending: Mapping[int, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GivenUpRecords:
    """Reads records again."""

    stream: TableStream
    redelivery: Redelivery

    async def find(self, batch: Batch) -> Found:
        """Return what a batch held. Raises ValueError where that still can't be read, Unavailable."""
        if isinstance(batch, UnreadableRecord):
            key = {"PK": {"S": batch.partition_key}, "SK": {"S": batch.sort_key}}
            asked = {"TableName": self.stream.table, "Key": key, "ConsistentRead": True}
            item = (await self.stream.dynamodb.call("GetItem", asked)).get("Item")
            try:
                return Found(events_of(item) if item else [])
            except ValueError as exc:
                raise ValueError(f"{batch.sort_key} of {batch.partition_key}: {exc}") from exc
        try:
            records = await self._records(batch)
        except (RecordsTrimmed, StreamGone, IteratorExpired):
            since = timestamp(batch.approximate_arrival_of_first_record - SLACK)
            until = timestamp(batch.approximate_arrival_of_last_record + SLACK)
            return Found([*self.redelivery.logged(since, until)])
        read = read_records(stream_event(records, batch.stream_arn)["Records"])
        return Found([one.event for one in read.events], "the stream", read.unreadable, read.pending)

    async def _records(self, batch: GivenUp) -> list[Record]:
        """Return the records. Raises RecordsTrimmed, StreamGone, IteratorExpired where some are missing."""
        found: list[Record] = []
        empty = 0
        iterator: str | None = await self.stream.iterator(
            batch.stream_arn, batch.shard_id, "AT_SEQUENCE_NUMBER", batch.start_sequence_number
        )
        while iterator is not None and empty < EMPTY_PAGES:
            page = await self.stream.page(iterator)
            for record in page.records:
                found.append(record)
                if sequence_number(record) == batch.end_sequence_number:
                    return found
            empty = 0 if page.records else empty + 1
            iterator = page.next_iterator
        raise RecordsTrimmed
