"""The small night, played by the use cases themselves with a clock and ids that are the same each time.

Leaves what an engine is to ``infra.local``, what a call costs to ``meter`` and how it looks to ``show``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import botocore.session

from chalicelib.auth.bot_tokens import BotTokens
from chalicelib.auth.claims import Claims, Role, TokenTerms
from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.database import Database, Table
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.connections.clients import Connections
from chalicelib.connections.connection import Connection, shard_of
from chalicelib.delivery.jobs import FanOutJob
from chalicelib.idempotency import Idempotent, IdempotentRequest
from chalicelib.nights.cursors import BEGINNING
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.pending_votes import VoteCounter
from chalicelib.nights.ports import Commit
from chalicelib.nights.queries import Queries
from chalicelib.nights.streams import Streams
from chalicelib.nights.votes import VoteRequest, VoteType
from chalicelib.nights.voting import Voting
from chalicelib.retry import Backoff
from infra.deploy.template import tables
from infra.local.deployment import REGION
from infra.local.tables import ensure_tables
from infra.specifications.tables.delivered import SHARDS, Delivery
from infra.specifications.tables.meter import Cost, Meter

Item = Mapping[str, Any]

INLINE = 500
KOSMIS, DISCORDS = "L0SM9cOFvHcCIhw=", "M2hZ4dXkPHcCFZA="
"""Connection ids in the shape of API Gateway's."""

FRIDAY = datetime(2085, 11, 2, 20, 0, 0, 123000, tzinfo=UTC)
"""A Friday that is far away: an engine may delete what has expired by its own clock."""

HOST = Claims("host", Role.ADMIN, issued_at=0, expires_at=4_000_000_000, token_id="1")  # noqa: S106 - an id
KOSMI = Claims("kosmi", Role.BOT, issued_at=0, expires_at=4_000_000_000, token_id="2")  # noqa: S106 - an id
ONCE = IdempotentRequest("host", "friday", "9f86d081884c7d65")


@dataclass(frozen=True, slots=True)
class Played:
    """What a night left in each table, in the order of the keys, and what it took."""

    items: Mapping[str, Sequence[Item]]
    costs: Sequence[Cost]


def play(dynamodb_url: str) -> Played:
    """Play the night on an engine whose tables are empty. The environment has credentials that it takes."""
    return _Night(dynamodb_url).play()


