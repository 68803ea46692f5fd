import pytest

from infra.budget import CONCURRENCY, DELIVERY_SHARE, posts_per_second


@pytest.mark.parametrize("account_rate", [480, 2_500, 10_000])
def test_all_functions_together_post_within_their_share(account_rate: int) -> None:
    functions = sum(CONCURRENCY.values())

    assert 0 < functions * posts_per_second(account_rate) <= account_rate * DELIVERY_SHARE
