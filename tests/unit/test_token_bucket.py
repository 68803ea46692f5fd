import pytest

from chalicelib.token_bucket import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_is_full_once_a_whole_burst_may_pass() -> None:
    clock = Clock()
    bucket = TokenBucket(100, 5, clock=clock)
    full = [bucket.is_full()]

    bucket.take()
    for seconds in (0.0, 0.009, 0.001):
        clock.now += seconds
        full.append(bucket.is_full())

    assert full == [True, False, False, True]


@pytest.mark.parametrize("rate", [3, 7, 41, 0.9, 333.3])
def test_whoever_waits_as_told_may_pass(rate: float) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, clock=clock)

    for _ in range(200):
        bucket.take()
        clock.now += bucket.wait()

        assert bucket.wait() == 0


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (10, 0.5)])
def test_a_bucket_that_lets_nothing_pass_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="A rate is above 0"):
        TokenBucket(rate, burst)


def test_the_long_run_keeps_the_rate_and_rest_a_burst() -> None:
    clock = Clock()
    bucket = TokenBucket(100, 5, clock=clock)

    def passed() -> int:
        count = 0
        while not bucket.wait():
            bucket.take()
            count += 1
        return count

    counts = []
    for seconds in (0.0, 3600.0, *[0.01] * 1000):
        clock.now += seconds
        counts.append(passed())

    assert counts[:2] == [5, 5]
    assert sum(counts[2:]) == pytest.approx(1000, abs=1)
