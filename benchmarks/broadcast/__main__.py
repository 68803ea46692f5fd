"""A session starts, and everyone hears of it: `make bench-broadcast`.

From the stream's record to the last post, for audiences of 100 to 100,000, with the connections in DynamoDB
Local and in MiniStack, posts going to an nginx that answers 200. One process of ours at a time, so that what
is shown is one core's work: on AWS the eight shards of a large audience go to as many functions. "reading",
"signing" and "posting" are the parts alone, one after the other; in the product they overlap. Beside it the
same audience served as Chalice's own WebSocket chat sample and the AWS chat sample do, rewritten here for
the comparison.

Checks itself: everyone is posted to once, and the capacity that reading consumes is that of the audience
alone, with 100,000 other connections in the table as well.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from benchmarks.broadcast.crowd import Names, add_others, authenticate, client, make_tables
from benchmarks.fanout.cores import pinned, two_cores
from benchmarks.fanout.sink import Missing, Sink, running_sink
from chalicelib.aws.dynamodb.keys import HEAD, fan_out_key
from chalicelib.nights.events import SESSIONS_STREAM
from infra.dynamodb_local import DynamoDbLocalError, dynamodb_local
from infra.local.engine.embedded import EngineError, embedded_engine
from infra.local.engine.queues import ensure_queues
from infra.local.state import StateDir
from infra.template import queues

RESULTS = Path(__file__).parent.parent / "results" / "broadcast.json"
CHART = Path(__file__).with_name("chart.py")
SIZES = (100, 1_000, 10_000, 100_000)
OTHERS = 100_000
ENGINES = ("DynamoDB Local", "MiniStack")
ONCE_FROM = 10_000
"""From this size on candidates that take minutes are measured once."""

MEMORY = next((folder for folder in (Path("/dev/shm"),) if folder.is_dir()), None)
"""Where there is no disk to wait for: it would only make the filling of the tables slow."""

SHARDS = 8
UNITS_PER_RECIPIENT = 0.03
"""Rows of 100 bytes, in consistent reads of 4 KB each: 0.025, and a part of one for each page."""

Figure = dict[str, Any]


class Bench:
    """One engine with its tables, a queue and a sink."""

    def __init__(self, engine: str, url: str, sqs: str, sink: Sink, core: int) -> None:
        self.engine = engine
        self.names: Names = make_tables(url)
        self._url = url
        self._sqs = sqs
        self._queue = ensure_queues(client(sqs, "sqs"), queues("bench")).get("DeliveryQueue")
        self._sink = sink
        self._core = core
        self._session = 0

    def grow(self, first: int, last: int) -> None:
        authenticate(self._url, self.names, first, last)

    def add_others(self, count: int) -> None:
        add_others(self._url, self.names, count)

    def run(self, candidate: str) -> Figure:
        """Let a candidate deliver the start of a session that nobody has heard of, on one core."""
        assert self._queue is not None
        self._session += 1
        self._forget_jobs()
        task = {
            "engine": self._url,
            "sqs": self._sqs,
            "queue": self._queue.url,
            "table": self.names.connections,
            "sink": f"http://127.0.0.1:{self._sink.port}/{{stage}}",
            "session": int(uuid.uuid4().hex[:8], 16),
        }
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_DYNAMODB": self._url,
            "AWS_ENDPOINT_URL_SQS": self._sqs,
            "SESSIONS_TABLE": self.names.sessions,
            "CONNECTIONS_TABLE": self.names.connections,
            "SESSIONS_STREAM_ARN": "arn:aws:dynamodb:us-east-1:000000000000:table/s/stream/now",
            "DELIVERY_QUEUE_URL": self._queue.url,
            "PUSH_ENDPOINT": task["sink"],
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "benchmarks.broadcast.candidates", candidate, json.dumps(task)]
        with pinned(self._core):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{candidate} failed:\n{done.stdout}{done.stderr}")
        figure: Figure = json.loads(done.stdout.splitlines()[-1])
        return figure

    def _forget_jobs(self) -> None:
        """Let each start be the first: a stream that had jobs would keep to them."""
        client(self._url).delete_item(
            TableName=self.names.connections,
            Key={"PK": {"S": fan_out_key(SESSIONS_STREAM)}, "SK": {"S": HEAD}},
        )


@contextmanager
def bench_on(engine: str, scratch: Path, sink: Sink, core: int) -> Iterator[Bench]:
    """Start an engine and make it ready; MiniStack has the queue for both."""
    with embedded_engine(StateDir(scratch / "ministack"), lambda _: None) as ministack:
        if engine == "MiniStack":
            yield Bench(engine, ministack, ministack, sink, core)
            return
        with dynamodb_local(scratch / "dynamodb-local") as url:
            yield Bench(engine, url, ministack, sink, core)


def measure(bench: Bench, size: int, rounds: int) -> Iterator[Figure]:
    """Measure every candidate at one size."""
    for candidate in ("ours", "parts", "Chalice's sample", "AWS's sample"):
        slow = candidate.endswith("sample") and size >= ONCE_FROM
        taken = [bench.run(candidate) for _ in range(1 if slow else rounds)]
        for one in taken:
            if one["posts"] != size:
                raise click.ClickException(f"{candidate} posted {one['posts']} times to {size} connections")
        figure = {key: statistics.median(one[key] for one in taken) for key in taken[0]}
        yield {"engine": bench.engine, "connections": size, "others": 0, "candidate": candidate, **figure}
        seconds = figure.get("seconds", figure.get("reading", 0.0) + figure.get("posting", 0.0))
        click.echo(f"{bench.engine:15}{size:9,}  {candidate:18}{seconds:9.3f} s", err=True)


def check_capacity(bench: Bench, size: int, figures: list[Figure]) -> Figure:
    """Show that reading costs the audience alone, whoever else is connected. Raises ClickException."""
    bench.add_others(OTHERS)
    alone = next(
        one["read_units"] for one in figures if (one["candidate"], one["connections"]) == ("parts", size)
    )
    crowded = bench.run("parts")
    click.echo(
        f"{bench.engine:15}{size:9,}  {alone:.1f} read units alone, {crowded['read_units']:.1f} with "
        f"{OTHERS:,} others connected",
        err=True,
    )
    if crowded["read_units"] != alone:
        raise click.ClickException("reading an audience costs more where others are connected")
    return {"engine": bench.engine, "connections": size, "others": OTHERS, "candidate": "parts", **crowded}


def check_growth(figures: list[Figure]) -> None:
    """Raise ClickException where reading an audience costs more than its rows."""
    for one in figures:
        if one["candidate"] == "parts":
            most = SHARDS + one["connections"] * UNITS_PER_RECIPIENT
            if one["read_units"] > most:
                message = f"{one['connections']} recipients cost {one['read_units']} read units"
                raise click.ClickException(f"{message} on {one['engine']}, more than {most:.0f}")


def table(figures: list[Figure]) -> Iterator[str]:
    yield "engine           connections  ours, s   reading  signing  posting  read units  Chalice's     AWS's"
    yield "                                       (alone)  (alone)  (alone)              sample, s sample, s"
    keys = dict.fromkeys((one["engine"], one["connections"]) for one in figures)
    for engine, size in keys:
        by = {
            one["candidate"]: one
            for one in figures
            if (one["engine"], one["connections"], one["others"]) == (engine, size, 0)
        }
        parts, whole = by["parts"], by["ours"]["seconds"]
        samples = [by[name]["seconds"] for name in ("Chalice's sample", "AWS's sample")]
        yield (
            f"{engine:15}{size:13,}{whole:9.3f}{parts['reading']:10.3f}{parts['signing']:9.3f}"
            f"{parts['posting']:9.3f}{parts['read_units']:12,.1f}"
            + "".join(f"{seconds:8.2f} {seconds / whole:4.0f}x" for seconds in samples)
        )


@click.command(help=__doc__)
@click.option("--rounds", default=3, show_default=True, help="How often each is measured; the median counts.")
@click.option("--at-most", default=100_000, show_default=True, help="The largest audience.")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(ENGINES),
    default=ENGINES,
    show_default=True,
    help="Where the connections are; the figures of the other engine are kept.",
)
@click.option("--results", "path", default=RESULTS, type=click.Path(path_type=Path), help="Where to write.")
def main(rounds: int, at_most: int, engines: Sequence[str], path: Path) -> None:
    figures: list[Figure] = json.loads(path.read_text()) if path.exists() else []
    client_core, sink_core = two_cores()
    sizes = [size for size in SIZES if size <= at_most]
    try:
        with running_sink(sink_core, 10) as sink:
            for engine in engines:
                with (
                    tempfile.TemporaryDirectory(dir=MEMORY) as scratch,
                    bench_on(engine, Path(scratch), sink, client_core) as bench,
                ):
                    ours: list[Figure] = []
                    for first, last in zip((0, *sizes), sizes, strict=False):
                        bench.grow(first, last)
                        ours += measure(bench, last, rounds)
                    ours.append(check_capacity(bench, sizes[-1], ours))
                    figures = [one for one in figures if one["engine"] != engine] + ours
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(json.dumps(figures, indent=1) + "\n")
    except (Missing, DynamoDbLocalError, EngineError) as missing:
        raise click.ClickException(str(missing)) from missing
    check_growth(figures)
    click.echo("\n" + "\n".join(table(figures)))
    click.echo("\nThe audience's read units are its own: unchanged by other connections.")


if __name__ == "__main__":
    main()
