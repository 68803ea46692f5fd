import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from infra.local.engine.embedded import embedded_engine
from infra.local.state import StateDir
from tests.faults.faulty_dynamodb import FaultyDynamoDb, faulty_dynamodb
from tests.faults.service import Service, running_service
from tests.faults.stage import ENVIRONMENT


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Faults are the point here, and a log line for each would drown what fails."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded_engine(StateDir(tmp_path_factory.mktemp("engine")), print) as url:
        yield url


@pytest.fixture
async def dynamodb(engine: str) -> AsyncIterator[FaultyDynamoDb]:
    async with faulty_dynamodb(engine) as dynamodb:
        yield dynamodb


@pytest.fixture
async def service(engine: str, dynamodb: FaultyDynamoDb) -> AsyncIterator[Service]:
    async with running_service(engine, dynamodb=dynamodb.url) as service:
        yield service
