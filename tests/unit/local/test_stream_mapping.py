from typing import Any

import pytest

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


def test_a_failed_batch_comes_again_and_nothing_overtakes_it() -> None:
    shard = Shard(1, 2, 3, batch_size=2)

    again = shard.fail()
    shard.queue.add([record(4)])

    assert again
    assert shard.next() == [1, 2]


def test_without_a_bound_a_batch_is_never_given_up() -> None:
    shard = Shard(1)

    for _ in range(1000):
        shard.fail()

    assert shard.next() == [1]
    assert not shard.given_up


def test_after_the_last_attempt_a_batch_is_given_up_and_the_next_one_comes() -> None:
    shard = Shard(1, 2, batch_size=1, maximum_retry_attempts=2)

    outcomes = [shard.fail() for _ in range(3)]

    assert outcomes == [True, True, False]
    assert shard.discarded() == [("RetryAttemptsExhausted", [1])]
    assert shard.given_up[0].batch.failures == 3
    assert shard.next() == [2]


def test_from_the_lowest_reported_record_on_all_come_again() -> None:
    shard = Shard(1, 2, 3, 4, 5, report_batch_item_failures=True, batch_size=4)

    again = shard.answer(failures(4, 2))

    assert again
    assert shard.next() == [2, 3, 4]
    assert not shard.answer(failures())
    assert shard.next() == [5]


def test_attempts_are_counted_anew_once_there_was_progress() -> None:
    shard = Shard(1, 2, 3, report_batch_item_failures=True, maximum_retry_attempts=1)

    assert shard.answer(failures(2))
    assert shard.answer(failures(3))
    assert not shard.answer(failures(3))

    assert shard.discarded() == [("RetryAttemptsExhausted", [3])]


@pytest.mark.parametrize(
    "response", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"statusCode": 200}]
)
def test_an_answer_without_failures_is_success(response: Any) -> None:
    shard = Shard(1, 2, report_batch_item_failures=True)

    again = shard.answer(response)

    assert not again
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
def test_an_answer_that_can_not_be_read_is_a_failure_of_the_whole_batch(response: Any) -> None:
    shard = Shard(1, 2, report_batch_item_failures=True)

    again = shard.answer(response)

    assert again
    assert shard.next() == [1, 2]


def test_reports_count_for_nothing_where_the_mapping_does_not_ask_for_them() -> None:
    shard = Shard(1, 2)

    again = shard.answer(failures(1))

    assert not again
    assert shard.next() == []


def test_a_failed_batch_is_split_down_to_the_record_that_fails() -> None:
    shard = Shard(1, 2, 3, 4, bisect_batch_on_function_error=True, maximum_retry_attempts=1)
    seen = []

    while batch := shard.next():
        seen.append(batch)
        if 3 in batch:
            shard.fail()
        else:
            shard.answer()

    assert seen == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [4]]
    assert shard.discarded() == [("RetryAttemptsExhausted", [3])]


def test_records_that_are_too_old_are_given_up_before_they_are_handed_over() -> None:
    shard = Shard(maximum_record_age_in_seconds=60)
    shard.queue.add([record(1, NOW - 61), record(2, NOW - 59), record(3, NOW - 100)])

    assert shard.next() == [2]
    assert shard.discarded() == [("RecordAgeExceeded", [1, 3])]


def test_a_batch_of_which_all_is_too_old_is_passed_over() -> None:
    shard = Shard(maximum_record_age_in_seconds=60, batch_size=1)
    shard.queue.add([record(1, NOW - 61), record(2)])

    assert shard.next() == [2]


def test_a_mapping_is_read_as_aws_takes_it() -> None:
    mapping = StreamMapping.from_settings(
        {
            "BatchSize": 7,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": 3,
            "MaximumRecordAgeInSeconds": 60,
            "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
        }
    )

    assert mapping == StreamMapping(7, 3, 60, True, True, ({"eventName": ["INSERT"]},))  # noqa: FBT003
    assert StreamMapping.from_settings({}) == StreamMapping()


def test_what_no_filter_wants_is_never_handed_over() -> None:
    shard = Shard(patterns=({"eventName": ["INSERT"]}, {"eventName": ["REMOVE"]}))

    shard.queue.add(
        {**record(number), "eventName": name}
        for number, name in enumerate(("MODIFY", "INSERT", "MODIFY", "REMOVE"))
    )

    assert shard.next() == [1, 3]
