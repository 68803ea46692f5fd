from dataclasses import replace

import pytest

from benchmarks.budget import simulate
from benchmarks.scale import ATTEMPTS, DEFAULT, RAISED, SIZES, most, reach, standing
from infra.budget import ACCOUNT_RATE, CONCURRENCY, DELIVERY_SHARE, posts_per_second


def test_a_larger_audience_takes_longer_and_costs_more() -> None:
    reached = [reach(size, DEFAULT) for size in SIZES]

    assert [one.seconds for one in reached] == sorted(one.seconds for one in reached)
    assert [one.dollars for one in reached] == sorted(one.dollars for one in reached)


def test_no_audience_is_reached_faster_than_the_budget_allows() -> None:
    for size in SIZES:
        budget = DEFAULT.account_rate * DELIVERY_SHARE
        assert reach(size, DEFAULT).seconds >= size / budget - 1


def test_shards_without_a_function_wait_for_one() -> None:
    few = replace(DEFAULT, deliver=6)

    assert reach(1_000_000, few).seconds > reach(1_000_000, DEFAULT).seconds


def test_an_unusable_rate_is_bound_by_posts_in_flight() -> None:
    assert replace(DEFAULT, account_rate=10_000_000).bound_by == "posts in flight"
    assert RAISED.bound_by == "account rate"


def test_a_function_posts_as_fast_as_it_is_deployed_to() -> None:
    assert DEFAULT.rate == posts_per_second(ACCOUNT_RATE)


def test_an_audience_beyond_the_attempts_of_a_job_is_known() -> None:
    assert reach(most(DEFAULT), DEFAULT).runs == ATTEMPTS
    assert reach(most(DEFAULT) * 2, DEFAULT).runs > ATTEMPTS


def test_ten_million_cannot_come_back_in_time_within_quota() -> None:
    assert standing(1_000_000)["new connections"] < 500 < standing(10_000_000)["new connections"]


def test_only_a_budget_keeps_other_requests_unthrottled() -> None:
    functions = sum(CONCURRENCY.values())

    within = simulate(3, posts_per_second(ACCOUNT_RATE), functions)
    without = simulate(3, None, functions)

    assert within.throttled == 0
    assert without.share > 0.5
    assert within.posts == pytest.approx(3.5 * ACCOUNT_RATE * DELIVERY_SHARE, rel=0.01)
