import json
from pathlib import Path
from typing import Any

import pytest

from infra.budget import CONCURRENCY
from infra.deploy.chalice.config import ChaliceConfig, stage_entry
from infra.deploy.output import DeploymentError
from infra.deploy.stage import Stage, StageConfig

DEV = Stage("dev")
OUTPUTS = {
    "SessionsTableName": "s",
    "ConnectionsTableName": "c",
    "DeliveryQueueUrl": "https://queue",
    "DeliveryQueueArn": "arn:queue",
    "StreamFailureQueueUrl": "https://failures",
    "DeliverRoleArn": "arn:deliver",
    "ApiHandlerRoleArn": "arn:api",
    "BroadcastRoleArn": "arn:broadcast",
    "SweepRoleArn": "arn:sweep",
}


@pytest.fixture
def config(tmp_path: Path) -> ChaliceConfig:
    path = tmp_path / ".chalice" / "config.json"
    path.parent.mkdir()
    path.write_text(
        '{"app_name": "game-night-live", "lambda_functions": {"broadcast": {"lambda_timeout": 60}}}'
    )
    return ChaliceConfig(tmp_path)


def entry(*functions: str, push: str | None = None, **known: Any) -> Any:
    options = StageConfig(push_endpoint=push)
    return stage_entry(DEV, functions, options, OUTPUTS, "arn:stream", **known)


def test_a_stage_names_its_parts_and_holds_no_secret() -> None:
    made = entry("api_handler")

    assert made["environment_variables"] == {
        "STAGE": "dev",
        "SESSIONS_TABLE": "s",
        "CONNECTIONS_TABLE": "c",
        "SESSIONS_STREAM_ARN": "arn:stream",
        "DELIVERY_QUEUE_URL": "https://queue",
        "DELIVERY_QUEUE_ARN": "arn:queue",
        "STREAM_FAILURE_QUEUE_URL": "https://failures",
        "JWT_SECRET_PARAMETER": "/game-night-live/dev/jwt-secret",
    }
    assert made["lambda_functions"] == {"api_handler": {"iam_role_arn": "arn:api"}}


def test_a_function_without_a_role_is_refused() -> None:
    with pytest.raises(DeploymentError, match="an output RetireRoleArn"):
        entry("retire")


def test_only_rest_is_told_the_addresses(config: ChaliceConfig) -> None:
    config.record(DEV, entry("api_handler", "broadcast", websocket_url="wss://x", rest_url="http://x/y"))

    assert config.of_function(DEV, "api_handler").environment_variables["WEBSOCKET_URL"] == "wss://x"
    assert config.of_function(DEV, "api_handler").environment_variables["REST_URL"] == "http://x/y"
    assert not {"WEBSOCKET_URL", "REST_URL"} & {*config.of_function(DEV, "broadcast").environment_variables}
    assert config.of_function(DEV, "broadcast").lambda_timeout == 60


def test_an_emulators_push_endpoint_goes_to_the_functions() -> None:
    made = entry("broadcast", push="http://127.0.0.1/{api_id}/{stage}")

    assert made["environment_variables"]["PUSH_ENDPOINT"] == "http://127.0.0.1/{api_id}/{stage}"


def test_recording_says_whether_anything_changed(config: ChaliceConfig) -> None:
    first = config.record(DEV, {"a": 1})
    again = config.record(DEV, {"a": 1})
    config.record(Stage("prod"), {"a": 2})
    config.record(DEV, None)

    assert (first, again) == (True, False)
    content = json.loads(config.path.read_text())
    assert content["stages"] == {"prod": {"a": 2}}
    assert content["app_name"] == "game-night-live"


def test_a_stage_that_comes_and_goes_leaves_the_file_as_it_was(config: ChaliceConfig) -> None:
    before = json.dumps({"version": "2.0", "stages": {}, "xray": True}, indent=2) + "\n"
    config.path.write_text(before)

    config.record(DEV, {"a": 1})
    config.record(DEV, None)

    assert config.path.read_text() == before


def test_a_damaged_file_is_told_of(config: ChaliceConfig) -> None:
    config.path.write_text("{")

    with pytest.raises(DeploymentError, match="is not JSON"):
        config.entry(DEV)


@pytest.mark.parametrize("reserved", [CONCURRENCY, {}])
def test_every_function_that_posts_has_its_part_of_the_rate(reserved: dict[str, int]) -> None:
    made = entry("broadcast", "deliver", "sweep", reserve_concurrency=bool(reserved))["lambda_functions"]

    told = {name: one["environment_variables"] for name, one in made.items()}
    assert told == {name: {"POSTS_PER_SECOND": "416"} for name in ("broadcast", "deliver", "sweep")}
    assert {name: one.get("reserved_concurrency") for name, one in made.items()} == {
        name: reserved.get(name) for name in made
    }
