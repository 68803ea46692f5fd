"""Lambda's rules for a shard of a stream: which records come next, and what follows a failure.

As documented under "Process DynamoDB records with Lambda". One queue is one shard; nothing overtakes a
failing batch. Leaves reading the stream to ``poller``, and waiting between attempts to who drives it.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from infra.local.triggers.event_pattern import matches
from infra.local.triggers.stream_event import Record, created_at, sequence_number

WITHOUT_END = -1


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """The settings of an event source mapping, with Lambda's defaults and under Lambda's names."""

    batch_size: int = 100
    maximum_retry_attempts: int = WITHOUT_END
    maximum_record_age_in_seconds: int = WITHOUT_END
    bisect_batch_on_function_error: bool = False
    report_batch_item_failures: bool = False
    patterns: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Read the settings as UpdateEventSourceMapping takes them."""
        filters = settings.get("FilterCriteria", {}).get("Filters", [])
        return cls(
            batch_size=settings.get("BatchSize", 100),
            maximum_retry_attempts=settings.get("MaximumRetryAttempts", WITHOUT_END),
            maximum_record_age_in_seconds=settings.get("MaximumRecordAgeInSeconds", WITHOUT_END),
            bisect_batch_on_function_error=settings.get("BisectBatchOnFunctionError", False),
            report_batch_item_failures="ReportBatchItemFailures" in settings.get("FunctionResponseTypes", ()),
            patterns=tuple(json.loads(one["Pattern"]) for one in filters),
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
        self._unread: deque[Record] = deque()
        self._again: deque[Batch] = deque()

    def add(self, records: Iterable[Record]) -> None:
        """Take records, in the shard's order; what the filters do not want is passed over."""
        self._unread.extend(record for record in records if self._mapping.wants(record))

    def next_batch(self) -> Batch | None:
        """Return what the function gets next; None where there is nothing.

        It is returned again until ``answered`` or ``failed`` has been called with it.
        """
        while True:
            if not self._again:
                if not self._unread:
                    return None
                size = min(self._mapping.batch_size, len(self._unread))
                self._again.append(Batch(tuple(self._unread.popleft() for _ in range(size))))
            batch = self._without_aged(self._again[0])
            if batch.records:
                self._again[0] = batch
                return batch
            self._again.popleft()

    def answered(self, batch: Batch, response: Any) -> bool:
        """Take the function's answer; return whether some of the batch has to come again."""
        if not self._mapping.report_batch_item_failures:
            self._again.popleft()
            return False
        checkpoint = _checkpoint(batch, response)
        if checkpoint is None:
            self._again.popleft()
            return False
        if checkpoint == 0:
            return self.failed(batch)
        # Whatever precedes the lowest reported record is done; the rest is a batch of its own.
        self._again[0] = Batch(batch.records[checkpoint:], 0)
        return self._count(self._again[0])

    def failed(self, batch: Batch) -> bool:
        """Take the function's failure; return whether the batch has to come again."""
        if self._mapping.bisect_batch_on_function_error and len(batch.records) > 1:
            # Splitting does not count as an attempt.
            middle = len(batch.records) // 2
            self._again[0] = replace(batch, records=batch.records[middle:])
            self._again.appendleft(replace(batch, records=batch.records[:middle]))
            return True
        return self._count(batch)

    def _count(self, batch: Batch) -> bool:
        batch = replace(batch, failures=batch.failures + 1)
        limit = self._mapping.maximum_retry_attempts
        if limit != WITHOUT_END and batch.failures > limit:
            self._again.popleft()
            self._discard(Discarded(batch, "RetryAttemptsExhausted"))
            return False
        self._again[0] = batch
        return True

    def _without_aged(self, batch: Batch) -> Batch:
        limit = self._mapping.maximum_record_age_in_seconds
        if limit == WITHOUT_END:
            return batch
        oldest = self._now() - limit
        aged = tuple(record for record in batch.records if created_at(record) < oldest)
        if not aged:
            return batch
        self._discard(Discarded(replace(batch, records=aged), "RecordAgeExceeded"))
        return replace(batch, records=tuple(record for record in batch.records if record not in aged))


def _checkpoint(batch: Batch, response: Any) -> int | None:
    """Return the index of the first record that has to come again; None where all is done.

    Lambda takes no answer, or one without failures, for success, and one that it can't read for a failure
    of the whole batch.
    """
    if not response:
        return None
    if not isinstance(response, Mapping):
        return 0
    failures = response.get("batchItemFailures", [])
    if not failures:
        return None
    try:
        reported = {str(failure["itemIdentifier"]) for failure in failures}
    except (KeyError, TypeError):
        return 0
    positions = {sequence_number(record): index for index, record in enumerate(batch.records)}
    return min((positions.get(number, 0) for number in reported), default=0)
