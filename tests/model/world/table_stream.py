"""The sessions table's stream: records in order within each shard, late, more than once, cut anywhere.

What follows a failure is Lambda's, as the local gateway has it.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.aws.dynamodb.keys import SESSIONS
from infra.event_sources import STREAM_MAPPING
from infra.local.triggers.stream_event import stream_event
from infra.local.triggers.stream_mapping import WITHOUT_END, ShardQueue
from tests.model.world.interruptions import FunctionFailed

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/sessions/stream/now"

PATIENT = {"MaximumRetryAttempts": WITHOUT_END}
"""What is given up is up to the nights (``Shard.deliver``)."""


class TableStream:
    """``invoke`` calls the function with an event and returns its answer, or raises FunctionFailed."""

    def __init__(self, shards: int) -> None:
        settings = {**STREAM_MAPPING, **PATIENT}
        self.shards = [Shard(ShardQueue(settings, _never)) for _ in range(shards)]
        self._places: list[tuple[Shard, int]] = []
        self._records = 0

    def append(self, image: Mapping[str, Any], events: int) -> None:
        """Take an item that was put; a partition's records are all in one shard. It holds so many events."""
        keys = {name: image[name] for name in ("PK", "SK")}
        change = {
            "Keys": keys,
            "NewImage": dict(image),
            "SequenceNumber": f"{self._records:021}",
            "StreamViewType": "NEW_IMAGE",
            "ApproximateCreationDateTime": 0,
        }
        self._records += 1
        shard = self.shards[zlib.crc32(image["PK"]["S"].encode()) % len(self.shards)]
        self._places.extend([(shard, len(shard.records))] * events)
        shard.records.append({"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change})

    def expire(self) -> None:
        """Let all records that were delivered be gone: a stream keeps them for a day."""
        for shard in self.shards:
            shard.expire()

    def has_delivered(self, index: int) -> bool:
        """Say whether the record that has the ``index``th event was handed over with success.

        One that was given up counts as delivered once a later one of its stream was.
        """
        shard, place = self._places[index]
        return place < shard.done and (place not in shard.given_up or shard.is_made_good(place))


class Shard:
    """``given_up`` are the places of records that come no more."""

    def __init__(self, queue: ShardQueue) -> None:
        self.records: list[dict[str, Any]] = []
        self.done = 0
        self.given_up: set[int] = set()
        self._queue = queue
        self._taken = 0
        self._oldest = 0
        self.busy = False

    @property
    def idle(self) -> bool:
        return self._queue.next_batch() is None and self._taken == len(self.records)

    def expire(self) -> None:
        self._oldest = self._taken

    def is_made_good(self, place: int) -> bool:
        later = range(place + 1, self.done)
        partition = _partition(self.records[place])
        return any(one not in self.given_up and _partition(self.records[one]) == partition for one in later)

    def deliver(
        self, invoke: Callable[[Any], Any], count: int, *, again: int = 0, give_up: bool = False
    ) -> None:
        """Hand over what failed before, or else ``count`` more records behind ``again`` delivered ones.

        What fails comes again, or is given up. Votes are not: a person redoes these.
        """
        if self.busy:
            return  # one shard has one invocation at a time
        if self._queue.next_batch() is None:
            start = max(self._oldest, self._taken - again)
            self._taken = min(self._taken + count, len(self.records))
            self._queue.add(self.records[start : self._taken])
        batch = self._queue.next_batch()
        if batch is None:
            return
        self.busy = True
        try:
            self._queue.answered(batch, invoke(stream_event(batch.records, ARN)))
        except FunctionFailed:
            self._queue.failed(batch)
        finally:
            self.busy = False
        if give_up:
            self._give_up()
        if self._queue.next_batch() is None:
            self.done = self._taken

    def _give_up(self) -> None:
        while batch := self._queue.next_batch():
            if not all(_is_event(record) for record in batch.records):
                return
            self.given_up |= {self.records.index(dict(record)) for record in batch.records}
            self._queue.answered(batch, None)


def _is_event(record: Mapping[str, Any]) -> bool:
    partition = _partition(record)
    return partition == SESSIONS or partition.startswith("session#")


def _partition(record: Mapping[str, Any]) -> str:
    partition: str = record["dynamodb"]["Keys"]["PK"]["S"]
    return partition


def _never(batch: object) -> None:
    raise AssertionError(f"given up: {batch}")
