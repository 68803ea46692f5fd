"""The stores under their contract: in memory, on moto, or on the engine that DYNAMODB_ENDPOINT names."""

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.services.ports import ConnectionStore, SessionStore
from chalicelib.storage.connections import DynamoConnectionStore
from chalicelib.storage.sessions import DynamoSessionStore
from chalicelib.storage.tables import TableAddress
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


@pytest.fixture(params=["fake", "dynamodb"])
def sessions(request: pytest.FixtureRequest) -> SessionStore:
    if request.param == "fake":
        return FakeSessionStore()
    return DynamoSessionStore(request.getfixturevalue("table")(), lambda: 1_000_000.0)


@pytest.fixture(params=["fake", "dynamodb"])
def connections(request: pytest.FixtureRequest) -> ConnectionStore:
    if request.param == "fake":
        return FakeConnectionStore(SHARDS, now=1_000_000.0)
    return DynamoConnectionStore(request.getfixturevalue("table")(), SHARDS, lambda: 1_000_000.0)
