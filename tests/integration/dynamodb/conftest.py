"""The stores under their contract: in memory, and on MiniStack or the engine that DYNAMODB_ENDPOINT names."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.connections.lags import DynamoLagStore
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.aws.dynamodb.tables import Database, Table
from chalicelib.aws.json_api import DynamoApi
from chalicelib.aws.signature import Keys
from chalicelib.connections.connection import Recipient
from chalicelib.connections.ports import ConnectionStore
from chalicelib.delivery.ports import Audiences, LagStore
from chalicelib.idempotency import AnswerStore
from chalicelib.nights.ports import BallotBox, EventLog, SessionStore
from tests.engine import dynamodb_engine, new_table
from tests.fakes.stores import FakeAudiences, FakeConnectionStore, FakeSessionStore

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
    box: BallotBox
    clock: list[float]


@pytest.fixture(params=["fake", "dynamodb"])
def house(request: pytest.FixtureRequest) -> SessionsTable:
    clock = [1_000_000.0]
    if request.param == "fake":
        fake = FakeSessionStore(lambda: clock[0])
        return SessionsTable(fake, fake, fake, fake, clock)
    store = DynamoSessionStore(request.getfixturevalue("table")(), lambda: clock[0])
    return SessionsTable(store, store.log, store.answers, store.box, clock)


@pytest.fixture
def sessions(house: SessionsTable) -> SessionStore:
    return house.sessions


@pytest.fixture
def log(house: SessionsTable) -> EventLog:
    return house.log


@pytest.fixture
def box(house: SessionsTable) -> BallotBox:
    return house.box


@pytest.fixture
def answers(house: SessionsTable) -> AnswerStore:
    return house.answers


def read_all(table: Table, audience: str) -> list[Recipient]:
    """Everyone in an audience of a table, shard by shard."""

    async def read() -> list[Recipient]:
        async with dynamodb_api(table) as api:
            return await everyone_in(DynamoAudiences(api, table.name, lambda: NOW), audience)

    return asyncio.run(read())


@asynccontextmanager
async def dynamodb_api(table: Table) -> AsyncIterator[DynamoApi]:
    """Reach a table's engine without an SDK."""
    keys = Keys("local", "local")
    database = table.database
    api = DynamoApi(database.endpoint, database.region, lambda: keys, ssl.create_default_context)
    try:
        yield api
    finally:
        await api.close()


async def everyone_in(audiences: Audiences, audience: str) -> list[Recipient]:
    recipients: list[Recipient] = []
    for shard in range(SHARDS):
        page = await audiences.page(audience, shard)
        recipients.extend(page.recipients)
        while page.next_after is not None:
            page = await audiences.page(audience, shard, page.next_after)
            recipients.extend(page.recipients)
    return recipients


Everyone = Callable[[str], list[Recipient]]


@dataclass
class ConnectionsTable:
    """The ports that write audiences, and what reads them."""

    store: ConnectionStore
    lags: LagStore
    everyone: Everyone


@pytest.fixture(params=["fake", "dynamodb"])
def connections_table(request: pytest.FixtureRequest) -> ConnectionsTable:
    if request.param == "fake":
        fake = FakeConnectionStore(SHARDS, now=NOW)
        return ConnectionsTable(
            fake, fake, lambda audience: asyncio.run(everyone_in(FakeAudiences(fake), audience))
        )
    table = request.getfixturevalue("table")()
    store = DynamoConnectionStore(table, SHARDS, lambda: NOW)
    lags = DynamoLagStore(table, SHARDS, lambda: NOW)
    return ConnectionsTable(store, lags, lambda audience: read_all(table, audience))


@pytest.fixture
def connections(connections_table: ConnectionsTable) -> ConnectionStore:
    return connections_table.store


@pytest.fixture
def everyone(connections_table: ConnectionsTable) -> Everyone:
    return connections_table.everyone
