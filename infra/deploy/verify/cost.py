"""Estimates what verifying costs, with the prices of ``benchmarks.cost``.

The counts are upper bounds: the suite makes some 500 events, for a few connections each. docs/cost.md says
what the stage itself costs.
"""

from benchmarks import cost

COUNTS = {
    "REST requests": (2_000, cost.REST_REQUEST),
    "messages to and from clients": (20_000, cost.WEBSOCKET_MESSAGE),
    "connection minutes": (2_000, cost.CONNECTION_MINUTE),
    "invocations": (20_000, cost.LAMBDA_REQUEST),
    "GB-seconds": (4_000, cost.LAMBDA_GB_SECOND),
    "DynamoDB writes": (40_000, cost.DYNAMODB_WRITE),
    "DynamoDB reads": (100_000, cost.DYNAMODB_READ),
    "SQS requests": (10_000, cost.SQS_REQUEST),
    "GB of logs": (0.05, cost.LOG_GB),
    "traces": (20_000, cost.TRACE),
    "GB to clients": (0.05, cost.TRANSFER_GB),
}


def dollars() -> float:
    """Return the sum."""
    return sum(count * price for count, price in COUNTS.values())


def lines() -> list[str]:
    """Return a line for each item, and one for the sum."""
    items = [f"{name:30}{count:>10,} {count * price:8.4f}" for name, (count, price) in COUNTS.items()]
    return [*items, f"{'together, US dollars at most':40} {dollars():8.4f}"]
