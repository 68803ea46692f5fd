"""The application as composed, on an engine's tables, stream and queues, its clients behind a real socket.

Stands where Lambda does: hands records and messages to the services and does with the outcome what Lambda
does, by the local gateway's rules. What only time would bring (the next attempt, the next poll) is brought at
once.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import boto3

from chalicelib.aws.delivery_queue import received_jobs
from chalicelib.aws.dynamodb.nights.stream_records import read_records
from chalicelib.aws.signature import Keys
from chalicelib.bootstrap import Application
from chalicelib.connections.connection import Connection
from chalicelib.errors import GameNightError
from chalicelib.idempotency import IdempotentRequest
from chalicelib.nights.cursors import BEGINNING
from chalicelib.nights.games import NewGame
from chalicelib.push.client import ConnectionsClient
from chalicelib.push.retry import RetryPolicy
from chalicelib.settings import Settings
from infra.event_sources import STREAM_MAPPING
from infra.local.deployment import Moment
from infra.local.queue_event import Message, queue_event
from infra.local.queues import EngineQueue, ensure_queues
from infra.local.stream_event import Record, stream_event
from infra.local.stream_failure import failure_record
from infra.local.stream_mapping import Batch, Discarded, ShardQueue, StreamMapping
from infra.local.stream_reader import TableStream
from infra.local.tables import ensure_tables
from infra.operations.stage import OperatedStage
from infra.template import queues, tables
from tests.fakes.identity import FakeVerifier, claims
from tests.integration.push.hostile_server import KEYS, OK, REGION, Behaviour, HostileServer, Request

SHARDS = 2
SECONDS = 30.0
HOST = claims()
SIGNED_WITH = Keys(str(KEYS.access_key), str(KEYS.secret_key), KEYS.token)
HASTY = RetryPolicy(attempts=3, base_seconds=0.001, cap_seconds=0.002)
POST_SECONDS = 0.5
"""A client that says nothing is given up after so long; whoever is slower than that gets the event again."""

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": SIGNED_WITH.access_key,
    "AWS_SECRET_ACCESS_KEY": SIGNED_WITH.secret_key,
    "AWS_SESSION_TOKEN": SIGNED_WITH.token or "",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
"""PynamoDB reads it from the process's environment, as on Lambda."""


@dataclass
class Clients:
    """The clients of an @connections server, each of which takes what it is sent, or does not."""

    server: HostileServer = field(default_factory=HostileServer)

    def behave(self, client: str, *behaviours: Behaviour) -> None:
        """Let a client answer the posts from now on, one after the other; the last stays."""
        before = [self._behaviour(client, number) for number in range(self.server.posted_to(client))]
        self.server.behaviours[client] = [*before, *behaviours]

    def heard(self, client: str) -> list[Any]:
        """Return the events that a client has taken, in the order in which they came."""
        return self.answered(client, OK)

    def answered(self, client: str, behaviour: Behaviour) -> list[Any]:
        """Return the events that a client was sent and answered in one way."""
        return [
            json.loads(one.body)
            for number, one in enumerate(self.posts(client))
            if self._behaviour(client, number) is behaviour
        ]

    def closed(self, client: str) -> bool:
        return any(one.method == "DELETE" and one.connection_id == client for one in self.server.requests)

    def posts(self, client: str) -> list[Request]:
        return [one for one in self.server.requests if one.connection_id == client and one.method == "POST"]

    def _behaviour(self, client: str, number: int) -> Behaviour:
        behaviours = self.server.behaviours.get(client, [self.server.otherwise])
        return behaviours[min(number, len(behaviours) - 1)]


