from pathlib import Path

import pytest

from tests.installed import installed
from tests.node import packages

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def node() -> str:
    return installed("node")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages that the seed's programs need."""
    return packages(NODE)
