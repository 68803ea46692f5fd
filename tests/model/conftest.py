import logging
import os
import uuid
from collections.abc import Callable, Iterator

import boto3
import pytest

from chalicelib.storage.tables import Database, Table
from infra.local.engine import embedded_engine
from infra.local.state import StateDir
from tests.model.night import ENVIRONMENT

REGION = ENVIRONMENT["AWS_REGION"]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Faults are the point here, and a log line for each would drown what fails."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The engine that DYNAMODB_ENDPOINT names, or MiniStack."""
    if named := os.environ.get("DYNAMODB_ENDPOINT"):
        yield named
        return
    with embedded_engine(StateDir(tmp_path_factory.mktemp("engine")), print) as url:
        yield url


@pytest.fixture
def new_table(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Table]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    dynamodb = boto3.client("dynamodb", REGION, endpoint_url=endpoint)
    database = Database(REGION, endpoint)

    def make() -> Table:
        name = f"night-{uuid.uuid4().hex}"
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
        return Table(database, name)

    return make