class Service:
    """One stage. ``dynamodb`` is where its functions reach the tables, maybe through something faulty."""

    def __init__(self, engine: str, clients: Clients, dynamodb: str | None = None, inline: int = 500) -> None:
        self.name = f"f{uuid.uuid4().hex[:12]}"
        self.clients = clients
        self.given_up: list[Any] = []
        self.given_up_envelopes: list[str] = []
        self._engine = engine
        self._sdk: dict[str, Any] = {}
        ensure_tables(self.client("dynamodb"), tables(self.name).values())
        self.queues: Mapping[str, EngineQueue] = ensure_queues(self.client("sqs"), queues(self.name))
        self.settings = Settings.from_env(
            {
                **ENVIRONMENT,
                "AWS_ENDPOINT_URL": engine,
                "AWS_ENDPOINT_URL_DYNAMODB": dynamodb or engine,
                "SESSIONS_TABLE": tables(self.name)["SessionsTable"].name,
                "CONNECTIONS_TABLE": tables(self.name)["ConnectionsTable"].name,
                "DELIVERY_QUEUE_URL": self.queues["DeliveryQueue"].url,
                "STREAM_FAILURE_QUEUE_URL": self.queues["StreamFailureQueue"].url,
                "PUSH_ENDPOINT": clients.server.endpoint,
                "AUDIENCE_SHARDS": str(SHARDS),
                "INLINE_AUDIENCE": str(inline),
            }
        )
        self.clock_is_off = 0.0
        self.app = self.environment()
        self._reader = TableStream(
            self.client("dynamodb"), self.client("dynamodbstreams"), self.settings.sessions_table
        )
        self._positions: dict[str, str | None] = {}
        self._shards: dict[str, ShardQueue] = {}
        self._titles = count(1)
        self._in_hand: Message | None = None
        self.hours_late = 0.0

    def client(self, service: str) -> Any:
        """Return an SDK client of the engine itself, past anything faulty."""
        if service not in self._sdk:
            keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
            self._sdk[service] = boto3.client(service, REGION, endpoint_url=self._engine, **keys)
        return self._sdk[service]

    def environment(self) -> Application:
        """Return a fresh execution environment of the functions."""
        app = Application(self.settings)
        app.clock = lambda: datetime.fromtimestamp(time.time() + self.clock_is_off, UTC)
        push = ConnectionsClient(
            self.settings.push_endpoint, REGION, lambda: SIGNED_WITH, retry=HASTY, post_timeout=POST_SECONDS
        )
        vars(app).update(tokens=FakeVerifier(), push=push)
        return app

    async def replace_environment(self) -> None:
        """Go on after an environment was killed, with a fresh one; what it had in hand comes again."""
        if self._in_hand is not None:
            self.queues["DeliveryQueue"].release(self._in_hand)
            self._in_hand = None
        killed, self.app = self.app, self.environment()
        await killed.close()

    async def close(self) -> None:
        await self.app.close()

    def operated(self) -> OperatedStage:
        return OperatedStage(self.name, self.settings, self.client)

    # What hosts and clients do.

    async def start(self, key: str | None = None) -> int:
        answer = await asyncio.to_thread(self.app.game_nights.start, HOST, None, _request(key))
        return int(answer["id"])

    async def add_game(self, session_id: int, key: str | None = None) -> str:
        title = f"Game {next(self._titles)}"
        new = NewGame(title, None, None, None)
        game = await asyncio.to_thread(self.app.game_nights.add_game, HOST, session_id, new, _request(key))
        return str(game["title"])  # that of the first attempt, where a key is used again

    async def join(self, client: str, session_id: int | None = None, *, resumes: bool = False) -> None:
        """Connect a client, authenticate it, and subscribe it to a session."""
        await self.connect(client)
        since = BEGINNING if resumes else None
        await asyncio.to_thread(self.app.connections.authenticate, client, f"{client}:bot", since)
        if session_id is not None:
            await asyncio.to_thread(self.app.connections.subscribe, client, session_id, since)

    async def connect(self, client: str) -> None:
        opened = Connection(client, "api", "stage", int(self.app.clock().timestamp()), "127.0.0.1")
        await asyncio.to_thread(self.app.connections.connect, opened)

    def log_by_hand(self, session_id: int, sequence: int, event_type: str, envelope: str) -> None:
        """Put an event into a session's log past our code, or in place of one that is there."""
        item = {
            "PK": {"S": f"session#{session_id}"},
            "SK": {"S": f"event#{sequence:010}"},
            "type": {"S": event_type},
            "envelope": {"S": envelope},
            "epoch": {"S": "by hand"},
        }
        self.client("dynamodb").put_item(TableName=self.settings.sessions_table, Item=item)

    # What Lambda does.

    async def deliver(self, *, twice: bool = False) -> None:
        """Hand over what the stream has, until all of it is done or given up; ``twice``: each batch."""
        arn = self._reader.arn()
        for shard in self._reader.shards(arn):
            queue = self._shards.setdefault(shard.id, self._shard_queue(arn, shard.id))
            queue.add(self._records(arn, shard.id))
            while (batch := queue.next_batch()) is not None:
                answer = await self.broadcast(batch.records, arn)
                if twice:
                    answer = await self.broadcast(batch.records, arn)
                queue.failed(batch) if answer is None else queue.answered(batch, answer)

    async def broadcast(self, records: Sequence[Record], arn: str = "arn") -> Any:
        """Hand over records; None where the function failed as a whole."""
        event = json.loads(json.dumps(stream_event(records, arn), default=str))
        read = read_records(event["Records"])
        try:
            again = await self.app.broadcast.deliver(read.events, within=SECONDS)
        except GameNightError:
            return None
        again += await self.app.set_aside.put(read.unreadable)
        return {"batchItemFailures": [{"itemIdentifier": one} for one in again]}

    async def work(self, *, twice: bool = False) -> None:
        """Hand over what is on the queue, until all of it is done, or among the dead letters."""
        delivery = self.queues["DeliveryQueue"]
        while messages := delivery.receive(1):  # as many as `deliver` is given
            [self._in_hand] = messages
            done = await self.job(messages[0])
            if twice:
                await self.job(messages[0])
            delivery.delete(messages[0]) if done else delivery.release(messages[0])
            self._in_hand = None

    async def job(self, message: Message) -> bool:
        event = queue_event([message], "arn")
        received = [*received_jobs(event["Records"])]
        return await self.app.jobs.work(received, within=SECONDS) == []

    async def settle(self) -> None:
        """Let everything be delivered that can be."""
        await self.deliver()
        await self.work()

    def dead(self) -> list[Any]:
        """Return what is among the dead letters, and leave it there."""
        queue = self.queues["DeliveryDeadLetterQueue"]
        messages = queue.receive(10)
        for message in messages:
            queue.release(message)
        return [json.loads(one["Body"]) for one in messages]

    def records(self) -> list[Record]:
        """Return the records that the stream has and nobody was handed yet."""
        arn = self._reader.arn()
        mapping = StreamMapping.from_settings(STREAM_MAPPING)
        found = [one for shard in self._reader.shards(arn) for one in self._records(arn, shard.id)]
        return [one for one in found if mapping.wants(one)]

    def give_up(self, records: Sequence[Record], shard: str | None = None) -> None:
        """Give up records as Lambda does after the last attempt."""
        arn = self._reader.arn()
        self._give_up(
            Discarded(Batch(tuple(records)), "RetryAttemptsExhausted"), arn, shard or self._shard(arn)
        )

    def _shard(self, arn: str) -> str:
        return self._reader.shards(arn)[0].id

    def _give_up(self, discarded: Discarded, arn: str, shard: str) -> None:
        images = [one["dynamodb"]["NewImage"] for one in discarded.batch.records]
        self.given_up_envelopes += [line for one in images for line in one["envelope"]["S"].split("\n")]
        failure = failure_record(discarded, "broadcast", arn, shard, Moment.present())
        self.given_up.append(failure)
        self.queues["StreamFailureQueue"].send(json.dumps(failure))

    def _shard_queue(self, arn: str, shard: str) -> ShardQueue:
        mapping = StreamMapping.from_settings(STREAM_MAPPING)
        return ShardQueue(mapping, self._seconds, lambda one: self._give_up(one, arn, shard))

    def _seconds(self) -> float:
        return time.time() + self.hours_late * 3600

    def _records(self, arn: str, shard: str) -> Sequence[Record]:
        last = self._positions.get(shard)
        kind = "AFTER_SEQUENCE_NUMBER" if last else "TRIM_HORIZON"
        iterator: str | None = self._reader.iterator(arn, shard, kind, last)
        found: list[Record] = []
        while iterator is not None:
            page = self._reader.page(iterator)
            if not page.records:
                break
            found += page.records
            iterator = page.next_iterator
        if found:
            self._positions[shard] = found[-1]["dynamodb"]["SequenceNumber"]
        return found


@asynccontextmanager
async def running_service(
    engine: str, *, dynamodb: str | None = None, inline: int = 500
) -> AsyncIterator[Service]:
    """Serve a stage and its clients."""
    clients = Clients()
    async with clients.server.serving():
        service = await asyncio.to_thread(Service, engine, clients, dynamodb, inline)
        try:
            yield service
        finally:
            await service.close()


def titles(heard: Sequence[Any]) -> list[str]:
    """Return the games that were heard of, each the first time it came."""
    return list(dict.fromkeys(one["data"]["game"]["title"] for one in heard if one["type"] == "game.added"))


def _request(key: str | None) -> IdempotentRequest | None:
    return IdempotentRequest("host", key, "hash") if key else None
