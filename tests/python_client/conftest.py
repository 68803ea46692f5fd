import pytest

from tests.clients import Target
from tests.gateway import Gateway


@pytest.fixture(scope="session")
def target(gateway: Gateway) -> Target:
    """The local gateway, whatever target the conformance suite was given."""
    return Target(gateway.rest_url, gateway.websocket_url, gateway.token_command)
