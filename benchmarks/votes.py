"""Sustained votes on one session: `python -m benchmarks.votes`, or `make bench-votes`.

Starts MiniStack and DynamoDB Local, one after the other. Voters are threads in several processes that call
the use case as an entry point does. Another process counts pending votes as `broadcast` does: it polls the
table's stream as often as Lambda does, four times a second, and hands what it finds to the same function. A
rate counts until the last vote is counted. Each run checks itself: every answered vote is one event,
sequences have no hole, tallies are the votes, nothing is pending.

Calls are all that voters and counter make to DynamoDB; Lambda's polls of the stream are not ours and are not
among them.
"""

import asyncio
import json
import multiprocessing
import os
import secrets
import statistics
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import click

from chalicelib.auth.claims import Claims, Role
from chalicelib.aws.dynamodb.database import Database, Table
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.aws.dynamodb.nights.stream_records import read_records
from chalicelib.aws.http import HttpClient
from chalicelib.errors import GameNightError
from chalicelib.idempotency import Idempotent
from chalicelib.nights.games import NewGame, add_game
from chalicelib.nights.pending_votes import VoteCounter, count_sessions
from chalicelib.nights.ports import Commit
from chalicelib.nights.sessions import start_session
from chalicelib.nights.votes import VoteRequest, VoteType
from chalicelib.nights.voting import Voting
from chalicelib.retry import Backoff
from chalicelib.timestamps import system_clock, timestamp
from infra.dynamodb_local import dynamodb_local
from infra.local.engine.embedded import embedded_engine
from infra.local.engine.endpoints import KEYS
from infra.local.state import StateDir
from infra.local.triggers.stream_event import stream_event
from infra.local.triggers.stream_reader import TableStream

REGION = "us-east-1"
BOT = Claims("bench", Role.BOT, issued_at=0, expires_at=4_000_000_000, token_id="bench")
POLL_SECONDS = 0.25
"""Lambda polls each shard of a stream four times a second."""


