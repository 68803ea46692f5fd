from typing import Any

import pytest

from infra.event_sources import PATTERNS, STREAM_MAPPING
from infra.local.triggers.event_pattern import matches
from infra.local.triggers.stream_mapping import Discarded, ShardQueue, StreamMapping

NOW = 1_000_000.0


def record(number: int, created: float = NOW) -> dict[str, Any]:
    return {"dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": created}}


def failures(*numbers: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}


class Shard:
    """A shard's queue, spoken to in sequence numbers."""

    def __init__(self, *numbers: int, **mapping: Any) -> None:
        self.given_up: list[Discarded] = []
        self.queue = ShardQueue(StreamMapping(**mapping), lambda: NOW, self.given_up.append)
        self.queue.add(record(number) for number in numbers)

    def next(self) -> list[int]:
        batch = self.queue.next_batch()
        return [int(one["dynamodb"]["SequenceNumber"]) for one in batch.records] if batch else []

    def answer(self, response: Any = None) -> bool:
        batch = self.queue.next_batch()
        assert batch is not None
        return self.queue.answered(batch, response)

    def fail(self) -> bool:
        batch = self.queue.next_batch()
        assert batch is not None
        return self.queue.failed(batch)

    def discarded(self) -> list[tuple[str, list[int]]]:
        return [
            (one.condition, [int(each["dynamodb"]["SequenceNumber"]) for each in one.batch.records])
            for one in self.given_up
        ]


def test_records_come_in_batches_in_order() -> None:
    shard = Shard(1, 2, 3, batch_size=2)

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
    assert not shard.given_up


def test_after_the_last_attempt_a_batch_is_given_up() -> None:
    shard = Shard(1, 2, batch_size=1, retry_attempts=2)

    outcomes = [shard.fail() for _ in range(3)]

    assert outcomes == [True, True, False]
    assert shard.discarded() == [("RetryAttemptsExhausted", [1])]
    assert shard.given_up[0].batch.failures == 3
    assert shard.next() == [2]


def test_from_the_lowest_reported_record_on_all_come_again() -> None:
    shard = Shard(1, 2, 3, 4, 5, batch_size=4)

    again = shard.answer(failures(4, 2))

    assert again
    assert shard.next() == [2, 3, 4]
    assert not shard.answer(failures())
    assert shard.next() == [5]


def test_progress_has_attempts_counted_anew() -> None:
    shard = Shard(1, 2, 3, retry_attempts=1)

    assert shard.answer(failures(2))
    assert shard.answer(failures(3))
    assert not shard.answer(failures(3))

    assert shard.discarded() == [("RetryAttemptsExhausted", [3])]


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
    shard = Shard(1, 2, 3, 4, retry_attempts=1)
    seen = []

    while batch := shard.next():
        seen.append(batch)
        if 3 in batch:
            shard.fail()
        else:
            shard.answer()

    assert seen == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [4]]
    assert shard.discarded() == [("RetryAttemptsExhausted", [3])]


def test_records_that_are_too_old_are_given_up() -> None:
    shard = Shard(record_age_seconds=60, batch_size=3)
    shard.queue.add([record(1, NOW - 61), record(2, NOW - 59), record(3, NOW - 100), record(4, NOW - 61)])

    assert shard.next() == [2]
    assert not shard.answer()
    assert shard.next() == []
    assert shard.discarded() == [("RecordAgeExceeded", [1, 3]), ("RecordAgeExceeded", [4])]


def test_the_stacks_mapping_is_read() -> None:
    assert StreamMapping.from_settings(STREAM_MAPPING) == StreamMapping(100, 10, 3600, tuple(PATTERNS))


@pytest.mark.parametrize("name", ["BisectBatchOnFunctionError", "FunctionResponseTypes"])
def test_a_mapping_with_other_rules_is_refused(name: str) -> None:
    settings = {key: value for key, value in STREAM_MAPPING.items() if key != name}

    with pytest.raises(ValueError, match="are halved here"):
        StreamMapping.from_settings({"BisectBatchOnFunctionError": False, **settings})


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
    shard = Shard(patterns=tuple(PATTERNS))
    change = record(1)["dynamodb"] | {"Keys": {"PK": {"S": partition}, "SK": {"S": key}}}

    shard.queue.add([{"eventName": name, "dynamodb": change}])

    assert shard.next() == ([1] if wanted else [])


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
    assert matches(pattern, {"eventName": "INSERT", "dynamodb": {}}) is matched


def test_an_unknown_operator_of_a_pattern_is_an_error() -> None:
    with pytest.raises(ValueError, match="numeric"):
        matches({"eventName": [{"numeric": [">", 1]}]}, {"eventName": "INSERT"})
