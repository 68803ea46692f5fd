import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from infra.local.engine import embedded_engine
from infra.local.state import StateDir
from tests.faults.service import ENVIRONMENT, Service, running_service


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
async def service(engine: str) -> AsyncIterator[Service]:
    async with running_service(engine) as service:
        yield service
