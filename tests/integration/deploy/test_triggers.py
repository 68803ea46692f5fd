"""What starts the functions is looked for one by one; each is missing once it is deleted or disabled."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from infra.deploy import post_deploy
from infra.deploy.chalice.command import Function
from infra.deploy.chalice.state import adopt, mappings
from infra.deploy.stage import APP_NAME
from infra.deploy.target import Target
from infra.deploy.triggers import missing_triggers
from infra.template import tables
from tests.fakes.progress import said
from tests.integration.deploy.conftest import made_functions

DECLARED = {
    "api_handler": Function("app.app", ["GET /", "POST /"]),
    "websocket_connect": Function("app.websocket_connect", ["$connect"]),
    "broadcast": Function("app.broadcast", ["stream"]),
    "deliver": Function("app.deliver", ["queue"]),
    "sweep": Function("app.sweep", ["rate(1 minute)"]),
}
RULE = "game-night-live-dev-sweep-event"


@pytest.fixture
def sources(target: Target) -> dict[str, str]:
    """ARNs of a stream and a queue, as the configuration names them."""
    dynamodb, sqs = target.aws.client("dynamodb"), target.aws.client("sqs")
    dynamodb.create_table(**tables("dev")["SessionsTable"].create)
    stream = dynamodb.describe_table(TableName="game-night-live-dev-sessions")["Table"]["LatestStreamArn"]
    queue = sqs.create_queue(QueueName="game-night-live-dev-delivery")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    named = {"SESSIONS_STREAM_ARN": stream, "DELIVERY_QUEUE_ARN": arn}
    target.config.record(target.stage, {"environment_variables": named})
    return named


@pytest.fixture
def wired(target: Target, sources: dict[str, str]) -> Target:
    """A stage with everything that starts its functions, as Chalice makes it."""
    target = replace(target, functions=DECLARED)
    stream, queue = sources.values()
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = target.aws.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument=trust)["Role"][
        "Arn"
    ]
    lambdas = target.aws.client("lambda")
    arns = made_functions(target, role)
    for function, source in (("broadcast", stream), ("deliver", queue)):
        lambdas.create_event_source_mapping(
            FunctionName=arns[function], EventSourceArn=source, StartingPosition="TRIM_HORIZON"
        )
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
    rest = target.aws.client("apigateway")
    api = rest.create_rest_api(name=APP_NAME)["id"]
    at = {"restApiId": api, "resourceId": rest.get_resources(restApiId=api)["items"][0]["id"]}
    for method in ("GET", "POST"):
        rest.put_method(**at, httpMethod=method, authorizationType="NONE")
        how = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri.format(arns["api_handler"])}
        rest.put_integration(**at, httpMethod=method, **how)
    rest.create_deployment(restApiId=api, stageName="dev")
    live = target.aws.client("apigatewayv2")
    socket = live.create_api(Name=target.stage.websocket_api, ProtocolType="WEBSOCKET")["ApiId"]
    to = live.create_integration(
        ApiId=socket, IntegrationType="AWS_PROXY", IntegrationUri=uri.format(arns["websocket_connect"])
    )["IntegrationId"]
    live.create_route(ApiId=socket, RouteKey="$connect", Target=f"integrations/{to}")
    live.create_stage(ApiId=socket, StageName="dev")
    events = target.aws.client("events")
    events.put_rule(Name=RULE, ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule=RULE, Targets=[{"Id": "1", "Arn": arns["sweep"]}])
    for name, caller in (
        ("api_handler", f"execute-api:us-east-1:123456789012:{api}/*"),
        ("websocket_connect", f"execute-api:us-east-1:123456789012:{socket}/*"),
        ("sweep", f"events:us-east-1:123456789012:rule/{RULE}"),
    ):
        lambdas.add_permission(
            FunctionName=arns[name],
            StatementId="1",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:{caller}",
        )
    return target


def forbid(function: str) -> Callable[[Target], Any]:
    return lambda target: target.aws.client("lambda").remove_permission(
        FunctionName=target.stage.function(function), StatementId="1"
    )


def on_rule(operation: str, **more: Any) -> Callable[[Target], Any]:
    return lambda target: getattr(target.aws.client("events"), operation)(
        **{"Rule" if more else "Name": RULE}, **more
    )


def delete_rule(target: Target) -> None:
    on_rule("remove_targets", Ids=["1"])(target)
    on_rule("delete_rule")(target)


def on_rest(operation: str, **more: Any) -> Callable[[Target], Any]:
    def change(target: Target) -> Any:
        client = target.aws.client("apigateway")
        [api] = client.get_rest_apis()["items"]
        if "httpMethod" in more:
            more["resourceId"] = client.get_resources(restApiId=api["id"])["items"][0]["id"]
        return getattr(client, operation)(restApiId=api["id"], **more)

    return change


def on_live(operation: str, **more: Any) -> Callable[[Target], Any]:
    def change(target: Target) -> Any:
        client = target.aws.client("apigatewayv2")
        [api] = client.get_apis()["Items"]
        if operation == "delete_route":
            more["RouteId"] = client.get_routes(ApiId=api["ApiId"])["Items"][0]["RouteId"]
        return getattr(client, operation)(ApiId=api["ApiId"], **more)

    return change


def on_mapping(function: str, operation: str, **more: Any) -> Callable[[Target], Any]:
    def change(target: Target) -> Any:
        [uuid] = [one["UUID"] for one in mappings(target.aws, target.stage) if function in one["FunctionArn"]]
        return getattr(target.aws.client("lambda"), operation)(UUID=uuid, **more)

    return change


def test_nothing_is_missing_after_a_deployment(wired: Target) -> None:
    assert missing_triggers(wired) == []


@pytest.mark.parametrize(
    ("by_hand", "missing"),
    [
        (on_rest("delete_rest_api"), "api_handler: is not started by GET /, POST /"),
        (on_rest("delete_stage", stageName="dev"), "api_handler: is not started by GET /, POST /"),
        (on_rest("delete_method", httpMethod="POST"), "api_handler: is not started by POST /"),
        (forbid("api_handler"), "api_handler: is not started by GET /, POST /"),
        (on_live("delete_api"), "websocket_connect: is not started by $connect"),
        (on_live("delete_stage", StageName="dev"), "websocket_connect: is not started by $connect"),
        (on_live("delete_route"), "websocket_connect: is not started by $connect"),
        (forbid("websocket_connect"), "websocket_connect: is not started by $connect"),
        (on_rule("disable_rule"), "sweep: is not started by rate(1 minute)"),
        (on_rule("remove_targets", Ids=["1"]), "sweep: is not started by rate(1 minute)"),
        (delete_rule, "sweep: is not started by rate(1 minute)"),
        (forbid("sweep"), "sweep: is not started by rate(1 minute)"),
        (on_mapping("broadcast", "delete_event_source_mapping"), "broadcast: is not started by stream"),
        (
            on_mapping("broadcast", "update_event_source_mapping", Enabled=False),
            "broadcast: is not started by stream",
        ),
        (on_mapping("deliver", "delete_event_source_mapping"), "deliver: is not started by queue"),
    ],
)
def test_what_was_deleted_or_disabled_is_named(
    wired: Target, by_hand: Callable[[Target], Any], missing: str
) -> None:
    by_hand(wired)

    assert missing_triggers(wired) == [missing]


def test_many_missing_routes_are_only_counted(wired: Target) -> None:
    routes = [f"GET /{number}" for number in range(4)]
    declared = {**wired.functions, "api_handler": Function("app.app", routes)}

    assert missing_triggers(replace(wired, functions=declared)) == ["api_handler: 4 routes are missing"]


def retry_sweep(target: Target) -> None:
    client, function = target.aws.client("lambda"), target.stage.function("sweep")
    client.delete_function_event_invoke_config(FunctionName=function)


def on_rest_stage(path: str, value: str) -> Callable[[Target], Any]:
    patches = [{"op": "replace", "path": path, "value": value}]
    return on_rest("update_stage", stageName="dev", patchOperations=patches)


@pytest.mark.parametrize(
    ("by_hand", "named"),
    [
        (on_rule("disable_rule"), f"the rule {RULE} is disabled"),
        (
            on_mapping("broadcast", "update_event_source_mapping", Enabled=False),
            "the stream's mapping differs in Enabled",
        ),
        (
            on_mapping("broadcast", "update_event_source_mapping", MaximumRetryAttempts=1),
            "the stream's mapping differs in MaximumRetryAttempts",
        ),
        (
            on_mapping("deliver", "update_event_source_mapping", ScalingConfig={"MaximumConcurrency": 3}),
            "the queue's mapping differs in ScalingConfig",
        ),
        (retry_sweep, "a failed sweep is retried, and should not be"),
        (
            on_rest_stage("/*/*/throttling/rateLimit", "1"),
            "the REST throttle is not 500 a second with a burst of 250",
        ),
        (on_rest_stage("/tracingEnabled", "false"), "tracing of the REST API is False, declared True"),
        (
            on_live("update_stage", StageName="dev", DefaultRouteSettings={"ThrottlingBurstLimit": 1}),
            "the WebSocket throttle is not 1000 a second with a burst of 500",
        ),
    ],
)
def test_a_setting_that_was_changed_is_named_and_set(
    wired: Target, by_hand: Callable[[Target], Any], named: str
) -> None:
    post_deploy.settings(wired)
    by_hand(wired)

    assert [one.what for one in post_deploy.differing_settings(wired)] == [named]
    post_deploy.settings(wired)
    assert [*post_deploy.differing_settings(wired)] == []
    assert said(wired.progress)[-1] == f"{named}: set as declared"


def test_what_is_gone_is_no_setting(wired: Target) -> None:
    on_rest("delete_rest_api")(wired)
    on_live("delete_stage", StageName="dev")(wired)

    named = [one.what for one in post_deploy.differing_settings(wired)]
    assert not [what for what in named if "throttle" in what or "REST" in what]


def test_a_mapping_of_a_deleted_function_is_recorded(wired: Target, sources: dict[str, str]) -> None:
    wired.aws.client("lambda").delete_function(FunctionName="game-night-live-dev-broadcast")

    adopt(wired.aws, wired.record, sources["SESSIONS_STREAM_ARN"], wired.progress)

    # Chalice would make a second one, and AWS refuse it.
    assert wired.record.value("dynamodb_event", "event_uuid")


def test_mappings_are_waited_for_until_they_are_settled(
    wired: Target, sources: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = ["Creating", "Enabling", "Updating", "Disabling"]
    real = wired.aws.pages

    def pages(service: str, operation: str, key: str, **arguments: Any) -> Any:
        for one in real(service, operation, key, **arguments):
            busy = operation == "list_event_source_mappings" and passing
            yield {**one, "State": passing.pop()} if busy else one

    monkeypatch.setattr(wired.aws, "pages", pages)
    monkeypatch.setattr("infra.deploy.aws.time.sleep", lambda _: None)

    adopt(wired.aws, wired.record, sources["SESSIONS_STREAM_ARN"], wired.progress)

    assert passing == []
    assert wired.record.value("dynamodb_event", "event_uuid")
