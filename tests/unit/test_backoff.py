import pytest

from chalicelib.retry import Backoff, RetryPolicy, TimeBudget


class Clock:
    """A time that only sleeping moves."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def monotonic(self) -> float:
        return sum(self.slept)


def backoff(clock: Clock, attempts: int = 100, seconds: float = 10.0, random: float = 1.0) -> Backoff:
    policy = RetryPolicy(attempts=attempts, base_seconds=0.1, cap_seconds=0.4)
    return Backoff(policy, TimeBudget(seconds), lambda: random, clock.sleep, clock.monotonic)


def test_waits_double_to_the_cap_and_end_with_the_attempts() -> None:
    clock = Clock()

    made = [*backoff(clock, attempts=5).attempts()]

    assert made == [1, 2, 3, 4, 5]
    assert clock.slept == pytest.approx([0.1, 0.2, 0.4, 0.4])


def test_no_wait_outlasts_the_budget() -> None:
    clock = Clock()

    made = [*backoff(clock, seconds=1.0).attempts()]

    assert made == [1, 2, 3, 4]
    assert clock.slept == pytest.approx([0.1, 0.2, 0.4])


def test_the_first_attempt_is_made_without_any_time_left() -> None:
    assert [*backoff(Clock(), seconds=0.0).attempts()] == [1]


def test_the_jitter_is_full() -> None:
    clock = Clock()

    [*backoff(clock, attempts=4, random=0.5).attempts()]

    assert clock.slept == pytest.approx([0.05, 0.1, 0.2])


def test_time_that_attempts_take_counts() -> None:
    clock = Clock()
    made = []

    for attempt in backoff(clock, seconds=1.0).attempts():
        made.append(attempt)
        clock.sleep(0.6)  # so long takes the attempt itself

    assert made == [1, 2]
