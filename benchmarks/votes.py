"""Sustained votes on one session: `python -m benchmarks.votes`, or `make bench-votes`.

Starts DynamoDB Local and MiniStack, one after the other, and has the same voters vote with two designs in
turn: *alone*, where every vote is a transaction of its own on the session's head and a lost race is run
again, and *together*, the product's, where whoever lost a race leaves its ballot to be counted by whoever
wins the next. Voters are threads in several processes that call the use case as an entry point does. A rate
counts until the last vote is answered. Each run checks itself: every answered vote is one event, sequences
have no hole, tallies are the votes.

`--latency` adds milliseconds to each call of the engine, since both engines are here and DynamoDB is not.
"""

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
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.aws.dynamodb.tables import Database, Table
from chalicelib.backoff import Backoff
from chalicelib.errors import Contended
from chalicelib.idempotency import Commits, StreamMoved
from chalicelib.nights.events import Json
from chalicelib.nights.games import NewGame, add_game
from chalicelib.nights.ports import Change
from chalicelib.nights.sessions import start_session
from chalicelib.nights.votes import Ballot, VoteType, cast
from chalicelib.nights.voting import POLL, Voting, VotingStores
from chalicelib.timestamps import system_clock, timestamp
from infra.dynamodb_local import dynamodb_local
from infra.local.engine import embedded_engine
from infra.local.state import StateDir

REGION = "us-east-1"
BOT = Claims("bench", Role.BOT, issued_at=0, expires_at=4_000_000_000, token_id="bench")

Vote = Callable[[Ballot], Json]


class Alone:
    """Every vote a transaction of its own: what the product did before votes were counted together."""

    def __init__(self, store: DynamoSessionStore, commits: Commits) -> None:
        self._store = store
        self._commits = commits

    def vote(self, ballot: Ballot) -> Json:
        def attempt() -> Json:
            session = self._store.session(1)
            assert session is not None
            key = (ballot.game_in(session), ballot.voter)
            games, votes = self._store.games_and_votes(1, {key})
            game, earlier = games[key[0]], votes.get(key)
            made = cast(session, game, earlier, ballot, now=timestamp(system_clock()))
            self._store.commit(
                Change(
                    session,
                    made.session,
                    [made.event],
                    counted=[(game, made.game)],
                    votes=[(earlier, made.vote)],
                )
            )
            return made.answer

        return self._commits.once(None, attempt)


def alone(store: DynamoSessionStore) -> Vote:
    return Alone(store, Commits(store.answers, Backoff())).vote


def together(store: DynamoSessionStore) -> Vote:
    stores = VotingStores(store, store.box, store.answers)
    voting = Voting(stores, Commits(store.answers, POLL), system_clock, lambda: secrets.token_hex(8))
    return lambda ballot: voting.vote(BOT, 1, ballot)


DESIGNS: dict[str, Callable[[DynamoSessionStore], Vote]] = {"alone": alone, "together": together}


@dataclass(frozen=True)
class Run:
    """One engine, one design, and the voters of one process."""

    url: str
    table: str
    design: str
    voters: int
    seconds: float
    latency: float


@dataclass(frozen=True)
class Outcome:
    """What was seen: seconds of each vote that was answered, how many were refused, calls, seconds in all."""

    took: list[float]
    refused: int
    calls: Counter[str]
    seconds: float


