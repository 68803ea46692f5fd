import math

import pytest

from chalicelib.retry import Backoff, RetryPolicy, TimeBudget, is_retryable_error, is_retryable_status


@pytest.mark.parametrize("bad", [(0, 1, 1), (1, -1, 1), (1, 1, -0.1)])
def test_a_policy_that_makes_no_sense_is_refused(bad: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="one attempt or more"):
        RetryPolicy(*bad)


@pytest.mark.parametrize("begun", [True, False])
def test_a_budget_nobody_knows_is_the_patience(*, begun: bool) -> None:
    budget = TimeBudget(patience=20)

    if begun:
        budget.begin(1)
        budget.begin(None)

    assert budget.left() == 20
    assert TimeBudget().left() == math.inf


def test_statuses_of_throttling_and_server_errors_are_retryable() -> None:
    statuses = (301, 400, 403, 404, 410, 413, 429, 500, 502, 503, 504)

    assert [status for status in statuses if is_retryable_status(status)] == [429, 500, 502, 503, 504]


@pytest.mark.parametrize(
    ("code", "reasons", "retryable"),
    [
        ("ProvisionedThroughputExceededException", [], True),
        ("RequestThrottled", [], True),
        ("TransactionConflictException", [], True),
        ("TransactionCanceledException", ["TransactionConflict"], True),
        ("TransactionCanceledException", ["None", "ThrottlingError", "ProvisionedThroughputExceeded"], True),
        ("TransactionCanceledException", ["TransactionConflict", "ConditionalCheckFailed"], False),
        ("TransactionCanceledException", ["TransactionConflict", "ValidationError"], False),
        ("TransactionCanceledException", ["None"], False),
        ("TransactionCanceledException", [], False),
    ],
)
def test_throttles_and_conflicts_are_retryable(code: str, reasons: list[str], *, retryable: bool) -> None:
    assert is_retryable_error(code, reasons) is retryable


def test_a_budget_runs_from_its_beginning() -> None:
    now = [100.0]
    budget = TimeBudget(monotonic=lambda: now[0])

    budget.begin(10)
    now[0] += 4

    assert budget.left() == pytest.approx(6)


class Clock:
    """A time that only sleeping moves."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return sum(self.slept)


@pytest.mark.parametrize(
    ("attempts", "seconds", "random", "slept"),
    [
        (5, 10.0, 1.0, [0.1, 0.2, 0.4, 0.4]),
        (4, 10.0, 0.5, [0.05, 0.1, 0.2]),  # the jitter is full
        (100, 1.0, 1.0, [0.1, 0.2, 0.4]),  # no wait outlasts the budget
        (100, 0.0, 1.0, []),  # and the first attempt needs none
    ],
)
def test_waits_double_and_then_end(attempts: int, seconds: float, random: float, slept: list[float]) -> None:
    clock, policy = Clock(), RetryPolicy(attempts=attempts, base_seconds=0.1, cap_seconds=0.4)
    backoff = Backoff(policy, TimeBudget(seconds), lambda: random, clock.slept.append, clock.monotonic)

    made = [*backoff.attempts()]

    assert made == [*range(1, len(slept) + 2)]
    assert clock.slept == pytest.approx(slept)


def test_time_that_attempts_take_counts() -> None:
    clock = Clock()
    backoff = Backoff(
        RetryPolicy(9, 0.1, 0.4), TimeBudget(1), lambda: 1.0, clock.slept.append, clock.monotonic
    )

    made = []
    for attempt in backoff.attempts():
        made.append(attempt)
        clock.slept.append(0.6)

    assert made == [1, 2]
