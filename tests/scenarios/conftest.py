from pathlib import Path

import pytest

from tests.scenarios.clients import Client, javascript, packed, python


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("packed"))


@pytest.fixture(scope="session", params=["built-in", "ws", "python"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("installed")
    if request.param == "python":
        return python(folder)
    return javascript(request.getfixturevalue("tarball"), folder, request.param)
