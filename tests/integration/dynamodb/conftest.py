"""The stores under their contract: in memory, and on MiniStack or the engine that DYNAMODB_ENDPOINT names."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from chalicelib.auth.ports import InviteStore, RevocationStore
from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.connections.progress import DynamoProgressStore
from chalicelib.aws.dynamodb.connections.revocations import DynamoRevocations
from chalicelib.aws.dynamodb.database import Database, Table
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.aws.http import HttpClient
from chalicelib.aws.json_api import DynamoApi
from chalicelib.connections.connection import Recipient
from chalicelib.connections.ports import ConnectionStore
from chalicelib.delivery.ports import Audiences, ProgressStore
from chalicelib.idempotency import AnswerStore
from chalicelib.nights.ports import EventLog, PendingVoteStore, SessionStore
from chalicelib.settings import Keys
from infra.deploy.operate.followers import pages_of
from tests.engine import dynamodb_engine, new_table
from tests.fakes.delivery import FakeAudiences, FakeProgress
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

REGION = "us-east-1"
SHARDS = 2
NOW = 1_000_000.0


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dynamodb_engine(tmp_path_factory.mktemp("engine")) as url:
        yield url


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    return boto3.client("dynamodb", REGION, endpoint_url=endpoint)


@pytest.fixture
def table(dynamodb: Any, endpoint: str) -> Iterator[Callable[[], Table]]:
    made: list[Table] = []
    database = Database(REGION, endpoint)

    def make() -> Table:
        made.append(new_table(dynamodb, database))
        return made[-1]

    yield make
    for table in made:
        dynamodb.delete_table(TableName=table.name)


@dataclass
class SessionsTable:
    """The ports of the sessions table, with its time (Unix seconds)."""

    sessions: SessionStore
    log: EventLog
    answers: AnswerStore
    pending: PendingVoteStore
    invites: InviteStore
    clock: list[float]


@pytest.fixture(params=["fake", "dynamodb"])
def sessions_table(request: pytest.FixtureRequest) -> SessionsTable:
    clock = [1_000_000.0]
    if request.param == "fake":
        fake = FakeSessionStore(lambda: clock[0])
        return SessionsTable(fake, fake, fake, fake, fake, clock)
    store = DynamoSessionStore(request.getfixturevalue("table")(), lambda: clock[0])
    return SessionsTable(store, store.log, store.answers, store.pending, store.invites, clock)


@pytest.fixture
def sessions(sessions_table: SessionsTable) -> SessionStore:
    return sessions_table.sessions


@pytest.fixture
def log(sessions_table: SessionsTable) -> EventLog:
    return sessions_table.log


@pytest.fixture
def pending(sessions_table: SessionsTable) -> PendingVoteStore:
    return sessions_table.pending


@pytest.fixture
def answers(sessions_table: SessionsTable) -> AnswerStore:
    return sessions_table.answers


@dataclass
class ConnectionsTable:
    """The ports of the connections table. ``wait`` lets seconds pass for all of them."""

    store: ConnectionStore
    audiences: Audiences
    progress: ProgressStore
    revocations: RevocationStore
    wait: Callable[[float], None]

    async def everyone(self, stream: str) -> list[Recipient]:
        return await everyone_in(self.audiences, stream)


@pytest.fixture(params=["fake", "dynamodb"])
async def connections_table(request: pytest.FixtureRequest) -> AsyncIterator[ConnectionsTable]:
    clock = [NOW]
    fake = FakeConnectionStore(SHARDS, now=NOW)

    def now() -> float:
        return clock[0]

    def wait(seconds: float) -> None:
        clock[0] += seconds
        fake.now = clock[0]

    if request.param == "fake":
        yield ConnectionsTable(fake, FakeAudiences(fake), FakeProgress(SHARDS, now), fake, wait)
        return
    table = request.getfixturevalue("table")()
    async with dynamodb_api(table) as api:
        store = DynamoConnectionStore(table, SHARDS, now)
        audiences = DynamoAudiences(api, table.name, SHARDS, now)
        progress = DynamoProgressStore(api, table.name, SHARDS, now)
        yield ConnectionsTable(store, audiences, progress, DynamoRevocations(table), wait)


@asynccontextmanager
async def dynamodb_api(table: Table) -> AsyncIterator[DynamoApi]:
    """Reach a table's engine without an SDK."""
    http = HttpClient()
    keys = Keys("local", "local")
    try:
        yield DynamoApi(http, table.database.endpoint, table.database.region, lambda: keys)
    finally:
        await http.close()


async def everyone_in(audiences: Audiences, stream: str) -> list[Recipient]:
    """Return a whole audience, shard by shard."""
    return [one async for page in pages_of(audiences, stream, SHARDS) for one in page]


def read_all(table: Table, stream: str) -> list[Recipient]:
    """Return a whole audience of a table."""

    async def read() -> list[Recipient]:
        async with dynamodb_api(table) as api:
            return await everyone_in(DynamoAudiences(api, table.name, SHARDS, lambda: NOW), stream)

    return asyncio.run(read())