@dataclass(frozen=True)
class Run:
    """One engine, and the voters of one process."""

    url: str
    table: str
    voters: int
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What a process saw: seconds of each answer, refusals, calls."""

    took: list[float]
    refused: int
    calls: Counter[str]


def opened(run: Run, calls: Counter[str]) -> DynamoSessionStore:
    """Return a store of the run's table whose calls are counted."""
    database = Database(REGION, run.url)

    def called(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    database.connection.client.meta.events.register("before-call", called)
    return DynamoSessionStore(Table(database, run.table), time.time)


def vote_for_a_while(run: Run, process: int, start: Any) -> Outcome:
    """Vote with all voters of one process from the moment that all processes are ready."""
    calls: Counter[str] = Counter()
    store = opened(run, calls)
    commits = Idempotent(store.answers, Backoff())
    voting = Voting(
        VoteCounter(store, store.pending, system_clock), commits, system_clock, lambda: secrets.token_hex(8)
    )
    took: list[float] = []
    refused = [0]
    start.wait()
    end = time.monotonic() + run.seconds

    def voter(number: int) -> None:
        while (began := time.monotonic()) < end:
            name = f"voter {process} {number} {secrets.randbelow(20)}"
            way = VoteType.UP if secrets.randbelow(2) else VoteType.DOWN
            try:
                voting.vote(BOT, 1, VoteRequest(name, way))
            except GameNightError:
                refused[0] += 1
            else:
                took.append(time.monotonic() - began)

    threads = [threading.Thread(target=voter, args=[number]) for number in range(run.voters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Outcome(took, refused[0], calls)


def count_until(run: Run, start: Any, over: Any) -> Outcome:
    """Count what the stream says until the voters are done and nothing is pending."""
    return asyncio.run(_count_until(run, start, over))


async def _count_until(run: Run, start: Any, over: Any) -> Outcome:
    calls: Counter[str] = Counter()
    store = opened(run, calls)
    counter = VoteCounter(store, store.pending, system_clock)
    stream = TableStream.of(run.table, HttpClient(), run.url, REGION, lambda: KEYS)
    arn = await stream.arn()
    iterators = [await stream.iterator(arn, shard.id, "LATEST") for shard in await stream.shards(arn)]
    start.wait()
    done = False
    while not done:
        done = over.is_set()  # before the last look
        await asyncio.sleep(POLL_SECONDS)
        for number, iterator in enumerate(iterators):
            page = await stream.page(iterator)
            iterators[number] = page.next_iterator or iterator
            pending = read_records(stream_event(page.records, arn)["Records"]).pending
            assert count_sessions(counter, Backoff(), pending) == []
    return Outcome([], 0, calls)


def _work(work: Callable[..., Outcome], outcomes: Any, arguments: tuple[Any, ...]) -> None:
    outcomes.put(work(*arguments))


def measure(run: Run, processes: int) -> tuple[Outcome, float]:
    """Run all processes; return the sum of what they saw, and the seconds until the last vote was counted."""
    context = multiprocessing.get_context("spawn")
    start, over, outcomes = context.Barrier(processes + 2), context.Event(), context.Queue()
    works = [(vote_for_a_while, (run, number, start)) for number in range(processes)]
    workers = [
        context.Process(target=_work, args=(work, outcomes, arguments))
        for work, arguments in [*works, (count_until, (run, start, over))]
    ]
    for worker in workers:
        worker.start()
    start.wait()
    started = time.monotonic()
    seen = [outcomes.get() for _ in works]
    over.set()
    seen.append(outcomes.get())
    seconds = time.monotonic() - started
    for worker in workers:
        worker.join()
    total = Outcome(
        [one for outcome in seen for one in outcome.took],
        sum(outcome.refused for outcome in seen),
        sum((outcome.calls for outcome in seen), Counter()),
    )
    return total, seconds


def check(store: DynamoSessionStore, answered: int) -> None:
    """Stop where a vote was lost, doubled or miscounted."""
    session = store.session(1)
    assert session is not None
    events = []
    while page := store.log.events("session:1", after=len(events), limit=100):
        events.extend(page)
    assert [event.cursor.sequence for event in events] == list(range(1, session.sequence + 1))
    assert session.sequence == answered + 2, f"{answered} answered, {session.sequence - 2} logged"
    (game,) = store.games(1)
    votes = [json.loads(event.envelope)["data"]["vote"] for event in events[2:]]
    latest = {vote["username"]: vote["type"] for vote in votes}  # the log is in the order of the commits
    ways = Counter(latest.values())
    assert (game.upvotes, game.downvotes) == (ways["up"], ways["down"])
    assert store.pending.waiting(1, 1) == []


def fresh_night(url: str) -> tuple[str, DynamoSessionStore]:
    """Make a table with a night and one game in it; return its name and its store."""
    name = f"bench-{uuid.uuid4().hex}"
    client = botocore.session.get_session().create_client("dynamodb", REGION, endpoint_url=url)
    keys = [("PK", "HASH"), ("SK", "RANGE")]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    store = DynamoSessionStore(Table(Database(REGION, url), name), time.time)
    now = timestamp(datetime.now(UTC))
    session, *events = start_session(store.head(), epoch="e", notes=None, now=now)
    store.start(store.head(), session, events)
    after, game, event = add_game(session, NewGame("Quiplash"), now=now)
    store.commit(Commit(session, after, [event], game=game))
    return name, store


@contextmanager
def ministack() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, embedded_engine(StateDir(Path(folder)), click.echo) as url:
        yield url


@contextmanager
def local() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, dynamodb_local(Path(folder)) as url:
        yield url


ENGINES = {"ministack": ministack, "dynamodb-local": local}


@click.command(help=__doc__)
@click.option("--engine", "engines", multiple=True, type=click.Choice(list(ENGINES)), default=list(ENGINES))
@click.option("--voters", default=50, show_default=True, help="How many vote at the same time.")
@click.option("--processes", default=2, show_default=True)
@click.option("--seconds", default=8.0, show_default=True)
def main(engines: list[str], voters: int, processes: int, seconds: float) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "local")  # the engines take any
    click.echo(f"{voters} voters in {processes} processes, {seconds:g} s each")
    for engine in engines:
        with ENGINES[engine]() as url:
            table, store = fresh_night(url)
            run = Run(url, table, voters // processes, seconds)
            outcome, until_counted = measure(run, processes)
            check(store, len(outcome.took))
            took = sorted(outcome.took)
            click.echo(
                f"{engine:15} {len(took) / until_counted:6.1f} votes/s counted  "
                f"p50 {statistics.median(took) * 1000:4.0f} ms  "
                f"p99 {took[int(len(took) * 0.99)] * 1000:4.0f} ms  "
                f"refused {outcome.refused:3}  "
                f"calls per vote {outcome.calls.total() / len(took):4.2f}  {dict(outcome.calls)}"
            )


if __name__ == "__main__":
    main()
