"""The stores under their contract: in memory, on moto, or on the engine that DYNAMODB_ENDPOINT names."""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.services.ports import AnswerStore, ConnectionStore, EventLog, SessionStore
from chalicelib.storage.connections import DynamoConnectionStore
from chalicelib.storage.sessions import DynamoSessionStore
from chalicelib.storage.tables import Table, TableAddress
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

ENDPOINT = os.environ.get("DYNAMODB_ENDPOINT")
REGION = "us-east-1"
SHARDS = 2


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    if ENDPOINT:
        yield boto3.client("dynamodb", REGION, endpoint_url=ENDPOINT)
    else:
        with mock_aws():
            yield boto3.client("dynamodb", REGION)


@pytest.fixture
def table(dynamodb: Any) -> Iterator[Callable[[], TableAddress]]:
    made: list[str] = []

    def make() -> TableAddress:
        name = f"test-{uuid.uuid4().hex}"
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "PK", "KeyType": "HASH"},
                {"AttributeName": "SK", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "PK", "AttributeType": "S"},
                {"AttributeName": "SK", "AttributeType": "S"},
            ],
        )
        made.append(name)
        return TableAddress(name, REGION, ENDPOINT)

    yield make
    for name in made:
        dynamodb.delete_table(TableName=name)


@dataclass
class SessionsTable:
    """The three ports of the sessions table, with its time (Unix seconds)."""

    sessions: SessionStore
    log: EventLog
    answers: AnswerStore
    clock: list[float]


@pytest.fixture(params=["fake", "dynamodb"])
def house(request: pytest.FixtureRequest) -> SessionsTable:
    clock = [1_000_000.0]
    if request.param == "fake":
        fake = FakeSessionStore(lambda: clock[0])
        return SessionsTable(fake, fake, fake, clock)
    store = DynamoSessionStore(Table(request.getfixturevalue("table")()), lambda: clock[0])
    return SessionsTable(store, store.log, store.answers, clock)


@pytest.fixture
def sessions(house: SessionsTable) -> SessionStore:
    return house.sessions


@pytest.fixture
def log(house: SessionsTable) -> EventLog:
    return house.log


@pytest.fixture
def answers(house: SessionsTable) -> AnswerStore:
    return house.answers


@pytest.fixture(params=["fake", "dynamodb"])
def connections(request: pytest.FixtureRequest) -> ConnectionStore:
    if request.param == "fake":
        return FakeConnectionStore(SHARDS, now=1_000_000.0)
    return DynamoConnectionStore(request.getfixturevalue("table")(), SHARDS, lambda: 1_000_000.0)