class _Night:
    def __init__(self, url: str) -> None:
        self._moment = FRIDAY
        session = botocore.session.get_session()
        self._client: Any = session.create_client("dynamodb", REGION, endpoint_url=url)
        definitions = tables("night")
        ensure_tables(self._client, definitions.values())
        self._tables = {name: one.name for name, one in definitions.items()}
        database = Database(REGION, url)
        self._meter = Meter(database)
        ids = count(1)
        self._store = DynamoSessionStore(
            Table(database, self._tables["SessionsTable"]), self._now, lambda: "5f0c9a1e"
        )
        commits = Idempotent(self._store.answers, Backoff(sleep=self._wait))
        self._counter = VoteCounter(self._store, self._store.pending, self._clock)
        self._host = Hosting(
            self._counter, commits, self._clock, lambda: f"b81d73c{self._store.head().sequence}"
        )
        self._voting = Voting(self._counter, commits, self._clock, lambda: f"vote-{next(ids)}")
        self._tokens = BotTokens(_Signer(), self._store.answers, commits)
        streams = Streams(self._store, self._store.log)
        self._queries = Queries(self._store, streams)
        table = Table(database, self._tables["ConnectionsTable"])
        connections = DynamoConnectionStore(table, SHARDS, self._now)
        self._connections = Connections(connections, streams, _Verifier(), self._clock)
        self._delivery = Delivery(self._meter, url, self._tables["ConnectionsTable"], streams, self._now)

    def play(self) -> Played:
        self._store.head()  # the very first one makes the stream's epoch
        self._connect()
        self._friday()
        self._come_back()
        self._next_night()
        self._read()
        self._deliver()
        items = {name: self._items(table) for name, table in self._tables.items()}
        self._leave()
        return Played(items, self._meter.costs)

    def _connect(self) -> None:
        opened = Connection(KOSMIS, "a1b2c3d4e5", "prod", int(self._now()), "203.0.113.7")
        with self._meter.measure("$connect"):
            self._connections.connect(opened)
        with self._meter.measure("auth"):
            self._connections.authenticate(opened.connection_id, "token")
        self._connections.connect(replace(opened, connection_id=DISCORDS))

    def _friday(self) -> None:
        with self._meter.measure("POST /api/sessions"):
            self._host.start(HOST, "Friday Game Night")
        with self._meter.measure("subscribe"):
            self._connections.subscribe(KOSMIS, 1)
        self._minutes(5)
        with self._meter.measure("POST .../games"):
            self._host.add_game(HOST, 1, NewGame("Quiplash", "Party Pack 2", 3, 8))
        self._minutes(15)
        with self._meter.measure("POST .../votes"):
            self._voting.vote(KOSMI, 1, VoteRequest("Zoë", VoteType.UP))
        with self._meter.measure("POST .../votes, the voter's second"):
            self._voting.vote(KOSMI, 1, VoteRequest("Zoë", VoteType.DOWN))
        self._crowd()
        self._minutes(60)  # a connection lasts for two hours
        with self._meter.measure("POST .../close"):
            self._host.close(HOST, 1)

    def _crowd(self) -> None:
        """Have two votes stored, as in a crowd, and counted as the stream has them counted."""
        self._make_crowded(1)
        with self._meter.measure("POST .../votes, in a crowd"):
            self._voting.vote(KOSMI, 1, VoteRequest("Kim", VoteType.UP))
        self._wait(0)
        self._voting.vote(KOSMI, 1, VoteRequest("Max", VoteType.UP))
        with self._meter.measure("broadcast, two pending votes"):
            self._counter.count_pending(1)

    def _make_crowded(self, session_id: int) -> None:
        session = self._store.session(session_id)
        if session is None:
            raise AssertionError  # it was just changed
        crowded_until = int(self._now() * 1000) + 60_000
        self._store.commit(Commit(session, replace(session, crowded_until=crowded_until), ()))

    def _come_back(self) -> None:
        with self._meter.measure("auth with since, one start missed"):
            resumed = self._connections.authenticate(DISCORDS, "token", BEGINNING).resumed
            self._delivery.catch_up(DISCORDS, resumed)
        with self._meter.measure("subscribe with since, seven events missed"):
            self._delivery.catch_up(DISCORDS, self._connections.subscribe(DISCORDS, 1, BEGINNING))

    def _next_night(self) -> None:
        self._minutes(20)
        with self._meter.measure("POST /api/sessions under a key"):
            self._host.start(HOST, None, ONCE)
        with self._meter.measure("the same again"):
            self._host.start(HOST, None, ONCE)
        self._host.add_game(HOST, 2, NewGame("Fibbage"))
        self._make_crowded(2)
        self._voting.vote(KOSMI, 2, VoteRequest("Zoë", VoteType.UP))
        with self._meter.measure("POST /api/tokens"):
            self._tokens.mint(HOST, "kosmi", 3600)

    def _read(self) -> None:
        with self._meter.measure("GET /api/sessions, two of them"):
            self._queries.sessions(BEGINNING, 50)
        with self._meter.measure("GET /api/sessions/active"):
            self._queries.active()
        with self._meter.measure("GET /api/sessions/{id}"):
            self._queries.session(1)
        with self._meter.measure("GET .../events, seven of them"):
            end = self._queries.events(1, BEGINNING, 50).cursor
        with self._meter.measure("GET .../events, nothing new"):
            self._queries.events(1, end, 50)

    def _deliver(self) -> None:
        """Deliver an event to a small audience, and one as to a large one, not all of which it reaches."""
        [start] = self._store.log.events(SESSIONS_STREAM, 1, 1)
        *before, end = self._store.log.events(session_stream(1), 1, 50)
        for event in before:
            self._delivery.broadcast(event, inline=INLINE)
        with self._meter.measure("broadcast, a small audience"):
            self._delivery.broadcast(end, inline=INLINE)
        with self._meter.measure("broadcast, a large one"):
            sent = self._delivery.broadcast(start, inline=1)
        jobs = {job.shard: job for job in sent if isinstance(job, FanOutJob)}
        with self._meter.measure("deliver, each shard and 256 recipients"):
            self._delivery.shard(jobs[shard_of(KOSMIS, SHARDS)])
        with self._meter.measure("the same, and one is not reached"):
            self._delivery.shard(jobs[shard_of(DISCORDS, SHARDS)], unreached={DISCORDS})

    def _leave(self) -> None:
        with self._meter.measure("unsubscribe"):
            self._connections.unsubscribe(KOSMIS, 1)
        with self._meter.measure("$disconnect, one subscription"):
            self._connections.disconnect(DISCORDS)

    def _items(self, table: str) -> list[Item]:
        found = self._client.scan(TableName=table, ConsistentRead=True)["Items"]
        items = [{name: _plain(value) for name, value in sorted(item.items())} for item in found]
        return sorted(items, key=lambda item: (item["PK"], item["SK"]))

    def _minutes(self, minutes: int) -> None:
        self._moment += timedelta(minutes=minutes)

    def _wait(self, _: float) -> None:
        self._moment += timedelta(seconds=1)

    def _clock(self) -> datetime:
        return self._moment

    def _now(self) -> float:
        return self._moment.timestamp()


class _Verifier:
    """Everyone who connects to this night is kosmi."""

    def verify(self, token: str) -> Claims:  # noqa: ARG002 - the port's signature
        return KOSMI


class _Signer:
    """Tokens that open nothing."""

    def fresh(self) -> "_Signer":
        return self

    def issue(self, subject: str, role: Role, ttl_seconds: int) -> TokenTerms:
        return TokenTerms(subject, role, 0, ttl_seconds, "3", "k1")

    def sign(self, terms: TokenTerms) -> str:
        return terms.token_id


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content)
    return [_plain(one) for one in content] if kind == "L" else content
