"""What only the local gateway can be asked: its log, its tables, and to end as in a power cut."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.dynamodb_local import dynamodb_local
from tests.clients import Target
from tests.gateway import Gateway

collect_ignore = [] if "DYNAMODB_ENDPOINT" in os.environ else ["test_power_cut.py"]
"""The embedded engine keeps its data over a clean stop only; `make test-dynamodb-local` runs the rest."""


def target_of(gateway: Gateway) -> Target:
    """Return a gateway as a target."""
    return Target(gateway.rest_url, gateway.websocket_url, gateway.token_command)


@pytest.fixture(scope="session")
def target(gateway: Gateway) -> Target:
    """The local gateway, whatever target the conformance suite was given."""
    return target_of(gateway)


@contextmanager
def own_engine(folder: Path) -> Iterator[dict[str, str]]:
    """Start an engine whose tables are empty, as the environment of a gateway on it.

    Two gateways on the same tables would post to each other's clients, find them gone, and forget them.
    """
    if "DYNAMODB_ENDPOINT" in os.environ:
        with dynamodb_local(folder / "database") as url:
            yield {"AWS_ENDPOINT_URL_DYNAMODB": url}
    else:
        yield {"AWS_ENDPOINT_URL_DYNAMODB": ""}  # every gateway starts an embedded one of its own


@pytest.fixture
def new_engine(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An engine for the gateways of one test."""
    with own_engine(tmp_path) as environment:
        yield environment
