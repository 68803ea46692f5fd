import json
from typing import Any

import pytest

from infra.event_sources import PATTERNS, STREAM_MAPPING
from infra.local.triggers.stream_mapping import WITHOUT_END, Batch, ShardQueue, matches_any, patterns_of

EVERYTHING = {"Filters": [{"Pattern": json.dumps({})}]}
SETTINGS = {
    "MaximumRetryAttempts": WITHOUT_END,
    "FilterCriteria": EVERYTHING,
}


def record(number: int) -> dict[str, Any]:
    return {"dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": 0}}


def failures(*numbers: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}


def numbers(batch: Batch | None) -> list[int]:
    return [int(one["dynamodb"]["SequenceNumber"]) for one in batch.records] if batch else []


class Shard:
    """A shard's queue, spoken to in sequence numbers."""

    def __init__(self, *records: int, **settings: Any) -> None:
        self.discarded: list[tuple[list[int], int]] = []
        self.queue = ShardQueue({**SETTINGS, **settings}, self._discard)
        self.queue.add(record(number) for number in records)

    def _discard(self, batch: Batch) -> None:
        self.discarded.append((numbers(batch), batch.failures))

    def next(self) -> list[int]:
        return numbers(self.queue.next_batch())

    def answer(self, response: Any = None) -> bool:
        batch = self.queue.next_batch()
        assert batch is not None
        return self.queue.answered(batch, response)

    def fail(self) -> bool:
        batch = self.queue.next_batch()
        assert batch is not None
        return self.queue.failed(batch)


def test_records_come_in_batches_in_order() -> None:
    shard = Shard(1, 2, 3, BatchSize=2)

    batches = []
    while batch := shard.next():
        batches.append(batch)
        shard.answer()

    assert batches == [[1, 2], [3]]


def test_nothing_overtakes_a_failed_batch() -> None:
    shard = Shard(1, 2)

    for _ in range(1000):
        assert shard.fail()
    shard.queue.add([record(3)])

    assert shard.next() == [1]
    assert not shard.discarded


def test_after_the_last_attempt_a_batch_is_given_up() -> None:
    shard = Shard(1, 2, BatchSize=1, MaximumRetryAttempts=2)

    outcomes = [shard.fail() for _ in range(3)]

    assert outcomes == [True, True, False]
    assert shard.discarded == [([1], 3)]
    assert shard.next() == [2]


def test_from_the_lowest_reported_record_on_all_come_again() -> None:
    shard = Shard(1, 2, 3, 4, 5, BatchSize=4)

    again = shard.answer(failures(4, 2))

    assert again
    assert shard.next() == [2, 3, 4]
    assert not shard.answer(failures())
    assert shard.next() == [5]


def test_progress_has_attempts_counted_anew() -> None:
    shard = Shard(1, 2, 3, MaximumRetryAttempts=1)

    assert shard.answer(failures(2))
    assert shard.answer(failures(3))
    assert not shard.answer(failures(3))

    assert shard.discarded == [([3], 2)]


@pytest.mark.parametrize(
    "response", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"statusCode": 200}]
)
def test_an_answer_without_failures_is_success(response: Any) -> None:
    shard = Shard(1, 2)

    assert not shard.answer(response)
    assert shard.next() == []


@pytest.mark.parametrize(
    "response",
    [
        "text",
        {"batchItemFailures": [{}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": "99"}]},
        {"batchItemFailures": "2"},
    ],
)
def test_an_unreadable_answer_fails_the_whole_batch(response: Any) -> None:
    shard = Shard(1, 2)

    assert shard.answer(response)
    assert shard.next() == [1]  # halved, as any failed batch


def test_a_failed_batch_is_halved_down_to_what_fails() -> None:
    shard = Shard(1, 2, 3, 4, MaximumRetryAttempts=1)
    seen = []

    while batch := shard.next():
        seen.append(batch)
        if 3 in batch:
            shard.fail()
        else:
            shard.answer()

    assert seen == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [4]]
    assert shard.discarded == [([3], 2)]


@pytest.mark.parametrize(
    ("name", "partition", "key", "wanted"),
    [
        ("INSERT", "session#1", "event#0000000001", True),
        ("REMOVE", "session#1", "event#0000000001", False),
        ("INSERT", "session#1", "head", False),
        ("MODIFY", "session#1", "head", False),
        ("INSERT", "pending#1", "01762027200000#id", True),
        ("REMOVE", "pending#1", "01762027200000#id", False),
    ],
)
def test_only_new_events_and_pending_votes_reach_broadcast(
    name: str, partition: str, key: str, *, wanted: bool
) -> None:
    change = record(1)["dynamodb"] | {"Keys": {"PK": {"S": partition}, "SK": {"S": key}}}
    shard = Shard(FilterCriteria=STREAM_MAPPING["FilterCriteria"])

    shard.queue.add([{"eventName": name, "dynamodb": change}])

    assert shard.next() == ([1] if wanted else [])
    assert patterns_of(STREAM_MAPPING) == PATTERNS


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ({}, True),
        ({"eventName": ["MODIFY", "INSERT"]}, True),
        ({"eventName": []}, False),
        ({"eventName": [1]}, False),
        ({"dynamodb": {"Keys": {"PK": {"S": [{"prefix": ""}]}}}}, False),
        ({"eventName": {"S": ["INSERT"]}}, False),
    ],
)
def test_a_pattern_names_values_or_prefixes(pattern: dict[str, Any], *, matched: bool) -> None:
    assert matches_any([pattern], {"eventName": "INSERT", "dynamodb": {}}) is matched


def test_an_unknown_operator_of_a_pattern_is_an_error() -> None:
    with pytest.raises(ValueError, match="numeric"):
        matches_any([{"eventName": [{"numeric": [">", 1]}]}], {"eventName": "INSERT"})
