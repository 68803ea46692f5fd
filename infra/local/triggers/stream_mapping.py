"""Lambda's rules for a shard of a stream: which records come next, and what follows a failure.

As documented under "Process DynamoDB records with Lambda", for a mapping that halves failed batches and whose
function reports what failed. One queue is one shard; nothing overtakes a failing batch.
"""

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.timestamps import timestamp
from infra.local.deployment import ACCOUNT_ID, REGION, Moment
from infra.local.triggers.polling import reported
from infra.local.triggers.stream_event import Record, created_at, sequence_number

WITHOUT_END = -1
"""AWS's number for no limit."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to hand over together; ``failures`` counts how often that has failed already."""

    records: tuple[Record, ...]
    failures: int = 0


class ShardQueue:
    """The records of one shard on their way to a function.

    ``settings`` are the mapping's, as UpdateEventSourceMapping takes them. ``discard`` is given a batch after
    its last attempt. Here no record gets too old: what happened before a laptop slept is delivered when it
    wakes.
    """

    def __init__(self, settings: Mapping[str, Any], discard: Callable[[Batch], None]) -> None:
        self._patterns = patterns_of(settings)
        self._batch_size: int = settings.get("BatchSize", 100)
        attempts: int = settings["MaximumRetryAttempts"]
        self._retry_attempts = math.inf if attempts == WITHOUT_END else attempts
        self._discard = discard
        self._batches: deque[Batch] = deque()

    def add(self, records: Iterable[Record]) -> None:
        """Take records, in the shard's order, and drop those that no filter wants."""
        wanted = tuple(record for record in records if matches_any(self._patterns, record))
        size = self._batch_size
        self._batches.extend(Batch(wanted[start : start + size]) for start in range(0, len(wanted), size))

    def next_batch(self) -> Batch | None:
        """Return what the function gets next; None if there is nothing.

        It is returned again until ``answered`` or ``failed`` has been called with it.
        """
        return self._batches[0] if self._batches else None

    def answered(self, batch: Batch, response: Any) -> bool:
        """Take the function's answer; return whether some of the batch has to come again."""
        failed = reported(response)
        if failed == set():
            self._batches.popleft()
            return False
        numbers = [sequence_number(record) for record in batch.records]
        if failed is None or not failed <= {*numbers} or numbers[0] in failed:
            return self.failed(batch)
        # Whatever precedes the lowest reported record is done; the rest is a batch of its own.
        return self._count(Batch(batch.records[min(map(numbers.index, failed)) :]))

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
        if batch.failures <= self._retry_attempts:
            return True
        self._batches.popleft()
        self._discard(batch)
        return False


def patterns_of(settings: Mapping[str, Any]) -> list[Any]:
    """Return the event patterns of a mapping's filters."""
    return [json.loads(one["Pattern"]) for one in settings["FilterCriteria"]["Filters"]]


def matches_any(patterns: Iterable[Any], record: Record) -> bool:
    """Say whether a record passes the filters, as documented under "Lambda event filtering".

    It knows exact values and prefixes. Raises ValueError for another operator: half a filter would lose
    events in silence.
    """
    return any(_matches(pattern, record) for pattern in patterns)


def _matches(pattern: Any, value: Any) -> bool:
    if isinstance(pattern, Mapping):
        return isinstance(value, Mapping) and all(
            _matches(part, value.get(name)) for name, part in pattern.items()
        )
    return any(_fits(rule, value) for rule in pattern)


def _fits(rule: Any, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return bool(rule == value)
    if [*rule] != ["prefix"]:
        raise ValueError(f"The rule {rule!r} of an event pattern is not known here.")
    return isinstance(value, str) and value.startswith(rule["prefix"])


def failure_record(
    batch: Batch, function: str, stream_arn: str, shard: str, moment: Moment
) -> dict[str, Any]:
    """Return the message to the on-failure destination for records after their last attempt.

    As documented under "Retain discarded batch records for a DynamoDB event source": it names the records
    without their contents.
    """
    first, last = batch.records[0], batch.records[-1]
    return {
        "requestContext": {
            "requestId": moment.request_id,
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": batch.failures,
        },
        "version": "1.0",
        "timestamp": timestamp(moment.now),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": sequence_number(first),
            "endSequenceNumber": sequence_number(last),
            "approximateArrivalOfFirstRecord": timestamp(created_at(first)),
            "approximateArrivalOfLastRecord": timestamp(created_at(last)),
            "batchSize": len(batch.records),
            "streamArn": stream_arn,
        },
    }
