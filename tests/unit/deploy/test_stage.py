import pytest

from infra.deploy.output import DeploymentError
from infra.deploy.stage import Stage, role_output


@pytest.mark.parametrize("name", ["", "Dev", "dev-two", "2dev", "local", "a" * 17, "dev/../x"])
def test_what_cannot_be_a_stage_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(DeploymentError, match="--stage dev"):
        Stage(name)


def test_names_are_those_that_chalice_gives() -> None:
    stage = Stage("dev")

    assert stage.function("api_handler") == "game-night-live-dev"
    assert stage.function("websocket_connect") == "game-night-live-dev-websocket_connect"
    assert stage.websocket_api == "game-night-live-dev-websocket-api"
    assert stage.log_group("broadcast") == "/aws/lambda/game-night-live-dev-broadcast"
    assert role_output("websocket_connect") == "WebsocketConnectRoleArn"


def test_addresses_are_api_gateways_own() -> None:
    stage = Stage("dev")

    assert stage.url("r1", "eu-west-1") == "https://r1.execute-api.eu-west-1.amazonaws.com/dev"
    assert stage.url("r1", template="http://127.0.0.1/{api_id}/{stage}") == "http://127.0.0.1/r1/dev"
