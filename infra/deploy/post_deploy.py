"""What a stage needs after ``chalice deploy``, since Chalice has no setting for it.

Each function brings one thing to the wanted state, says what it changed, and does nothing the second time.
"""

import json
from collections.abc import Mapping
from typing import Any

from infra.deploy.chalice_state import mappings
from infra.deploy.errors import DeploymentError
from infra.deploy.event_sources import PATTERNS, QUEUE_MAPPING, STREAM_MAPPING
from infra.deploy.target import Target

REST_LIMIT = {"rate": 500, "burst": 1000}
WEBSOCKET_LIMIT = {"rate": 1000, "burst": 2000}
"""Requests and frames per second that a stage takes. Together well below the 10,000 (2,500 in newer Regions)
that the account has for these and for posts to connections, so that no client can take delivery's share."""

MAPPING_WITHIN = 300.0


def functions(target: Target) -> None:
    """Make each function's handler and environment as declared.

    Chalice sets the handler only once. The environment is Chalice's to set, and is different only where
    something became known after it had.
    """
    client = target.aws.client("lambda")
    for name, handler in target.functions.items():
        full_name = target.stage.function(name)
        actual = client.get_function_configuration(FunctionName=full_name)
        declared = target.config.of_function(target.stage, name).environment_variables
        changes: dict[str, Any] = {}
        if actual["Handler"] != handler:
            changes["Handler"] = handler
            target.progress.detail(f"{name} is entered by {handler}, no longer by {actual['Handler']}")
        if actual.get("Environment", {}).get("Variables", {}) != declared:
            changes["Environment"] = {"Variables": declared}
            target.progress.detail(f"{name} has its environment")
        if changes:
            client.update_function_configuration(FunctionName=full_name, **changes)
            client.get_waiter("function_updated_v2").wait(FunctionName=full_name)


def stream_mapping(target: Target, function: str, stream_arn: str, failures_arn: str) -> None:
    """Set how Lambda reads the sessions table's stream for a function.

    Raises DeploymentError where Chalice has made no mapping of that stream.
    """
    wanted = {**STREAM_MAPPING, "DestinationConfig": {"OnFailure": {"Destination": failures_arn}}}
    told = "partial batches, bisect, retries, record age, failures, filter"
    _set_mapping(target, _mapping(target, function, stream_arn, "stream"), wanted, "stream", told)


def queue_mapping(target: Target, function: str, queue_arn: str) -> None:
    """Set how Lambda reads the delivery queue for a function.

    Raises DeploymentError where Chalice has made no mapping of that queue.
    """
    told = "partial batches, concurrency"
    _set_mapping(target, _mapping(target, function, queue_arn, "queue"), QUEUE_MAPPING, "queue", told)


def _mapping(target: Target, function: str, source_arn: str, kind: str) -> dict[str, Any]:
    for mapping in mappings(target.aws, function):
        if mapping["EventSourceArn"] == source_arn:
            return mapping
    raise DeploymentError(
        f"{function} does not read the {kind} {source_arn}. Run this again; if that does not help, "
        "`python -m infra status` shows what differs."
    )


def _set_mapping(
    target: Target, mapping: Mapping[str, Any], wanted: Mapping[str, Any], kind: str, told: str
) -> None:
    client = target.aws.client("lambda")
    if any(not _same(key, mapping.get(key), value) for key, value in wanted.items()):
        client.update_event_source_mapping(UUID=mapping["UUID"], **wanted)
        target.progress.detail(f"the {kind}'s mapping: {told}")

    def look() -> str | None:
        state: str = client.get_event_source_mapping(UUID=mapping["UUID"])["State"]
        return state if state in {"Enabled", "Disabled"} else None

    if target.clock.wait(f"the {kind}'s mapping", look, within=MAPPING_WITHIN, every=2.0) != "Enabled":
        target.progress.warning(
            f"the {kind}'s mapping is disabled: nothing is delivered until somebody enables it"
        )