def vote_for_a_while(run: Run, process: int, start: Any) -> Outcome:
    """Vote with all voters of one process from the moment that all processes are ready."""
    database = Database(REGION, run.url)
    store = DynamoSessionStore(Table(database, run.table), time.time)
    calls: Counter[str] = Counter()

    def called(model: Any, **_: Any) -> None:
        calls[model.name] += 1
        time.sleep(run.latency)

    database.connection.client.meta.events.register("before-call", called)
    vote = DESIGNS[run.design](store)
    store.session(1)
    took: list[float] = []
    refused = [0]
    start.wait()
    started = time.monotonic()
    end = started + run.seconds

    def voter(number: int) -> None:
        while time.monotonic() < end:
            began = time.monotonic()
            name = f"voter {process} {number} {secrets.randbelow(20)}"
            try:
                vote(Ballot(name, VoteType.UP if secrets.randbelow(2) else VoteType.DOWN))
            except Contended:
                refused[0] += 1
            else:
                took.append(time.monotonic() - began)

    threads = [threading.Thread(target=voter, args=[number]) for number in range(run.voters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Outcome(took, refused[0], calls, time.monotonic() - started)


def _work(run: Run, process: int, start: Any, outcomes: Any) -> None:
    outcomes.put(vote_for_a_while(run, process, start))


def measure(run: Run, processes: int) -> Outcome:
    """Run all processes and add up what they saw."""
    context = multiprocessing.get_context("spawn")
    start, outcomes = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=_work, args=(run, number, start, outcomes)) for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    seen = [outcomes.get() for _ in workers]
    for worker in workers:
        worker.join()
    return Outcome(
        [one for outcome in seen for one in outcome.took],
        sum(outcome.refused for outcome in seen),
        sum((outcome.calls for outcome in seen), Counter()),
        max(outcome.seconds for outcome in seen),
    )


def check(store: DynamoSessionStore, answered: int) -> None:
    """Stop where a vote was lost, doubled or miscounted."""
    session = store.session(1)
    assert session is not None
    events = []
    while page := store.log.events(1, after=len(events), limit=100):
        events.extend(page)
    assert [event.cursor.sequence for event in events] == list(range(1, session.sequence + 1))
    assert session.sequence == answered + 2, f"{answered} answered, {session.sequence - 2} logged"
    (game,) = store.games(1)
    votes = [json.loads(event.envelope)["data"]["vote"] for event in events[2:]]
    latest = {vote["username"]: vote["type"] for vote in votes}  # the log is in the order of the commits
    ways = Counter(latest.values())
    assert (game.upvotes, game.downvotes) == (ways["up"], ways["down"])
    assert store.box.waiting(1, 100) == []


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
    session, event = start_session(store.head(), epoch="e", notes=None, now=now)
    store.start(store.head(), session, event)
    after, game, event = add_game(session, NewGame("Quiplash"), now=now)
    try:
        store.commit(Change(session, after, [event], game=game))
    except StreamMoved as error:
        raise AssertionError("nobody else is here") from error
    return name, store


@contextmanager
def ministack() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, embedded_engine(StateDir(Path(folder)), click.echo) as url:
        yield url


@contextmanager
def local() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, dynamodb_local(Path(folder)) as url:
        yield url


ENGINES = {"dynamodb-local": local, "ministack": ministack}


@click.command(help=__doc__)
@click.option("--engine", "engines", multiple=True, type=click.Choice(list(ENGINES)), default=list(ENGINES))
@click.option("--design", "designs", multiple=True, type=click.Choice(list(DESIGNS)), default=list(DESIGNS))
@click.option("--voters", default=50, show_default=True, help="How many vote at the same time.")
@click.option("--processes", default=2, show_default=True)
@click.option("--seconds", default=8.0, show_default=True)
@click.option("--latency", default=0.0, show_default=True, help="Milliseconds added to each engine call.")
def main(  # noqa: PLR0913, PLR0917 - click hands over each option
    engines: list[str], designs: list[str], voters: int, processes: int, seconds: float, latency: float
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "local")  # the engines take any
    click.echo(f"{voters} voters in {processes} processes, {seconds:g} s each, {latency:g} ms added per call")
    for engine in engines:
        with ENGINES[engine]() as url:
            for design in designs:
                table, store = fresh_night(url)
                run = Run(url, table, design, voters // processes, seconds, latency / 1000)
                outcome = measure(run, processes)
                check(store, len(outcome.took))
                took = sorted(outcome.took)
                click.echo(
                    f"{engine:15} {design:9} {len(took) / outcome.seconds:7.1f} votes/s  "
                    f"p50 {statistics.median(took) * 1000:6.0f} ms  "
                    f"p99 {took[int(len(took) * 0.99)] * 1000:6.0f} ms  "
                    f"refused {outcome.refused:4}  "
                    f"calls per vote {outcome.calls.total() / len(took):5.1f}  "
                    f"transactions per vote {outcome.calls['TransactWriteItems'] / len(took):5.2f}"
                )


if __name__ == "__main__":
    main()
