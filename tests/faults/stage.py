"""The application as composed, on an engine, with what hosts and clients do on it."""

import asyncio
import json
import uuid
from collections.abc import Mapping
from itertools import count
from typing import Any

import boto3
from msgspec.structs import replace

from chalicelib.api.live.answers import answer
from chalicelib.aws.connections_api import ConnectionsApi
from chalicelib.aws.http import HttpClient
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.errors import Unavailable
from chalicelib.idempotency import IdempotentRequest
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from chalicelib.nights.games import NewGame
from chalicelib.nights.ports import Commit
from chalicelib.nights.votes import VoteRequest, VoteType
from chalicelib.retry import Backoff, RetryPolicy
from chalicelib.settings import Keys, Settings
from chalicelib.timestamps import milliseconds
from infra.deploy.operate.stage import OperatedStage, OperatorApplication
from infra.local.engine.queues import EngineQueue, ensure_queues
from infra.local.engine.tables import ensure_tables
from infra.template import queues, tables
from tests.fakes.identity import FAR_FUTURE, FakeVerifier, claims
from tests.faults.clients import Clients
from tests.integration.aws.hostile_server import KEYS, REGION

SHARDS = 2
SECONDS = 30.0
HOST = claims()
SIGNED_WITH = Keys(str(KEYS.access_key), str(KEYS.secret_key), KEYS.token)
HASTY = RetryPolicy(attempts=3, base_seconds=0.001, cap_seconds=0.002)
ENVIRONMENT: dict[str, str] = {
    "AWS_ACCESS_KEY_ID": str(KEYS.access_key),
    "AWS_SECRET_ACCESS_KEY": str(KEYS.secret_key),
    "AWS_SESSION_TOKEN": str(KEYS.token),
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
"""PynamoDB reads it from the process's environment, as on Lambda."""


class Stage:
    """One stage. ``dynamodb`` is where its functions reach the tables, maybe through something faulty."""

    def __init__(self, engine: str, clients: Clients, dynamodb: str) -> None:
        self.name = f"f{uuid.uuid4().hex[:12]}"
        self.clients = clients
        self._engine = engine
        self._sdk: dict[str, Any] = {}
        ensure_tables(self.client("dynamodb"), tables(self.name).values())
        self.queues: Mapping[str, EngineQueue] = ensure_queues(self.client("sqs"), queues(self.name))
        self.settings = Settings.from_env(
            {
                **ENVIRONMENT,
                "AWS_ENDPOINT_URL": engine,
                "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
                "SESSIONS_TABLE": tables(self.name)["SessionsTable"].name,
                "CONNECTIONS_TABLE": tables(self.name)["ConnectionsTable"].name,
                "DELIVERY_QUEUE_URL": self.queues["DeliveryQueue"].url,
                "STREAM_FAILURE_QUEUE_URL": self.queues["StreamFailureQueue"].url,
                "PUSH_ENDPOINT": clients.server.endpoint,
                "AUDIENCE_SHARDS": str(SHARDS),
            }
        )
        self.app = self.environment()
        self._titles = count(1)

    def retry(self, backoff: Backoff) -> None:
        """Have DynamoDB retried as given from now on, such as with no more than a few attempts."""
        self.app._database.connection.backoff = backoff

    def client(self, service: str) -> Any:
        """Return an SDK client of the engine itself, past anything faulty."""
        if service not in self._sdk:
            keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
            self._sdk[service] = boto3.client(service, REGION, endpoint_url=self._engine, **keys)
        return self._sdk[service]

    def environment(self, post_seconds: float = 60.0) -> OperatorApplication:
        """Return a fresh execution environment of the functions."""
        app = OperatorApplication(self.settings)
        push = ConnectionsApi(
            HttpClient(timeout=post_seconds),
            self.settings.push_endpoint,
            REGION,
            lambda: SIGNED_WITH,
            retry=HASTY,
        )
        vars(app).update(verifier=FakeVerifier(), push=push)
        return app

    async def replace_environment(self, post_seconds: float) -> None:
        await self.close()
        self.app = self.environment(post_seconds)

    async def close(self) -> None:
        await self.app.close()
        await self.app.push.close()

    def operated(self) -> OperatedStage:
        return OperatedStage(self.name, self.settings, self.client)

    def rows_of(self, client: str) -> list[Any]:
        """Return what is kept of a client, or of whatever else a text is in."""
        table = self.settings.connections_table
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [row for page in pages for row in page["Items"] if client in json.dumps(row)]

    async def start(self, key: str | None = None) -> int:
        answer = await asyncio.to_thread(self.app.hosting.start, HOST, None, _request(key))
        return int(answer["id"])

    async def add_game(self, session_id: int, key: str | None = None) -> str:
        title = f"Game {next(self._titles)}"
        new = NewGame(title)
        game = await asyncio.to_thread(self.app.hosting.add_game, HOST, session_id, new, _request(key))
        return str(game["title"])  # that of the first attempt, where a key is used again

    async def vote(self, session_id: int, username: str, key: str | None = None) -> Any:
        asked = VoteRequest(username, VoteType.UP)
        return await asyncio.to_thread(self.app.voting.vote, HOST, session_id, asked, _request(key))

    async def crowd(self, session_id: int) -> None:
        """Have the next voters find that the session is crowded."""
        session = await asyncio.to_thread(self.app._sessions.session, session_id)
        assert session is not None
        until = milliseconds(self.app.clock()) + 60_000
        change = Commit(session, replace(session, crowded_until=until), ())
        await asyncio.to_thread(self.app._sessions.commit, change)

    async def join(
        self, client: str, session_id: int | None = None, *, places: Mapping[str, str] | None = None
    ) -> None:
        """Connect a client, authenticate it, and subscribe it to a session.

        With ``places`` it resumes: from a cursor where there is one of the stream, else from the beginning.
        """

        def since(stream: str) -> dict[str, str]:
            return {} if places is None else {"since": places.get(stream, "")}

        await self.connect(client)
        await self.frame(client, type="auth", token=f"{client}:bot", **since(SESSIONS_STREAM))
        if session_id is not None:
            stream = session_stream(session_id)
            await self.frame(client, type="subscribe", sessionId=session_id, **since(stream))

    async def frame(self, client: str, **frame: Any) -> None:
        """Hand over a client's frame, as its function does. Raises Unavailable where that is the answer."""
        app = self.app
        reply = await asyncio.to_thread(answer, app.connections, app.clock, client, json.dumps(frame))
        if json.loads(reply.frame).get("retryable"):
            raise Unavailable(reply.frame.decode())
        await app.responder.send(Recipient(client, "api", "stage"), reply, within=SECONDS)

    async def connect(self, client: str) -> None:
        opened = Connection(client, "api", "stage", int(self.app.clock().timestamp()), "127.0.0.1")
        await asyncio.to_thread(self.app.connections.connect, opened)

    def log_by_hand(self, session_id: int, sequence: int, event_type: str, envelope: str) -> None:
        """Make an event a session's newest past our code, or put it in place of the one that is."""
        self.put_event_by_hand(session_id, sequence, event_type, envelope)
        self.client("dynamodb").update_item(
            TableName=self.settings.sessions_table,
            Key={"PK": {"S": f"session#{session_id}"}, "SK": {"S": "head"}},
            UpdateExpression="SET #sequence = :sequence",
            ExpressionAttributeNames={"#sequence": "sequence"},
            ExpressionAttributeValues={":sequence": {"N": str(sequence)}},
        )

    def put_event_by_hand(self, session_id: int, sequence: int, event_type: str, envelope: str) -> None:
        """Write an event's item and leave the session's head as it is."""
        item = {
            "PK": {"S": f"session#{session_id}"},
            "SK": {"S": f"event#{sequence:010}"},
            "type": {"S": event_type},
            "envelope": {"S": envelope},
            "epoch": {"S": "by hand"},
            "expires_at": {"N": str(FAR_FUTURE)},
        }
        self.client("dynamodb").put_item(TableName=self.settings.sessions_table, Item=item)


def _request(key: str | None) -> IdempotentRequest | None:
    return IdempotentRequest("host", key, "hash") if key else None
