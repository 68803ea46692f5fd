from pathlib import Path

import pytest

from tests.scenarios.clients import Client, javascript, packed


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("packed"))


@pytest.fixture(scope="session", params=["built-in", "ws"])
def client(request: pytest.FixtureRequest, tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return javascript(tarball, tmp_path_factory.mktemp("installed"), request.param)
