"""Plays a small night with the application itself. Its clock and ids are the same each time."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from chalicelib.auth.claims import Claims, Role
from chalicelib.auth.secrets import Secret, TokenSecrets
from chalicelib.bootstrap import Application
from chalicelib.connections.clients import Resumed
from chalicelib.connections.connection import Connection, Recipient, shard_of
from chalicelib.connections.messages import FailedPost, Message, Outcome
from chalicelib.delivery.jobs import FanOutJob, Job, Received
from chalicelib.idempotency import IdempotentRequest
from chalicelib.nights.cursors import BEGINNING
from chalicelib.nights.events import SESSIONS_STREAM, Event, LoggedEvent, session_stream
from chalicelib.nights.games import NewGame
from chalicelib.nights.ports import Commit
from chalicelib.nights.votes import VoteRequest, VoteType
from chalicelib.settings import Settings
from infra.local.engine.tables import ensure_tables
from infra.specifications.tables.meter import Cost, Meter
from infra.template import tables

Item = Mapping[str, Any]

KOSMIS, DISCORDS = "L0SM9cOFvHcCIhw=", "M2hZ4dXkPHcCFZA="
"""Connection ids like API Gateway's."""

FRIDAY = datetime(2085, 11, 2, 20, 0, 0, 123000, tzinfo=UTC)
"""A Friday far in the future, since an engine deletes items that have expired by its own clock."""

HOST = Claims("host", Role.ADMIN, issued_at=0, expires_at=4_000_000_000, token_id="1")  # noqa: S106 - an id
KOSMI = Claims("kosmi", Role.BOT, issued_at=0, expires_at=4_000_000_000, token_id="2")  # noqa: S106 - an id
ZOE = VoteRequest("Zoë", VoteType.UP)
ONCE = IdempotentRequest("host", "friday", "9f86d081884c7d65")

SECONDS = 30.0
"""Longer than any delivery here takes."""


@dataclass(frozen=True, slots=True)
class Played:
    """The items of each table after the night, in the order of their keys, and the cost of each access."""

    items: Mapping[str, Sequence[Item]]
    costs: Sequence[Cost]


def play(dynamodb_url: str) -> Played:
    """Play the night on an engine without tables. The environment needs credentials that it accepts."""
    names = {name: one.name for name, one in tables("night").items()}
    env = {"SESSIONS_TABLE": names["SessionsTable"], "CONNECTIONS_TABLE": names["ConnectionsTable"]}
    more = {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url, "AUDIENCE_SHARDS": "8", "INLINE_AUDIENCE": "1"}
    night, ids = ExampleNight(Settings.from_env({**os.environ, **env, **more})), count(1)
    with (
        patch("time.time", lambda: night.clock().timestamp()),
        patch("secrets.token_hex", lambda size: f"{next(ids):0{2 * size}x}"),
    ):
        return night.play(names)


