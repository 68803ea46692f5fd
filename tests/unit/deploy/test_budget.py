"""All that a stage does at API Gateway is together at most the account's rate, and its burst."""

import boto3
import pytest

from infra.budget import (
    CONCURRENCY,
    DELIVERY_SHARE,
    POSTING,
    default_rate,
    posts_per_second,
    rest_throttle,
    websocket_throttle,
)

LOW = """
    af-south-1 ap-east-2 ap-south-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7
    ca-west-1 eu-central-2 eu-south-1 eu-south-2 il-central-1 me-central-1 mx-central-1
"""
REGIONS = [
    region
    for partition in ("aws", "aws-cn", "aws-us-gov")
    for region in boto3.Session().get_available_regions("lambda", partition)
]
RATES = [*range(100, 1_000), 2_500, 4_999, 5_000, 10_000, 33_333, 1_000_000]


@pytest.mark.parametrize("account_rate", [480, 2_500, 10_000])
def test_all_functions_together_post_within_their_share(account_rate: int) -> None:
    functions = sum(CONCURRENCY.values())

    assert 0 < functions * posts_per_second(account_rate) <= account_rate * DELIVERY_SHARE


@pytest.mark.parametrize("region", [*REGIONS, "xx-new-1"])
def test_a_region_begins_with_its_own_rate(region: str) -> None:
    assert len(REGIONS) > 30
    assert default_rate(region) == (2_500 if region in LOW.split() or region == "xx-new-1" else 10_000)


def test_everything_together_is_within_the_accounts_rate() -> None:
    posting = sum(CONCURRENCY.get(function, 1) for function in POSTING)
    for account_rate in RATES:
        rest, frames = rest_throttle(account_rate), websocket_throttle(account_rate)
        posts = posts_per_second(account_rate)
        burst_of_posts = max(1.0, posts / 2)  # chalicelib.aws.adapters

        assert min(*rest, *frames, posts) >= 1
        assert rest.rate + 2 * frames.rate + posting * posts <= account_rate
        assert rest.burst + 2 * frames.burst + posting * burst_of_posts <= account_rate / 2
