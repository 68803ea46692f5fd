"""What only the local gateway can be asked: its log, its tables, and to end as in a power cut."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import Target
from tests.gateway import Gateway, gateway_engine

collect_ignore = [] if "DYNAMODB_ENDPOINT" in os.environ else ["test_power_cut.py"]
"""The embedded engine keeps its data over a clean stop only; `make test-dynamodb-local` runs the rest."""


def target_of(gateway: Gateway) -> Target:
    """Return a gateway as a target."""
    return Target(gateway.rest_url, gateway.websocket_url, gateway.token_command)


@pytest.fixture(scope="session")
def target(gateway: Gateway) -> Target:
    """The local gateway, whatever target the conformance suite was given."""
    return target_of(gateway)


@pytest.fixture
def new_engine(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An engine for the gateways of one test."""
    with gateway_engine(tmp_path) as environment:
        yield environment
