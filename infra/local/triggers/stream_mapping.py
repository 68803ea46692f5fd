"""Lambda's rules for a shard of a stream: which records come next, and what follows a failure.

They are documented under "Process DynamoDB records with Lambda". Here they are written for a mapping that
halves failed batches and a function that reports failed records. Nothing overtakes a failing batch.
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
"""AWS's value for no limit."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that are handed over together. ``failures`` is how often they have failed."""

    records: tuple[Record, ...]
    failures: int = 0


class ShardQueue:
    """The records of one shard on their way to a function.

    ``settings`` are the mapping's, as UpdateEventSourceMapping takes them. ``discard`` gets a batch after its
    last attempt. A record's age is ignored: records from before a laptop slept are delivered when it wakes.
    """

    def __init__(self, settings: Mapping[str, Any], discard: Callable[[Batch], None]) -> None:
        self._patterns = patterns_of(settings)
        self._batch_size: int = settings.get("BatchSize", 100)
        attempts: int = settings["MaximumRetryAttempts"]
        self._retry_attempts = math.inf if attempts == WITHOUT_END else attempts
        self._discard = discard
        self._batches: deque[Batch] = deque()

    def add(self, records: Iterable[Record]) -> None:
        """Add records in the shard's order, without those that no filter matches."""
        wanted = tuple(record for record in records if matches_any(self._patterns, record))
        size = self._batch_size
        self._batches.extend(Batch(wanted[start : start + size]) for start in range(0, len(wanted), size))

    def next_batch(self) -> Batch | None:
        """Return the next batch, or None.

        It stays the next one until ``answered`` or ``failed`` has been called with it.
        """
        return self._batches[0] if self._batches else None

    def answered(self, batch: Batch, response: Any) -> bool:
        """Note the function's answer. Return whether a part of the batch has to come again."""
        failed = reported(response)
        if failed == set():
            self._batches.popleft()
            return False
        numbers = [sequence_number(record) for record in batch.records]
        if failed is None or not failed <= {*numbers} or numbers[0] in failed:
            return self.failed(batch)
        # Records before the first reported one are done; the others become a new batch.
        return self._count(Batch(batch.records[min(map(numbers.index, failed)) :]))

    def failed(self, batch: Batch) -> bool:
        """Note that the function failed. Return whether the batch has to come again."""
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
    """Return whether a record matches one of the filters, as documented under "Lambda event filtering".

    It knows exact values and prefixes. Raises ValueError for any other operator, since a filter that is half
    understood would silently lose events.
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
        raise ValueError(f"The gateway does not know the rule {rule!r} of an event pattern.")
    return isinstance(value, str) and value.startswith(rule["prefix"])


def failure_record(
    batch: Batch, function: str, stream_arn: str, shard: str, moment: Moment
) -> dict[str, Any]:
    """Return Lambda's message to the on-failure destination about a batch after its last attempt.

    It names the records without their contents, as documented under "Retain discarded batch records for a
    DynamoDB event source".
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
