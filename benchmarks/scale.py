"""Time and money to reach 1,000 to 10 million connections with one event: `make scale`.

A model of arithmetic: what one post, one row and one job cost, as measured here, and AWS's published quotas,
each with its source beside it. It says which limit binds at each size, and what to ask AWS to raise. It is
checked against the measured points of `make bench-broadcast`: fed with the parts at 10,000 connections it has
to tell the whole at 100,000.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from benchmarks.cost import (
    CONNECTION_HOURS,
    DYNAMODB_READ,
    JOB_REQUESTS,
    LAMBDA_GB_SECOND,
    LAMBDA_REQUEST,
    LARGE_GB,
    PING_MINUTES,
    RECIPIENTS_PER_READ,
    SQS_REQUEST,
    WEBSOCKET_MESSAGE,
)
from chalicelib.delivery.fan_out import PAGE_SIZE
from infra.budget import ACCOUNT_RATE, CONCURRENCY, DELIVERY_SHARE, posts_per_second
from infra.template import queues

MEASURED = Path(__file__).parent / "results" / "broadcast.json"
POSTS = Path(__file__).parent / "results" / "fanout.json"
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
INLINE = 500

# Quotas. https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
CONNECTS_PER_SECOND = 500
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_CONCURRENCY = 1_000
DELIVER_SECONDS = 55  # of the function's 60
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_READ_UNITS = 3_000

# Times on AWS. The first two are the medians of 1,024 public runs in one Region (2022); the rest is assumed.
STREAM_SECONDS = 0.213
QUEUE_SECONDS = 0.016
READ_SECONDS = 0.015  # a page of 1,000 rows, or 100 KB
POST_SECONDS = 0.010  # from a function to @connections and back
WINDOW = 64

DYNAMODB_WRITE = 0.625 / 1_000_000  # https://aws.amazon.com/dynamodb/pricing/on-demand/
ATTEMPTS = queues("scale")["DeliveryQueue"].receives


@dataclass(frozen=True, slots=True)
class Setting:
    """What the account has, and how the product is set."""

    account_rate: int
    shards: int
    deliver: int
    broadcast: int = CONCURRENCY["broadcast"]

    @property
    def rate(self) -> float:
        """Posts a second that one function may make, and can."""
        return min(self._budget, WINDOW / POST_SECONDS)

    @property
    def bound_by(self) -> str:
        return "account rate" if self._budget <= WINDOW / POST_SECONDS else "posts in flight"

    @property
    def _budget(self) -> int:
        return posts_per_second(self.account_rate, self.broadcast + self.deliver)


DEFAULT = Setting(ACCOUNT_RATE, shards=8, deliver=CONCURRENCY["deliver"])
RAISED = Setting(100_000, shards=64, deliver=64)


@dataclass(frozen=True, slots=True)
class Reach:
    """One event to so many connections: seconds to the last of them, dollars, and what bounds it."""

    connections: int
    seconds: float
    dollars: float
    bound_by: str
    runs: int
    """How often a shard's job is taken up: each run ends with its function's time."""


def reach(connections: int, setting: Setting) -> Reach:
    """Return what one event takes. Shards begin together as far as functions are allowed."""
    burst = setting.rate / 2
    if connections <= INLINE:
        posting = max(0.0, connections - burst) / setting.rate + POST_SECONDS
        return Reach(
            connections,
            STREAM_SECONDS + READ_SECONDS + posting,
            dollars(connections, setting, seconds=posting),
            "the stream" if connections <= burst else setting.bound_by,
            runs=1,
        )
    shard = connections / setting.shards
    one = max(0.0, shard - burst) / setting.rate + POST_SECONDS
    waves = math.ceil(setting.shards / setting.deliver)
    seconds = STREAM_SECONDS + 2 * READ_SECONDS + QUEUE_SECONDS + waves * one
    return Reach(
        connections,
        seconds,
        dollars(connections, setting, seconds=one * setting.shards),
        "the stream and the queue" if shard <= burst else setting.bound_by,
        runs=math.ceil(one / DELIVER_SECONDS),
    )


def dollars(connections: int, setting: Setting, *, seconds: float) -> float:
    """Return what one event costs; ``seconds`` is what all functions together run."""
    jobs = setting.shards if connections > INLINE else 0
    runs = jobs + seconds // DELIVER_SECONDS if jobs else 0
    return (
        connections * WEBSOCKET_MESSAGE
        + connections / RECIPIENTS_PER_READ * DYNAMODB_READ
        + (connections / PAGE_SIZE + 2 * jobs) * DYNAMODB_WRITE * bool(jobs)
        + (jobs + runs * JOB_REQUESTS) * SQS_REQUEST
        + (1 + runs) * LAMBDA_REQUEST
        + seconds * LARGE_GB * LAMBDA_GB_SECOND
    )


def standing(connections: int) -> dict[str, float]:
    """Return what being connected alone asks of the account, a second."""
    reconnects = connections / (CONNECTION_HOURS * 3600)
    pings = connections / (PING_MINUTES * 60)
    return {
        "new connections": reconnects,
        # connect, auth and subscribe with an answer each, disconnect; a ping and its answer
        "requests": reconnects * 6 + pings * 2,
        "storm seconds": connections / CONNECTS_PER_SECOND,
    }


def most(setting: Setting) -> int:
    """Return how many connections a shard's job can reach before its attempts are used up."""
    return int(setting.shards * ATTEMPTS * DELIVER_SECONDS * setting.rate)


