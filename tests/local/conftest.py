"""What only the local gateway can be asked: its log, its database, and to end as in a power cut."""

import os

import pytest

from tests.clients import Target
from tests.gateway import Gateway

collect_ignore = [] if "DYNAMODB_ENDPOINT" in os.environ else ["test_power_cut.py"]
"""The embedded engine keeps its data over a clean stop only; `make test-dynamodb-local` runs the rest."""


@pytest.fixture(scope="session")
def target(gateway: Gateway) -> Target:
    """The local gateway, whatever target the conformance suite was given."""
    return Target(gateway.rest_url, gateway.websocket_url, gateway.token_command)