class ExampleNight(Application):
    """The application that plays the night. Only the clients and the queue are fakes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.moment = FRIDAY
        self.clock = lambda: self.moment
        self._meter = Meter(self._database.connection.client, self._dynamodb)
        self._measure = self._meter.measure
        self._jobs = _Queue()
        vars(self).update(push=_Push(), _queue=self._jobs)
        secret = Secret("k1", "an example's secret, which signs nothing real")
        vars(self).update(verifier=SimpleNamespace(verify=lambda _: KOSMI))  # everyone is kosmi
        vars(self).update(secrets=SimpleNamespace(load=lambda: TokenSecrets(secret)))
        # One client is not reached on purpose, so that needs no log line.
        logging.getLogger("WebSocket").addHandler(logging.NullHandler())

    def play(self, names: Mapping[str, str]) -> Played:
        """Create the tables, and play the night on them."""
        client = self._database.connection.client
        ensure_tables(client, tables("night").values())
        self._sessions.head()  # the first read creates the stream's epoch
        self._connect()
        self._friday()
        self._deliver_to_few()
        self._come_back()
        self._next_night()
        self._deliver_to_many()
        self._read()
        items = {name: _items(client, table) for name, table in names.items()}
        self._measure("unsubscribe", self.connections.unsubscribe, KOSMIS, 1)
        self._measure("$disconnect, one subscription", self.connections.disconnect, DISCORDS)
        revoked = self.revocation.revoke(HOST, KOSMI.subject)
        self._measure("DELETE /api/tokens/{subject}, one connection", self.run, revoked)
        self.run(self.close())
        return Played(items, self._meter.costs)

    def _connect(self) -> None:
        opened = Connection(KOSMIS, "a1b2c3d4e5", "prod", int(self.moment.timestamp()), "203.0.113.7")
        self._measure("$connect", self.connections.connect, opened)
        self._measure("auth", self.connections.authenticate, opened.connection_id, "token")
        self.connections.connect(replace(opened, connection_id=DISCORDS))

    def _friday(self) -> None:
        self._measure("POST /api/sessions", self.hosting.start, HOST, "Friday Game Night")
        self._measure("subscribe", self.connections.subscribe, KOSMIS, 1)
        self.moment += timedelta(minutes=5)
        game = NewGame("Quiplash", "Party Pack 2", 3, 8)
        self._measure("POST .../games", self.hosting.add_game, HOST, 1, game)
        self.moment += timedelta(minutes=15)
        self._measure("POST .../votes", self.voting.vote, KOSMI, 1, ZOE)
        self._measure(
            "POST .../votes, the voter's second", self.voting.vote, KOSMI, 1, replace(ZOE, type=VoteType.DOWN)
        )
        self._make_crowded(1)
        self._measure("POST .../votes, in a crowd", self.voting.vote, KOSMI, 1, replace(ZOE, username="Kim"))
        self.moment += timedelta(seconds=1)
        self.voting.vote(KOSMI, 1, replace(ZOE, username="Max"))
        self._measure("broadcast, two pending votes", self.vote_counter.count_pending, 1)
        self.moment += timedelta(minutes=60)  # a connection lasts for two hours
        self._measure("POST .../close", self.hosting.close, HOST, 1)

    def _make_crowded(self, session_id: int) -> None:
        """Let votes be stored first and counted later, as in a crowd."""
        session = self._sessions.session(session_id)
        if session is None:
            raise AssertionError  # it was just changed
        crowded = replace(session, crowded_until=int(self.moment.timestamp() * 1000) + 60_000)
        self._sessions.commit(Commit(session, crowded, ()))

    def _deliver_to_few(self) -> None:
        *before, end = self._sessions.log.events(session_stream(1), 1, 50)
        for event in (*self._sessions.log.events(SESSIONS_STREAM, 0, 1), *before):
            self._broadcast(event)
        self._measure("broadcast, a small audience", self._broadcast, end)

    def _deliver_to_many(self) -> None:
        """Deliver an event as to a large audience, and fail to reach one client."""
        [start] = self._sessions.log.events(SESSIONS_STREAM, 1, 1)
        self._measure("broadcast, a large one", self._broadcast, start)
        jobs = {job.shard: job for job in self._jobs if isinstance(job, FanOutJob)}
        kosmis, discords = (jobs[shard_of(one, self.settings.audience_shards)] for one in (KOSMIS, DISCORDS))
        self._measure("deliver, each shard and 256 recipients", self._work, kosmis)
        self._measure("the same, and one is not reached", self._work, discords)

    def _broadcast(self, event: Event) -> None:
        self.run(self.broadcast.run([LoggedEvent("1", event)], within=SECONDS))

    def _work(self, job: Job) -> None:
        self.run(self.worker.work([Received("1", "1", 1, job)], within=SECONDS))

    def _come_back(self) -> None:
        again = partial(self.connections.authenticate, DISCORDS, "token", BEGINNING)
        self._measure("auth with since, one start missed", lambda: self._resume(again().resumed))
        follow = partial(self.connections.subscribe, DISCORDS, 1, BEGINNING)
        self._measure("subscribe with since, seven events missed", lambda: self._resume(follow()))

    def _resume(self, resumed: Resumed | None) -> None:
        async def catch_up(resumed: Resumed) -> None:
            deadline = asyncio.get_running_loop().time() + SECONDS
            until = resumed.resume.catching_up_until
            await self._catch_up.resume(resumed.place.stream, DISCORDS, deadline, until)

        if resumed is None:
            raise AssertionError  # it asked for it
        self.run(catch_up(resumed))

    def _next_night(self) -> None:
        self.moment += timedelta(minutes=20)
        self._measure("POST /api/sessions under a key", self.hosting.start, HOST, None, ONCE)
        self._measure("the same again", self.hosting.start, HOST, None, ONCE)
        self.hosting.add_game(HOST, 2, NewGame("Fibage"))
        self.voting.vote(KOSMI, 2, ZOE)
        self._measure("DELETE .../votes/{game_id}", self.voting.withdraw, KOSMI, 2, 1, ZOE.username)
        self._measure("DELETE .../games/{game_id}", self.hosting.remove_game, HOST, 2, 1)
        self.hosting.add_game(HOST, 2, NewGame("Fibbage"))
        self._make_crowded(2)
        self.voting.vote(KOSMI, 2, ZOE)
        code, _ = self._measure("POST .../invites", self.invites.invite_guests, HOST, 2)
        self._measure("POST /api/join", self.invites.join, code, "Zoë", "203.0.113.8")

    def _read(self) -> None:
        self._measure("GET /api/sessions, two of them", self.queries.sessions, BEGINNING, 50)
        self._measure("GET /api/sessions/active", self.queries.active)
        self._measure("GET /api/sessions/{id}", self.queries.session, 1)
        page = self._measure("GET .../events, seven of them", self.queries.events, 1, BEGINNING, 50)
        self._measure("GET .../events, nothing new", self.queries.events, 1, page.cursor, 50)


class _Push:
    """Reaches all clients, but Discord's only with a replay."""

    async def send(self, message: Message, recipients: Sequence[Recipient], *, within: float) -> Outcome:  # noqa: ARG002 - the port's signature
        lost = [one for one in recipients if one.connection_id == DISCORDS and one.behind is None]
        reached = {one.connection_id: 0.0 for one in recipients if one not in lost}
        return Outcome(reached, failed=[FailedPost(one, 429, "answered 429") for one in lost])

    async def disconnect(self, recipient: Recipient) -> bool:  # noqa: ARG002 - the port's signature
        return True


class _Queue(list[Job]):
    """Keeps the jobs that are sent."""

    async def send(self, jobs: Sequence[Job]) -> None:
        self.extend(jobs)


def _items(client: Any, table: str) -> list[Item]:
    found = client.scan(TableName=table, ConsistentRead=True)["Items"]
    items = [{name: _plain(value) for name, value in sorted(item.items())} for item in found]
    return sorted(items, key=lambda item: (item["PK"], item["SK"]))


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content)
    return [_plain(one) for one in content] if kind == "L" else content
