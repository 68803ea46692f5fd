import json
from typing import Any

import pytest
from chalice.app import DynamoDBEventConfig, SQSEventConfig

from app import app
from infra.deploy import post_deploy
from infra.deploy.chalice.state import adopt, mappings
from infra.deploy.deploy import completed, mark_complete, warn_of_other_shards
from infra.deploy.output import DeploymentError
from infra.deploy.provision import provision
from infra.deploy.target import Target
from infra.event_sources import ASYNCHRONOUS
from tests.fakes.progress import said

# moto can't make alarms and metric filters from a template, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")

BROADCAST = "game-night-live-dev-broadcast"
DELIVER = "game-night-live-dev-deliver"


def read_stream(target: Target, stream: str) -> str:
    """Subscribe as Chalice does."""
    made = target.aws.client("lambda").create_event_source_mapping(
        FunctionName=BROADCAST, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=100
    )
    uuid: str = made["UUID"]
    return uuid


@pytest.mark.usefixtures("functions")
def test_a_renamed_handler_is_entered(stack: Target) -> None:
    provision(stack)
    client = stack.aws.client("lambda")
    client.update_function_configuration(FunctionName=BROADCAST, Handler="app.old_name")

    post_deploy.functions(stack)

    assert client.get_function_configuration(FunctionName=BROADCAST)["Handler"] == "app.broadcast"
    assert "broadcast has the handler app.broadcast, and no longer app.old_name" in said(stack.progress)


def test_late_addresses_reach_the_environment(stack: Target, functions: dict[str, str]) -> None:
    provision(stack)
    entry = stack.config.entry(stack.stage)
    entry["lambda_functions"]["api_handler"]["environment_variables"] = {"WEBSOCKET_URL": "wss://x"}
    stack.config.record(stack.stage, entry)

    post_deploy.functions(stack)

    client = stack.aws.client("lambda")
    environment = client.get_function_configuration(FunctionName=functions["api_handler"])["Environment"]
    assert environment["Variables"]["WEBSOCKET_URL"] == "wss://x"
    assert environment["Variables"]["SESSIONS_TABLE"] == "game-night-live-dev-sessions"


@pytest.mark.usefixtures("functions")
def test_stream_and_queue_are_mapped_as_declared(stack: Target) -> None:
    stream, outputs, client = provision(stack).stream_arn, stack.stack.outputs(), stack.aws.client("lambda")
    uuids = [read_stream(stack, stream)]
    with pytest.raises(DeploymentError, match="No function reads the queue"):
        post_deploy.settings(stack)
    queue = outputs["DeliveryQueueArn"]
    uuids.append(
        client.create_event_source_mapping(FunctionName=DELIVER, EventSourceArn=queue, BatchSize=1)["UUID"]
    )

    post_deploy.settings(stack)

    for uuid in uuids:
        mapping = client.get_event_source_mapping(UUID=uuid)
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(("executions", "at_once"), [(10, 2), (111, 2), (112, 8), (1000, 8)])
def test_a_queue_starts_as_many_as_the_account_has_room_for(
    stack: Target, executions: int, at_once: int
) -> None:
    limits = {"ConcurrentExecutions": executions, "UnreservedConcurrentExecutions": executions}
    client = stack.aws.client("lambda")
    client.get_account_settings = lambda: {"AccountLimit": limits}
    stream, queue = provision(stack).stream_arn, stack.stack.outputs()["DeliveryQueueArn"]
    read_stream(stack, stream)
    client.create_event_source_mapping(FunctionName=DELIVER, EventSourceArn=queue, BatchSize=1)
    said_to_aws: dict[str, Any] = {}
    client.update_event_source_mapping = lambda **wanted: said_to_aws.update(wanted)

    post_deploy.settings(stack)

    assert said_to_aws["ScalingConfig"] == {"MaximumConcurrency": at_once}


def test_every_function_that_is_invoked_asynchronously_is_known() -> None:
    answered = DynamoDBEventConfig | SQSEventConfig  # pollers wait for these
    started = [one for one in app.event_sources if not isinstance(one, answered)]

    assert [one.name for one in started] == [*ASYNCHRONOUS]
    assert app.pure_lambda_functions == []


def test_what_chalice_did_not_record_is_found(stack: Target, functions: dict[str, str]) -> None:
    stream = provision(stack).stream_arn
    uuid = read_stream(stack, stream)

    adopt(stack.aws, stack.record, stream, stack.progress)

    recorded = {one["name"]: one for one in stack.record.entries()}
    assert recorded["broadcast"]["lambda_arn"] == functions["broadcast"]
    assert recorded["broadcast-dynamodb-event-source"]["event_uuid"] == uuid
    assert recorded["broadcast-dynamodb-event-source"]["stream_arn"] == stream


@pytest.mark.usefixtures("functions")
def test_a_mapping_of_a_replaced_stream_is_removed(stack: Target) -> None:
    stream = provision(stack).stream_arn
    read_stream(stack, stream)

    adopt(stack.aws, stack.record, f"{stream}-of-the-new-table", stack.progress)

    assert mappings(stack.aws, stack.stage) == []
    assert "broadcast-dynamodb-event-source" not in {one["name"] for one in stack.record.entries()}


@pytest.mark.usefixtures("functions")
def test_a_deployment_is_complete_once_it_is_marked(stack: Target) -> None:
    before = completed(stack)

    mark_complete(stack, "f1")

    assert before is None
    assert completed(stack) == "f1"


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(("shards", "what"), [("64", "come twice"), ("4", "get no events"), ("8", "")])
def test_other_shards_are_warned_of(stack: Target, shards: str, what: str) -> None:
    content = json.loads(stack.config.path.read_text())
    content["environment_variables"] = {"AUDIENCE_SHARDS": shards}
    stack.config.path.write_text(json.dumps(content))

    warn_of_other_shards(stack)

    assert what in " ".join(said(stack.progress))
    assert bool(said(stack.progress)) == bool(what)
