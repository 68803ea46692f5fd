import math

import pytest

from chalicelib.retry import RetryPolicy, TimeBudget, is_retryable_error, is_retryable_status

POLICY = RetryPolicy(attempts=5, base_seconds=0.1, cap_seconds=2.0)


@pytest.mark.parametrize(
    ("attempts", "longest"), [(1, 0.1), (2, 0.2), (3, 0.4), (5, 1.6), (6, 2.0), (60, 2.0)]
)
def test_the_longest_wait_doubles_up_to_the_cap(attempts: int, longest: float) -> None:
    assert POLICY.delay(attempts, lambda: 1.0) == pytest.approx(longest)


def test_the_jitter_is_full() -> None:
    assert POLICY.delay(3, lambda: 0.0) == 0.0
    assert POLICY.delay(3, lambda: 0.5) == pytest.approx(0.2)


def test_no_delay_follows_the_last_attempt() -> None:
    assert POLICY.next_delay(4, left=math.inf) is not None
    assert POLICY.next_delay(5, left=math.inf) is None


def test_no_retry_begins_after_the_callers_time() -> None:
    class InThreeSeconds(RetryPolicy):
        def delay(self, *_: object) -> float:
            return 3.0

    policy = InThreeSeconds(5, 1, 9)

    assert policy.next_delay(1, left=3.1) == 3.0
    assert policy.next_delay(1, left=3.0) is None


@pytest.mark.parametrize("bad", [(0, 1, 1), (1, -1, 1), (1, 1, -0.1)])
def test_a_policy_that_makes_no_sense_is_refused(bad: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="one attempt or more"):
        RetryPolicy(*bad)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_throttling_and_server_errors_are_retryable(status: int) -> None:
    assert is_retryable_status(status)


@pytest.mark.parametrize("status", [301, 400, 403, 404, 410, 413])
def test_other_statuses_are_final(status: int) -> None:
    assert not is_retryable_status(status)


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "RequestThrottled", "TransactionConflictException"]
)
def test_throttles_and_conflicts_are_retryable(code: str) -> None:
    assert is_retryable_error(code)


@pytest.mark.parametrize(
    ("reasons", "retryable"),
    [
        (["TransactionConflict"], True),
        (["None", "ThrottlingError", "None", "ProvisionedThroughputExceeded"], True),
        (["TransactionConflict", "ConditionalCheckFailed"], False),
        (["TransactionConflict", "ValidationError"], False),
        (["None"], False),
        ([], False),
    ],
)
def test_a_cancelled_transaction_is_retryable_if_all_reasons_are(
    reasons: list[str], *, retryable: bool
) -> None:
    assert is_retryable_error("TransactionCanceledException", reasons) is retryable


def test_a_budget_runs_from_its_beginning() -> None:
    now = [100.0]
    budget = TimeBudget(monotonic=lambda: now[0])

    budget.begin(10)
    now[0] += 4
    six_left = budget.left()
    now[0] += 7
    none_left = budget.left()

    assert six_left == pytest.approx(6)
    assert none_left <= 0


@pytest.mark.parametrize("begun", [True, False])
def test_a_budget_nobody_knows_is_the_patience(*, begun: bool) -> None:
    budget = TimeBudget(patience=20)

    if begun:
        budget.begin(1)
        budget.begin(None)

    assert budget.left() == 20
    assert TimeBudget().left() == math.inf