def table(setting: Setting) -> Iterator[str]:
    yield "| connections | last one reached after | dollars an event | what bounds it | runs of a job |"
    yield "|---|---|---|---|---|"
    for size in SIZES:
        one = reach(size, setting)
        yield (
            f"| {size:,} | {_duration(one.seconds)} | {one.dollars:.4f} | {one.bound_by} | {one.runs}"
            + (" |" if size <= most(setting) else ", more than the attempts are enough for |")
        )


def standing_table() -> Iterator[str]:
    yield "| connections | new connections/s | requests/s to stay connected | all back after an outage |"
    yield "|---|---|---|---|"
    for size in SIZES:
        asked = standing(size)
        marks = [
            f"{asked['new connections']:,.1f}{_above(asked['new connections'], CONNECTS_PER_SECOND)}",
            f"{asked['requests']:,.0f}{_above(asked['requests'], ACCOUNT_RATE * (1 - DELIVERY_SHARE))}",
            _duration(asked["storm seconds"]),
        ]
        yield f"| {size:,} | {' | '.join(marks)} |"


def _above(asked: float, quota: float) -> str:
    return f" (quota {quota:,.0f})" if asked > quota else ""


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@dataclass(frozen=True, slots=True)
class Check:
    """A measured point, and what the model says of it."""

    engine: str
    connections: int
    measured: float
    modelled: float

    @property
    def ratio(self) -> float:
        return self.modelled / self.measured


def checks(path: Path = MEASURED) -> list[Check]:
    """Hold the model to the measured points: one core, so that reading, signing and posting add up.

    From the parts at 10,000 connections come seconds for each connection, from the whole at 1,000 what a job
    takes beside them.
    """
    figures = json.loads(path.read_text())
    found = []
    for engine in dict.fromkeys(one["engine"] for one in figures):
        by = {
            (one["candidate"], one["connections"]): one
            for one in figures
            if one["engine"] == engine and not one["others"]
        }
        parts = by["parts", 10_000]
        each = (parts["reading"] + parts["signing"] + parts["posting"]) / 10_000
        small = by["ours", 1_000]
        job = max(0.0, small["seconds"] - 1_000 * each) / small["jobs"]
        for size in (10_000, 100_000):
            if ("ours", size) in by:
                whole = by["ours", size]
                found.append(Check(engine, size, whole["seconds"], whole["jobs"] * job + size * each))
    return found


def checks_table() -> Iterator[str]:
    yield "| engine | connections | measured | modelled | ratio |"
    yield "|---|---|---|---|---|"
    for one in checks():
        yield (
            f"| {one.engine} | {one.connections:,} | {one.measured:.2f} s | {one.modelled:.2f} s "
            f"| {one.ratio:.2f} |"
        )


def cost_of_a_post(path: Path = POSTS) -> str:
    """Say what `make bench-fanout` measured of our client, beside a function's part of the rate."""
    micros = {
        (one["tls"], one["latency_ms"]): one["cpu_us_per_post"]
        for one in json.loads(path.read_text())
        if one["client"] == "ours"
    }
    plain, tls, late = micros[False, 0], micros[True, 0], micros[True, 10]
    return (
        f"A post takes {plain:.0f} µs of CPU, {tls:.0f} µs over TLS, and {late:.0f} µs over TLS with 10 ms "
        f"answers. So a core could post {1_000_000 / late / DEFAULT.rate:.0f} times as fast as a function's "
        "share of the rate allows."
    )


def draw(path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sizes = [round(10 ** (exponent / 8)) for exponent in range(16, 57)]
    chart, (times, money) = plt.subplots(1, 2, figsize=(11, 4.2))
    for setting, label, colour in (
        (DEFAULT, "10,000 requests/s, 8 shards", "#e07a5f"),
        (RAISED, "100,000 requests/s, 64 shards", "#2a6f97"),
        (replace(RAISED, account_rate=1_000_000), "1,000,000 requests/s, 64 shards", "#52796f"),
    ):
        times.plot(sizes, [reach(size, setting).seconds for size in sizes], label=label, color=colour)
    money.plot(sizes, [reach(size, DEFAULT).dollars for size in sizes], color="#e07a5f", label="all of it")
    money.plot(
        sizes,
        [size * WEBSOCKET_MESSAGE for size in sizes],
        "--",
        color="#888888",
        label="API Gateway's messages",
    )
    for panel, title, unit in (
        (times, "from the write to the last connection", "seconds"),
        (money, "one event", "dollars"),
    ):
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlabel("connections")
        panel.set_ylabel(unit)
        panel.set_title(title)
        panel.legend(frameon=False, fontsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    chart.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.savefig(path, dpi=120, metadata={"Software": None})


@click.command(help=__doc__)
@click.option("--chart", type=click.Path(path_type=Path), help="Draw the picture here (needs matplotlib).")
def main(chart: Path | None) -> None:
    for name, setting in (("As deployed", DEFAULT), ("With a rate that was asked for", RAISED)):
        click.echo(
            f"\n{name}: {setting.account_rate:,} requests/s, {setting.shards} shards, {setting.deliver} "
            f"deliver functions of {setting.rate:,.0f} posts/s; {most(setting):,} connections at most\n"
        )
        click.echo("\n".join(table(setting)))
    click.echo("\nBeing connected alone\n\n" + "\n".join(standing_table()))
    click.echo("\n" + "\n".join(checks_table()))
    click.echo("\n" + cost_of_a_post())
    if chart:
        draw(chart)


if __name__ == "__main__":
    main()
