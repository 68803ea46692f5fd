"""Reads again the stream's records that were given up.

Lambda says where they were in the stream, and not what they were. The stream keeps them for 24 hours; older
events are found in the log by the time at which they were written. ``broadcast`` gives the keys of an item
that it could not read; it is read again, since the code or the item may have been mended.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

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


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Where records were: ``first`` to ``last`` in a shard, and when they arrived there."""

    stream_arn: str
    shard: str
    first: str
    last: str
    arrived: datetime
    arrived_last: datetime

    @classmethod
    def parse(cls, body: str) -> Self:
        """Read Lambda's document. Raises ValueError where it is none."""
        try:
            batch = json.loads(body)["DDBStreamBatchInfo"]
            first, last = batch["startSequenceNumber"], batch["endSequenceNumber"]
            if not (first.isdigit() and last.isdigit()):
                raise ValueError(f"no sequence numbers: {first!r} and {last!r}")
            times = [batch[f"approximateArrivalOf{which}Record"] for which in ("First", "Last")]
            arrived = map(datetime.fromisoformat, times)
            return cls(batch["streamArn"], batch["shardId"], first, last, *arrived)
        except (AttributeError, KeyError, TypeError) as exc:
            raise ValueError(f"no document of Lambda's: {exc!r}") from exc


Batch = GivenUp | UnreadableRecord


def batch_of(message: str) -> Batch:
    """Read Lambda's document, or what ``broadcast`` set aside. Raises ValueError if it is neither."""
    try:
        return GivenUp.parse(message)
    except ValueError:
        return record_of(message)


def place_of(batch: Batch) -> tuple[datetime, int]:
    """Return when a batch arrived in the stream, and its place there."""
    if isinstance(batch, GivenUp):
        return batch.arrived, int(batch.first)
    return datetime.fromtimestamp(batch.arrived, UTC), int(batch.sequence_number)


@dataclass(frozen=True, slots=True)
class Found:
    """What a batch held. ``pending`` has the sequence numbers of votes to count, by session."""

    events: Sequence[Event]
    whence: str = "the log"
    unreadable: Sequence[UnreadableRecord] = ()
    pending: Mapping[int, Sequence[str]] = field(default_factory=dict)


class GivenUpRecords:
    """Reads records again. The first two arguments are SDK clients."""

    def __init__(self, dynamodb: Any, streams: Any, table: str, redelivery: Redelivery) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._reader = TableStream(dynamodb, streams, table)
        self._redelivery = redelivery

    def find(self, batch: Batch) -> Found:
        """Return what a batch held. Raises ValueError where that still can't be read, Unavailable."""
        if isinstance(batch, UnreadableRecord):
            key = {"PK": {"S": batch.partition_key}, "SK": {"S": batch.sort_key}}
            item = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
            try:
                return Found(events_of(item) if item else [])
            except ValueError as exc:
                raise ValueError(f"{batch.sort_key} of {batch.partition_key}: {exc}") from exc
        try:
            records = self._records(batch)
        except (RecordsTrimmed, StreamGone, IteratorExpired):
            since, until = timestamp(batch.arrived - SLACK), timestamp(batch.arrived_last + SLACK)
            return Found([*self._redelivery.logged(since, until)])
        read = read_records(stream_event(records, batch.stream_arn)["Records"])
        return Found([one.event for one in read.events], "the stream", read.unreadable, read.pending)

    def _records(self, batch: GivenUp) -> list[Record]:
        """Return the records. Raises RecordsTrimmed, StreamGone, IteratorExpired where some are missing."""
        found: list[Record] = []
        empty = 0
        iterator: str | None = self._reader.iterator(
            batch.stream_arn, batch.shard, "AT_SEQUENCE_NUMBER", batch.first
        )
        while iterator is not None and empty < EMPTY_PAGES:
            page = self._reader.page(iterator)
            for record in page.records:
                found.append(record)
                if sequence_number(record) == batch.last:
                    return found
            empty = 0 if page.records else empty + 1
            iterator = page.next_iterator
        raise RecordsTrimmed
