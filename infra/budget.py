"""Divides the account's rate at API Gateway among all that a stage does there.

API Gateway counts REST requests, frames, their answers and posts of an account and Region against one rate.
See docs/decisions/0083-a-budget-of-posts.md; ``python -m benchmarks.budget`` shows it.
"""

from typing import NamedTuple

ACCOUNT_RATE = 10_000
"""Requests a second that an account has in the Regions named below; elsewhere ``NEWER_RATE``:
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

NEWER_RATE = 2_500

ESTABLISHED = frozenset(
    {"ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1"}
    | {"ap-southeast-2", "ca-central-1", "cn-north-1", "cn-northwest-1", "eu-central-1", "eu-north-1"}
    | {"eu-west-1", "eu-west-2", "eu-west-3", "me-south-1", "sa-east-1", "us-east-1", "us-east-2"}
    | {"us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2"}
)
"""The Regions with the higher rate. New Regions have the lower one."""

DELIVERY_SHARE, REST_SHARE, FRAME_SHARE = 0.5, 0.05, 0.1
"""The parts of the rate that deliveries, REST requests and frames may take. A frame counts twice, since it is
answered. The rest is for what a resume replays, for the sweep, and for the account's other APIs."""

BURST_SECONDS = 0.5
"""Seconds' worth of its rate that each may use at once. The account's own burst is half a second's."""

CONCURRENCY = {"broadcast": 4, "deliver": 8}
"""How many of each may run at once. ``broadcast``: one for each shard of the stream, of which there are four
until it takes more than 4,000 writes a second. ``deliver``: one for each shard of an audience, so that they
begin and end together. These are reserved: neither function ever has fewer or more."""

UNRESERVED_DELIVER = 2
"""How many of deliver may run where nothing can be reserved: the fewest that Lambda lets a queue start. An
account may begin with 10 of all functions."""

POSTING = frozenset({*CONCURRENCY, "sweep"})
"""The functions that post by a budget. There is one sweep at a time."""


class Throttle(NamedTuple):
    """What an API accepts: requests a second, and how many at once after a pause."""

    rate: int
    burst: int


def default_rate(region: str) -> int:
    """Return the requests a second that an account has in a Region, unless it was given more."""
    return ACCOUNT_RATE if region in ESTABLISHED else NEWER_RATE


def posts_per_second(account_rate: int, functions: int = sum(CONCURRENCY.values())) -> int:
    """Return how many posts a second one of so many functions may make."""
    return int(account_rate * DELIVERY_SHARE) // functions


def rest_throttle(account_rate: int) -> Throttle:
    """Return the REST API's throttle."""
    return _throttle(int(account_rate * REST_SHARE))


def websocket_throttle(account_rate: int) -> Throttle:
    """Return the WebSocket API's throttle, in frames. Each frame is answered."""
    return _throttle(int(account_rate * FRAME_SHARE))


def _throttle(rate: int) -> Throttle:
    return Throttle(rate, int(rate * BURST_SECONDS))
