import pytest

from chalicelib.push.retry import RetryPolicy, may_pass


@pytest.mark.parametrize(
    ("attempts", "longest"), [(1, 0.1), (2, 0.2), (3, 0.4), (5, 1.6), (6, 2.0), (60, 2.0)]
)
def test_the_longest_wait_doubles_up_to_the_cap(attempts: int, longest: float) -> None:
    delay = RetryPolicy(base_seconds=0.1, cap_seconds=2.0).delay(attempts, lambda: 1.0)

    assert delay == pytest.approx(longest)


def test_the_jitter_is_full() -> None:
    policy = RetryPolicy(base_seconds=0.1, cap_seconds=2.0)

    assert policy.delay(3, lambda: 0.0) == 0.0
    assert policy.delay(3, lambda: 0.5) == pytest.approx(0.2)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_throttling_and_server_errors_may_pass(status: int) -> None:
    assert may_pass(status)


@pytest.mark.parametrize("status", [301, 400, 403, 404, 410, 413])
def test_other_answers_would_come_again(status: int) -> None:
    assert not may_pass(status)


@pytest.mark.parametrize("bad", [{"attempts": 0}, {"base_seconds": -1.0}, {"cap_seconds": -0.1}])
def test_a_policy_without_a_first_attempt_or_with_negative_waits_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="one attempt or more"):
        RetryPolicy(**bad)  # type: ignore[arg-type]
