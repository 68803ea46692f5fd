import json
from pathlib import Path

import pytest

from infra.deploy.chalice_config import ChaliceConfig, Provisioned, stage_entry
from infra.deploy.errors import DeploymentError
from infra.deploy.stage import Stage

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
}


@pytest.fixture
def config(tmp_path: Path) -> ChaliceConfig:
    path = tmp_path / "config.json"
    path.write_text(
        '{"app_name": "game-night-live", "lambda_functions": {"broadcast": {"lambda_timeout": 60}}}'
    )
    return ChaliceConfig(path)


def provisioned(*, websocket_url: str = "", reserve: bool = True, push: str | None = None) -> Provisioned:
    return Provisioned(OUTPUTS, "arn:stream", websocket_url, "arm64", reserve, push)


def test_what_all_functions_are_told_is_told_by_all_stages_and_by_theirs(config: ChaliceConfig) -> None:
    content = json.loads(config.path.read_text())
    config.path.write_text(json.dumps({**content, "environment_variables": {"AUDIENCE_SHARDS": "64"}}))
    config.record(DEV, {"environment_variables": {"STAGE": "dev"}})

    assert config.environment(DEV) == {"AUDIENCE_SHARDS": "64", "STAGE": "dev"}


def test_each_function_has_its_own_role() -> None:
    entry = stage_entry(DEV, ["api_handler", "broadcast"], provisioned())

    assert entry["lambda_functions"]["api_handler"] == {"iam_role_arn": "arn:api"}
    assert entry["lambda_functions"]["broadcast"]["iam_role_arn"] == "arn:broadcast"


def test_a_function_without_a_role_in_the_stack_is_told_of() -> None:
    with pytest.raises(DeploymentError, match="an output RetireRoleArn"):
        stage_entry(DEV, ["retire"], provisioned())


def test_the_secret_is_named_and_not_held() -> None:
    entry = stage_entry(DEV, ["api_handler"], provisioned())

    assert entry["environment_variables"] == {
        "STAGE": "dev",
        "SESSIONS_TABLE": "s",
        "CONNECTIONS_TABLE": "c",
        "SESSIONS_STREAM_ARN": "arn:stream",
        "DELIVERY_QUEUE_URL": "https://queue",
        "DELIVERY_QUEUE_ARN": "arn:queue",
        "STREAM_FAILURE_QUEUE_URL": "https://failures",
        "JWT_SECRET_PARAMETER": "/game-night-live/dev/jwt-secret",
    }


def test_only_the_function_that_tells_the_websocket_url_is_told_it(config: ChaliceConfig) -> None:
    config.record(DEV, stage_entry(DEV, ["api_handler", "broadcast"], provisioned(websocket_url="wss://x")))

    assert config.of_function(DEV, "api_handler").environment_variables["WEBSOCKET_URL"] == "wss://x"
    assert "WEBSOCKET_URL" not in config.of_function(DEV, "broadcast").environment_variables
    assert config.of_function(DEV, "broadcast").lambda_timeout == 60


def test_an_account_that_has_none_to_give_gets_no_reservation() -> None:
    entry = stage_entry(DEV, ["broadcast"], provisioned(reserve=False))

    assert "reserved_concurrency" not in entry["lambda_functions"]["broadcast"]


def test_an_emulators_push_endpoint_goes_to_the_functions() -> None:
    entry = stage_entry(DEV, ["broadcast"], provisioned(push="http://127.0.0.1/{api_id}/{stage}"))

    assert entry["environment_variables"]["PUSH_ENDPOINT"] == "http://127.0.0.1/{api_id}/{stage}"


def test_recording_says_whether_anything_changed_and_leaves_the_rest(config: ChaliceConfig) -> None:
    first = config.record(DEV, {"a": 1})
    again = config.record(DEV, {"a": 1})
    config.record(Stage("prod"), {"a": 2})
    config.forget(DEV)

    assert (first, again) == (True, False)
    content = json.loads(config.path.read_text())
    assert content["stages"] == {"prod": {"a": 2}}
    assert content["app_name"] == "game-night-live"


def test_a_damaged_file_is_told_of(config: ChaliceConfig) -> None:
    config.path.write_text("{")

    with pytest.raises(DeploymentError, match="is not JSON"):
        config.entry(DEV)


def test_an_emulator_is_told_what_its_requests_do_not_tell() -> None:
    known = Provisioned(
        OUTPUTS,
        "arn:stream",
        "ws://x/y",
        "arm64",
        reserve_concurrency=False,
        push_endpoint="http://x",
        rest_url="http://x/y",
    )

    entry = stage_entry(DEV, ["api_handler", "broadcast"], known)

    assert entry["lambda_functions"]["api_handler"]["environment_variables"]["REST_URL"] == "http://x/y"
    assert "REST_URL" not in entry["lambda_functions"]["broadcast"]["environment_variables"]


def test_all_that_post_together_stay_within_their_share_of_the_accounts_rate() -> None:
    functions = stage_entry(DEV, ["broadcast", "deliver"], provisioned())["lambda_functions"]

    together = sum(
        int(one["environment_variables"]["POSTS_PER_SECOND"]) * one["reserved_concurrency"]
        for one in functions.values()
    )
    assert 4_990 <= together <= 5_000


def test_what_does_not_deliver_has_no_rate() -> None:
    entry = stage_entry(DEV, ["api_handler"], provisioned())

    assert "POSTS_PER_SECOND" not in entry["environment_variables"]
    assert "environment_variables" not in entry["lambda_functions"]["api_handler"]
