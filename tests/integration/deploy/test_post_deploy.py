import json

import pytest

from infra.deploy import drift, post_deploy
from infra.deploy.budget import CONCURRENCY
from infra.deploy.chalice_state import adopt, mappings
from infra.deploy.errors import DeploymentError
from infra.deploy.event_sources import QUEUE_MAPPING, STREAM_MAPPING
from infra.deploy.provision import provision
from infra.deploy.target import Target
from tests.fakes.progress import SilentProgress

# moto can't make alarms and metric filters from a template, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")

BROADCAST = "game-night-live-dev-broadcast"
DELIVER = "game-night-live-dev-deliver"


def said(target: Target) -> list[str]:
    assert isinstance(target.progress, SilentProgress)
    return target.progress.said


def read_stream(target: Target, stream: str) -> str:
    """Subscribe as Chalice does."""
    made = target.aws.client("lambda").create_event_source_mapping(
        FunctionName=BROADCAST, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=100
    )
    uuid: str = made["UUID"]
    return uuid


def test_a_renamed_handler_is_entered(stack: Target, functions: dict[str, str]) -> None:
    provision(stack)
    client = stack.aws.client("lambda")
    client.update_function_configuration(FunctionName=BROADCAST, Handler="app.old_name")

    post_deploy.functions(stack)

    assert client.get_function_configuration(FunctionName=BROADCAST)["Handler"] == "app.broadcast"
    assert "broadcast is entered by app.broadcast, no longer by app.old_name" in said(stack)
    assert functions


def test_what_became_known_after_chalice_reaches_the_environment(
    stack: Target, functions: dict[str, str]
) -> None:
    provision(stack)
    entry = stack.config.entry(stack.stage)
    entry["lambda_functions"]["api_handler"]["environment_variables"] = {"WEBSOCKET_URL": "wss://x"}
    stack.config.record(stack.stage, entry)

    post_deploy.functions(stack)

    client = stack.aws.client("lambda")
    environment = client.get_function_configuration(FunctionName=functions["api_handler"])["Environment"]
    assert environment["Variables"]["WEBSOCKET_URL"] == "wss://x"
    assert environment["Variables"]["SESSIONS_TABLE"] == "game-night-live-dev-sessions"


def test_the_stream_is_read_with_an_end_to_retries(stack: Target, functions: dict[str, str]) -> None:
    stream = provision(stack)
    uuid = read_stream(stack, stream)

    post_deploy.stream_mapping(stack, BROADCAST, stream, "arn:aws:sqs:us-east-1:123456789012:failures")

    mapping = stack.aws.client("lambda").get_event_source_mapping(UUID=uuid)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert functions


def test_the_queue_is_read_by_no_more_functions_than_the_budget_is_for(
    stack: Target, functions: dict[str, str]
) -> None:
    provision(stack)
    arn = stack.stack.outputs()["DeliveryQueueArn"]
    client = stack.aws.client("lambda")
    uuid = client.create_event_source_mapping(FunctionName=DELIVER, EventSourceArn=arn, BatchSize=1)["UUID"]

    post_deploy.queue_mapping(stack, DELIVER, arn)

    mapping = client.get_event_source_mapping(UUID=uuid)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert QUEUE_MAPPING["ScalingConfig"]["MaximumConcurrency"] == CONCURRENCY["deliver"]
    assert functions


def test_a_queue_that_nobody_reads_is_told_of(stack: Target, functions: dict[str, str]) -> None:
    provision(stack)

    with pytest.raises(DeploymentError, match="does not read the queue"):
        post_deploy.queue_mapping(stack, DELIVER, "arn:queue")

    assert functions


def test_a_stream_that_nobody_reads_is_told_of(stack: Target, functions: dict[str, str]) -> None:
    stream = provision(stack)

    with pytest.raises(DeploymentError, match="does not read the stream"):
        post_deploy.stream_mapping(stack, BROADCAST, stream, "arn:failures")

    assert functions


def test_only_appended_events_start_a_function() -> None:
    patterns = [json.loads(one["Pattern"]) for one in STREAM_MAPPING["FilterCriteria"]["Filters"]]

    assert patterns == [
        {"eventName": ["INSERT"], "dynamodb": {"Keys": {"SK": {"S": [{"prefix": "event#"}]}}}},
        {"eventName": ["INSERT"], "dynamodb": {"Keys": {"PK": {"S": [{"prefix": "pending#"}]}}}},
    ]


def test_logs_are_kept_for_a_while_and_not_for_ever(stack: Target, functions: dict[str, str]) -> None:
    client = stack.aws.client("logs")
    group = stack.stage.log_group("broadcast")
    client.delete_retention_policy(logGroupName=group)

    post_deploy.log_retention(stack)

    found = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found[0]["retentionInDays"] == 30
    assert functions


def test_what_chalice_did_not_record_is_found_on_aws(stack: Target, functions: dict[str, str]) -> None:
    stream = provision(stack)
    uuid = read_stream(stack, stream)

    adopt(stack.aws, stack.record, stream, stack.progress)

    recorded = {one["name"]: one for one in stack.record.entries()}
    assert recorded["broadcast"]["lambda_arn"] == functions["broadcast"]
    assert recorded["broadcast-dynamodb-event-source"]["event_uuid"] == uuid
    assert recorded["broadcast-dynamodb-event-source"]["stream_arn"] == stream


def test_a_mapping_of_a_stream_that_was_replaced_is_removed(stack: Target, functions: dict[str, str]) -> None:
    stream = provision(stack)
    read_stream(stack, stream)

    adopt(stack.aws, stack.record, f"{stream}-of-the-new-table", stack.progress)

    assert mappings(stack.aws, BROADCAST) == []
    assert "broadcast-dynamodb-event-source" not in {one["name"] for one in stack.record.entries()}
    assert functions


def test_a_deployment_counts_as_complete_once_it_is_marked(stack: Target, functions: dict[str, str]) -> None:
    before = drift.deployed_fingerprint(stack)

    post_deploy.mark_complete(stack, drift.FINGERPRINT, "f1")

    assert before is None
    assert drift.deployed_fingerprint(stack) == "f1"
    assert functions
