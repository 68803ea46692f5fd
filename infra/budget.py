"""Computes how many posts a second each function may make, so that other requests have room.

API Gateway counts REST, WebSocket and @connections requests of an account and Region against one rate. The
functions that post have fixed concurrency, and each gets an equal part. See
docs/decisions/0083-a-budget-of-posts.md; ``python -m benchmarks.budget`` shows it.
"""

ACCOUNT_RATE = 10_000
"""Requests a second that an account has in most Regions; 2,500 in the newer ones:
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

DELIVERY_SHARE = 0.5
"""The part of it that all deliveries together may take. The rest is for REST, for frames and their answers,
and for the account's other APIs."""

CONCURRENCY = {"broadcast": 4, "deliver": 8}
"""How many of each may run: broadcast one for each shard of the stream, of which a table has four until it
takes more than 4,000 writes a second; deliver one for each shard of an audience, so that they begin and end
together. Reserved: both have them however busy the rest is, and never more."""


def posts_per_second(account_rate: int, functions: int = sum(CONCURRENCY.values())) -> int:
    """Return what one of so many functions may post, in whole posts a second, as it is deployed."""
    return int(account_rate * DELIVERY_SHARE) // functions
