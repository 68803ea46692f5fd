import logging
from collections.abc import Callable, Iterator
from functools import partial

import boto3
import pytest

from chalicelib.aws.dynamodb.database import Database, Table
from chalicelib.retry import LOAD, Backoff
from tests.engine import dynamodb_engine, new_table
from tests.model.world.functions import ENVIRONMENT

REGION = ENVIRONMENT["AWS_REGION"]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Faults are the point here, and a log line for each would drown what fails."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dynamodb_engine(tmp_path_factory.mktemp("engine")) as url:
        yield url


@pytest.fixture
def make_table(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Table]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    dynamodb = boto3.client("dynamodb", REGION, endpoint_url=endpoint)
    backoff = Backoff(LOAD, sleep=lambda _: None)
    return partial(new_table, dynamodb, Database(REGION, endpoint, backoff))
