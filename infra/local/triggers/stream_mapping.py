"""Lambda's rules for a shard of a stream: which records come next, and what follows a failure.

As documented under "Process DynamoDB records with Lambda". One queue is one shard; nothing overtakes a
failing batch.
"""

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from infra.local.deployment import ACCOUNT_ID, REGION, Moment
from infra.local.triggers.event_pattern import matches
from infra.local.triggers.polling import reported
from infra.local.triggers.stream_event import Record, created_at, sequence_number

WITHOUT_END = -1


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """The settings of an event source mapping that vary; -1 means no limit.

    Batches that fail are halved, and the function reports what failed of a batch.
    """

    batch_size: int = 100
    retry_attempts: int = WITHOUT_END
    record_age_seconds: int = WITHOUT_END
    patterns: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Read the settings as UpdateEventSourceMapping takes them.

        Raises ValueError where they do not have batches halved and failures reported.
        """
        if not settings["BisectBatchOnFunctionError"] or "FunctionResponseTypes" not in settings:
            raise ValueError("A stream's batches are halved here, and its functions report what failed.")
        return cls(
            settings.get("BatchSize", 100),
            settings["MaximumRetryAttempts"],
            settings["MaximumRecordAgeInSeconds"],
            tuple(json.loads(one["Pattern"]) for one in settings["FilterCriteria"]["Filters"]),
        )

    def wants(self, record: Record) -> bool:
        """Say whether a record passes the filters: none at all, or any of them."""
        return not self.patterns or any(matches(pattern, record) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to hand over together; ``failures`` counts how often that has failed already."""

    records: tuple[Record, ...]
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Discarded:
    """Records that were given up, for the on-failure destination."""

    batch: Batch
    condition: str


class ShardQueue:
    """The records of one shard on their way to a function.

    ``now`` gives Unix seconds. ``discard`` is told what is given up.
    """

    def __init__(
        self, mapping: StreamMapping, now: Callable[[], float], discard: Callable[[Discarded], None]
    ) -> None:
        self._mapping = mapping
        self._now = now
        self._discard = discard
        self._batches: deque[Batch] = deque()

    def add(self, records: Iterable[Record]) -> None:
        """Take records, in the shard's order, and drop those that no filter wants."""
        wanted = tuple(record for record in records if self._mapping.wants(record))
        size = self._mapping.batch_size
        self._batches.extend(Batch(wanted[start : start + size]) for start in range(0, len(wanted), size))

    def next_batch(self) -> Batch | None:
        """Return what the function gets next; None where there is nothing.

        It is returned again until ``answered`` or ``failed`` has been called with it.
        """
        while self._batches:
            batch = self._batches[0] = self._without_aged(self._batches[0])
            if batch.records:
                return batch
            self._batches.popleft()
        return None

    def answered(self, batch: Batch, response: Any) -> bool:
        """Take the function's answer; return whether some of the batch has to come again."""
        checkpoint = _checkpoint(batch, response)
        if checkpoint is None:
            self._batches.popleft()
            return False
        if checkpoint == 0:
            return self.failed(batch)
        # Whatever precedes the lowest reported record is done; the rest is a batch of its own.
        return self._count(Batch(batch.records[checkpoint:]))

    def failed(self, batch: Batch) -> bool:
        """Take the function's failure; return whether the batch has to come again."""
        if len(batch.records) == 1:
            return self._count(batch)
        # Halving does not count as an attempt.
        middle = len(batch.records) // 2
        self._batches[0] = replace(batch, records=batch.records[middle:])
        self._batches.appendleft(replace(batch, records=batch.records[:middle]))
        return True

    def _count(self, batch: Batch) -> bool:
        batch = self._batches[0] = replace(batch, failures=batch.failures + 1)
        if self._mapping.retry_attempts == WITHOUT_END or batch.failures <= self._mapping.retry_attempts:
            return True
        self._batches.popleft()
        self._discard(Discarded(batch, "RetryAttemptsExhausted"))
        return False

    def _without_aged(self, batch: Batch) -> Batch:
        age = self._mapping.record_age_seconds
        oldest = self._now() - age if age != WITHOUT_END else -math.inf
        aged = tuple(record for record in batch.records if created_at(record) < oldest)
        if not aged:
            return batch
        self._discard(Discarded(replace(batch, records=aged), "RecordAgeExceeded"))
        return replace(batch, records=tuple(record for record in batch.records if record not in aged))


def _checkpoint(batch: Batch, response: Any) -> int | None:
    """Return the index of the first record that has to come again; None where all is done."""
    failed = reported(response)
    if failed is None:
        return 0
    positions = {sequence_number(record): index for index, record in enumerate(batch.records)}
    return min((positions.get(number, 0) for number in failed), default=None)


def failure_record(
    discarded: Discarded, function: str, stream_arn: str, shard: str, moment: Moment
) -> dict[str, Any]:
    """Return the message to the on-failure destination for records that a function did not handle.

    As documented under "Retain discarded batch records for a DynamoDB event source": it names the records
    without their contents.
    """
    records = discarded.batch.records
    return {
        "requestContext": {
            "requestId": moment.request_id,
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}",
            "condition": discarded.condition,
            "approximateInvokeCount": discarded.batch.failures,
        },
        "version": "1.0",
        "timestamp": _iso(moment.now.timestamp()),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": sequence_number(records[0]),
            "endSequenceNumber": sequence_number(records[-1]),
            "approximateArrivalOfFirstRecord": _iso(created_at(records[0])),
            "approximateArrivalOfLastRecord": _iso(created_at(records[-1])),
            "batchSize": len(records),
            "streamArn": stream_arn,
        },
    }


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
