import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from infra.local.engine.embedded import embedded_engine
from infra.local.state import StateDir
from tests.faults.clients import Clients
from tests.faults.faulty_dynamodb import FaultyDynamoDb, faulty_dynamodb
from tests.faults.service import Service
from tests.faults.stage import ENVIRONMENT
from tests.model.conftest import quiet  # noqa: F401 - this suite logs as little


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
        assert dynamodb.wrong == []


@pytest.fixture
async def service(engine: str, dynamodb: FaultyDynamoDb) -> AsyncIterator[Service]:
    clients = Clients()
    async with clients.server.serving():
        service = await asyncio.to_thread(Service, engine, clients, dynamodb.url)
        yield service
        await service.close()
