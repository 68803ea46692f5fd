"""The monthly bill of a stage, from prices and assumptions that are all here: `python -m benchmarks.cost`.

Prices are those of us-east-1 in US dollars; the page of each is named beside it. The last line deducts what
AWS gives everybody for nothing each month.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import click

MONTH_MINUTES = 30.4 * 24 * 60
MONTH_SECONDS = MONTH_MINUTES * 60
MILLION = 1_000_000

REST_REQUEST = 3.50 / MILLION  # https://aws.amazon.com/api-gateway/pricing/
WEBSOCKET_MESSAGE = 1.00 / MILLION  # the same page: up to a thousand million a month
WEBSOCKET_MESSAGE_ABOVE = 0.80 / MILLION
WEBSOCKET_TIER = 1000 * MILLION
CONNECTION_MINUTE = 0.25 / MILLION  # the same page
LAMBDA_REQUEST = 0.20 / MILLION  # https://aws.amazon.com/lambda/pricing/
LAMBDA_GB_SECOND = 0.0000133334  # the same page, arm64
DYNAMODB_WRITE = 0.625 / MILLION  # https://aws.amazon.com/dynamodb/pricing/on-demand/
DYNAMODB_READ = 0.125 / MILLION  # the same page
DYNAMODB_GB = 0.25 + 0.20  # the same page: storage, and point-in-time recovery
SQS_REQUEST = 0.50 / MILLION  # https://aws.amazon.com/sqs/pricing/, FIFO
LOG_GB = 0.50  # https://aws.amazon.com/cloudwatch/pricing/
ALARM = 0.10  # the same page
METRIC = 0.30  # the same page, for a month; by the hour, and only for hours in which it has a value
DASHBOARD = 3.00  # the same page
TRACE = 5.00 / MILLION  # https://aws.amazon.com/xray/pricing/
TRANSFER_GB = 0.09  # https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer

FREE = {  # https://aws.amazon.com/free/, what does not end after a year; DynamoDB's is storage alone
    "Lambda": MILLION * LAMBDA_REQUEST + 400_000 * LAMBDA_GB_SECOND,
    "SQS": MILLION * SQS_REQUEST,
    "logs": 5 * LOG_GB,
    "traces": 100_000 * TRACE,
    "data to clients": 100 * TRANSFER_GB,
    "metrics": 10 * METRIC,
    "alarms and dashboard": 10 * ALARM + DASHBOARD,
}

ALARMS = 27
NIGHT_HOURS = 4
DELIVERY_METRICS = 6  # of a function that delivers and has no trouble: docs/operations.md
IDLE_METRICS = 1  # how far the sweep is behind, each minute
INLINE_AUDIENCE = 500  # above it deliver delivers as well
TRACED = 0.05  # X-Ray's default rule: the first request each second, and five of a hundred of the rest
IDLE_POLLS = 5  # Lambda polls a queue with five long polls at once, whether there are jobs or not
POLL_SECONDS = 20
JOB_REQUESTS = 2  # to receive a job, and to delete it or to hand it back; a batch sends those of an event
LOG_BYTES = 350  # of one invocation: Lambda's START, END and REPORT
SWEEP_SECONDS = 0.08  # of one that finds nothing
SWEEP_LOG_BYTES = 600  # with its metrics
EVENT_LOG_BYTES = 3_100  # five lines, of which one has metrics; two are written for every shard of a crowd
RECONNECT_LOG_BYTES = 1_100  # auth, subscribe, and the notice before

EVENT_BYTES = 300
CONNECTION_HOURS = 110 / 60  # then a client is asked to reconnect; API Gateway cuts at two hours
PING_MINUTES = 9  # a frame from each client, or API Gateway cuts it as idle after ten
POSTS_PER_SECOND = 5000  # of one broadcast function over a network; on loopback it is ten times that

CONNECT_WRITES = 4  # the connection and its deadline, in a transaction, which counts twice
AUTH_WRITES = 14  # `gamenight dev tables costs`, docs/tables.md
SUBSCRIBE_WRITES = 6
DISCONNECT_WRITES = 11  # the same, with one subscription
EVENT_WRITES = 8  # four items: head, event, the game or vote, idempotency
SWEEP_READS = 41  # of nothing: five minutes of eight shards, and how far the last one came
RECIPIENTS_PER_READ = 40  # 100 bytes each, 4 KB a unit; `make bench-broadcast` measures 39.9
SHARDS = 8

SMALL_GB, MIDDLE_GB, LARGE_GB = 0.5, 1.0, 1.769
"""Memory of websocket_connect and _disconnect, of api_handler and websocket_message, of broadcast."""


@dataclass(frozen=True)
class Scenario:
    """How a stage is used. Bots are connected all the time; ``subscribers`` follow each night."""

    name: str
    connections: int
    nights: float
    """In a month."""
    subscribers: int
    """Of each night."""
    events: int
    """Of each night, after the start, which everybody gets."""


SCENARIOS = (
    Scenario("club: 20 bots, one night a week", 20, 4.35, 20, 200),
    Scenario("community: 2,000 bots, a night a day", 2_000, 30.4, 1_000, 1_000),
    Scenario("platform: 1,000,000 connections, 100 nights a day", MILLION, 3_040, 5_000, 2_000),
)


def bill(use: Scenario) -> dict[str, float]:
    """Return the bill of a month, item by item."""
    posts = use.nights * (use.connections + use.events * use.subscribers)
    events = use.nights * (1 + use.events)
    minutes = use.connections * MONTH_MINUTES
    reconnects = minutes / 60 / CONNECTION_HOURS
    pings = minutes / PING_MINUTES
    frames = pings + reconnects * 2  # auth and subscribe
    messages = posts + 2 * frames  # each frame is answered
    writes = (
        MONTH_MINUTES
        + events * EVENT_WRITES
        + reconnects * (CONNECT_WRITES + AUTH_WRITES + SUBSCRIBE_WRITES + DISCONNECT_WRITES)
    )
    reads = MONTH_MINUTES * SWEEP_READS + posts / RECIPIENTS_PER_READ + events * SHARDS + frames * 2
    broadcast_seconds = posts / POSTS_PER_SECOND + events * 0.05
    invocations = MONTH_MINUTES + events * 2 + frames + reconnects * 2
    own_log_bytes = (
        MONTH_MINUTES * SWEEP_LOG_BYTES + events * EVENT_LOG_BYTES + reconnects * RECONNECT_LOG_BYTES
    )
    delivering = 2 if use.connections > INLINE_AUDIENCE else 1
    nightly = min(1.0, use.nights * NIGHT_HOURS * 60 / MONTH_MINUTES)
    metrics = IDLE_METRICS + delivering * DELIVERY_METRICS * nightly
    gb_seconds = (
        broadcast_seconds * LARGE_GB
        + events * 0.03 * MIDDLE_GB
        + MONTH_MINUTES * SWEEP_SECONDS * MIDDLE_GB
        + pings * 0.005 * MIDDLE_GB
        + reconnects * (2 * 0.02 * MIDDLE_GB + 2 * 0.015 * SMALL_GB)
    )
    large = use.nights * (use.connections > INLINE_AUDIENCE) + (events - use.nights) * (
        use.subscribers > INLINE_AUDIENCE
    )
    queue_requests = MONTH_SECONDS / POLL_SECONDS * IDLE_POLLS + large * (1 + SHARDS * JOB_REQUESTS)
    stored_gb = (use.connections * 1_500 + events * 3 * 500) / 1e9
    return {
        "connection minutes": minutes * CONNECTION_MINUTE,
        "messages to and from clients": _tiered(messages),
        "REST requests": events * REST_REQUEST,
        "Lambda": invocations * LAMBDA_REQUEST + gb_seconds * LAMBDA_GB_SECOND,
        "DynamoDB": writes * DYNAMODB_WRITE + reads * DYNAMODB_READ + stored_gb * DYNAMODB_GB,
        "SQS": queue_requests * SQS_REQUEST,
        "logs": (invocations * LOG_BYTES + own_log_bytes) / 1e9 * LOG_GB,
        "traces": traces(invocations) * TRACE,
        "data to clients": messages * EVENT_BYTES / 1e9 * TRANSFER_GB,
        "metrics": metrics * METRIC,
        "alarms and dashboard": ALARMS * ALARM + DASHBOARD,
    }


def paid(items: Mapping[str, float]) -> float:
    """Return what is left to pay of a bill."""
    return sum(max(0.0, dollars - FREE.get(item, 0.0)) for item, dollars in items.items())


def sentences() -> Iterator[str]:
    """Yield what docs/cost.md says in words."""
    yield f"{MONTH_MINUTES * CONNECTION_MINUTE * 100:.1f} cents in connection minutes"
    reads = MONTH_MINUTES * SWEEP_READS * DYNAMODB_READ
    runs = MONTH_MINUTES * (LAMBDA_REQUEST + SWEEP_SECONDS * MIDDLE_GB * LAMBDA_GB_SECOND)
    yield f"{reads * 100:.0f} cents a month of reads and {runs * 100:.0f} of Lambda"
    yield f"{ALARMS - 10} of its {ALARMS} alarms"
    idle = MONTH_SECONDS / POLL_SECONDS * IDLE_POLLS * SQS_REQUEST
    yield f"{idle * 100:.0f} cents a month for Lambda's polls"


def traces(invocations: float, seconds: float = MONTH_SECONDS) -> float:
    """Return how many invocations of so many seconds are traced, where they come evenly."""
    first = min(invocations, seconds)
    return first + (invocations - first) * TRACED


def _tiered(messages: float) -> float:
    first = min(messages, WEBSOCKET_TIER)
    return first * WEBSOCKET_MESSAGE + (messages - first) * WEBSOCKET_MESSAGE_ABOVE


@click.command(help=__doc__)
def main() -> None:
    bills = {scenario.name: bill(scenario) for scenario in SCENARIOS}
    click.echo(f"{'dollars a month':30}" + "".join(f"{name.split(':')[0]:>14}" for name in bills))
    for item in next(iter(bills.values())):
        click.echo(f"{item:30}" + "".join(f"{one[item]:14,.2f}" for one in bills.values()))
    click.echo(f"{'together':30}" + "".join(f"{sum(one.values()):14,.2f}" for one in bills.values()))
    click.echo(f"{'less what is free':30}" + "".join(f"{paid(one):14,.2f}" for one in bills.values()))


if __name__ == "__main__":
    main()