def websocket_deployment(target: Target, *, changed: bool) -> None:
    """Put the WebSocket API's routes into service: where they are new, and where the API has no stage yet."""
    client, stage = target.aws.client("apigatewayv2"), target.stage
    api_id = target.record.value("websocket_api", "websocket_api_id")
    stages = {one["StageName"]: one for one in client.get_stages(ApiId=api_id)["Items"]}
    if stage.name in stages and not changed:
        return
    deployment = client.create_deployment(ApiId=api_id)["DeploymentId"]
    if stage.name in stages:
        client.update_stage(ApiId=api_id, StageName=stage.name, DeploymentId=deployment)
    else:
        client.create_stage(ApiId=api_id, StageName=stage.name, DeploymentId=deployment)
    target.progress.detail("the WebSocket routes are in service")
    for old in client.get_deployments(ApiId=api_id)["Items"]:
        if old["DeploymentId"] != deployment:
            client.delete_deployment(ApiId=api_id, DeploymentId=old["DeploymentId"])


def throttles(target: Target) -> None:
    """Limit what both APIs take."""
    aws, stage, progress = target.aws, target.stage, target.progress
    rest_api_id = target.record.value("rest_api", "rest_api_id")
    websocket_api_id = target.record.value("websocket_api", "websocket_api_id")
    websocket = aws.client("apigatewayv2")
    route = websocket.get_stage(ApiId=websocket_api_id, StageName=stage.name).get("DefaultRouteSettings", {})
    limits = {
        "ThrottlingRateLimit": float(WEBSOCKET_LIMIT["rate"]),
        "ThrottlingBurstLimit": WEBSOCKET_LIMIT["burst"],
    }
    if any(route.get(key) != value for key, value in limits.items()):
        websocket.update_stage(
            ApiId=websocket_api_id, StageName=stage.name, DefaultRouteSettings={**route, **limits}
        )
        progress.detail(f"the WebSocket API takes {WEBSOCKET_LIMIT['rate']} frames a second")
    rest = aws.client("apigateway")
    methods = (
        rest.get_stage(restApiId=rest_api_id, stageName=stage.name).get("methodSettings", {}).get("*/*", {})
    )
    if (methods.get("throttlingRateLimit"), methods.get("throttlingBurstLimit")) != (
        float(REST_LIMIT["rate"]),
        REST_LIMIT["burst"],
    ):
        rest.update_stage(
            restApiId=rest_api_id,
            stageName=stage.name,
            patchOperations=[
                {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": str(REST_LIMIT["rate"])},
                {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": str(REST_LIMIT["burst"])},
            ],
        )
        progress.detail(f"the REST API takes {REST_LIMIT['rate']} requests a second")


def log_retention(target: Target) -> None:
    """Keep no function's log for ever.

    The stack makes the log groups; one that somebody deleted is made again by Lambda, without a limit.
    """
    client, days = target.aws.client("logs"), target.shape.log_retention_days
    for name in target.functions:
        group = target.stage.log_group(name)
        found = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        actual = next((one for one in found if one["logGroupName"] == group), None)
        if actual is None or actual.get("retentionInDays") == days:
            continue
        client.put_retention_policy(logGroupName=group, retentionInDays=days)
        target.progress.detail(f"{group} is kept for {days} days")


def mark_complete(target: Target, tag: str, fingerprint: str) -> None:
    """Note on the REST function that all of a deployment was done."""
    client = target.aws.client("lambda")
    arn = client.get_function_configuration(FunctionName=target.stage.stack)["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={tag: fingerprint})


def _same(key: str, actual: Any, wanted: Any) -> bool:
    if key == "FilterCriteria":
        patterns = [json.loads(one["Pattern"]) for one in (actual or {}).get("Filters", ())]
        return patterns == PATTERNS
    return bool(actual == wanted)
