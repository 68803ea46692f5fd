"""Does what a stage needs after ``chalice deploy``, since Chalice has no setting for it.

Each function brings one thing to the wanted state, says what it changed, and does nothing the second time.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from infra.budget import rest_throttle, websocket_throttle
from infra.deploy.aws import when_free
from infra.deploy.chalice.state import rules, settled_mappings
from infra.deploy.output import DeploymentError, code_of
from infra.deploy.status import environment_of
from infra.deploy.target import Target
from infra.event_sources import ASYNCHRONOUS, INVOKE_CONFIG, PATTERNS, STREAM_MAPPING, queue_mapping


def functions(target: Target) -> None:
    """Set handlers, which Chalice sets only once, and environments, which are complete only now."""
    client = target.aws.client("lambda")
    for name, function in target.functions.items():
        full_name, handler = target.stage.function(name), function.handler
        actual = client.get_function_configuration(FunctionName=full_name)
        declared = target.config.of_function(target.stage, name).environment_variables
        changes: dict[str, Any] = {}
        if actual["Handler"] != handler:
            changes["Handler"] = handler
            target.progress.detail(f"{name} is entered by {handler}, no longer by {actual['Handler']}")
        if environment_of(actual) != declared:
            changes["Environment"] = {"Variables": declared}
            target.progress.detail(f"{name} has its environment")
        if changes:
            update = partial(client.update_function_configuration, FunctionName=full_name, **changes)
            when_free(f"the function {full_name}", update)
            client.get_waiter("function_updated_v2").wait(FunctionName=full_name)


def event_sources(target: Target, stream_arn: str, outputs: Mapping[str, str]) -> None:
    """Have Lambda read the stream and the queue, as declared. Raises DeploymentError if one isn't mapped."""
    failures = {"OnFailure": {"Destination": outputs["StreamFailureQueueArn"]}}
    _set_mapping(target, "broadcast", stream_arn, {**STREAM_MAPPING, "DestinationConfig": failures}, "stream")
    reserved = target.config.of_function(target.stage, "deliver").reserved_concurrency is not None
    wanted = queue_mapping(reserved=reserved)
    _set_mapping(target, "deliver", outputs["DeliveryQueueArn"], wanted, "queue")


def _set_mapping(target: Target, name: str, arn: str, wanted: Mapping[str, Any], kind: str) -> None:
    client, function = target.aws.client("lambda"), target.stage.function(name)
    found = settled_mappings(target.aws, target.stage)
    mapping = next((one for one in found if one["EventSourceArn"] == arn), None)
    if mapping is None:
        raise DeploymentError(
            f"{function} does not read the {kind} {arn}. Run this again; if that does not help, "
            "`gamenight stage status` shows what differs."
        )
    changed = [key for key, value in wanted.items() if not _same(key, mapping.get(key), value)]
    if mapping["State"] != "Enabled":
        changed.append("Enabled")
    if changed:
        update = partial(client.update_event_source_mapping, UUID=mapping["UUID"], **wanted, Enabled=True)
        when_free(f"the {kind}'s mapping", update)
        target.progress.detail(f"the {kind}'s mapping: {', '.join(changed)}")
        settled_mappings(target.aws, target.stage)


def schedules(target: Target) -> None:
    """Enable the rules that start functions; Chalice leaves one that somebody disabled as it is."""
    events = target.aws.client("events")
    for rule in rules(target.aws, target.stage):
        if rule["State"] != "ENABLED":
            events.enable_rule(Name=rule["Name"])
            target.progress.detail(f"the rule {rule['Name']} is enabled")


def asynchronous_invokes(target: Target) -> None:
    """Have Lambda not retry what is invoked asynchronously."""
    client = target.aws.client("lambda")
    for name in ASYNCHRONOUS:
        function = target.stage.function(name)
        try:
            actual = client.get_function_event_invoke_config(FunctionName=function)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            actual = {}
        if not INVOKE_CONFIG.items() <= actual.items():
            client.put_function_event_invoke_config(FunctionName=function, **INVOKE_CONFIG)
            target.progress.detail(f"a failed {name} is not retried")


def websocket_deployment(target: Target, *, changed: bool) -> None:
    """Put the WebSocket API's routes into service if Chalice has deployed or the API has no stage yet."""
    client, stage, api_id = target.aws.client("apigatewayv2"), target.stage, target.record.websocket_api
    there = any(one["StageName"] == stage.name for one in client.get_stages(ApiId=api_id)["Items"])
    if there and not changed:
        return
    deployment = client.create_deployment(ApiId=api_id)["DeploymentId"]
    put = client.update_stage if there else client.create_stage
    put(ApiId=api_id, StageName=stage.name, DeploymentId=deployment)
    target.progress.detail("the WebSocket routes are in service")
    for old in client.get_deployments(ApiId=api_id)["Items"]:
        if old["DeploymentId"] != deployment:
            client.delete_deployment(ApiId=api_id, DeploymentId=old["DeploymentId"])


def throttles(target: Target) -> None:
    """Limit what both APIs take."""
    stage, progress = target.stage, target.progress
    live = {"ApiId": target.record.websocket_api, "StageName": stage.name}
    client, (rate, burst) = target.aws.client("apigatewayv2"), websocket_throttle(target.shape.account_rate)
    route = client.get_stage(**live).get("DefaultRouteSettings", {})
    limits = {"ThrottlingRateLimit": float(rate), "ThrottlingBurstLimit": burst}
    if not limits.items() <= route.items():
        client.update_stage(**live, DefaultRouteSettings={**route, **limits})
        progress.detail(f"the WebSocket API takes {rate} frames a second")
    rest = {"restApiId": target.record.rest_api, "stageName": stage.name}
    client, (rate, burst) = target.aws.client("apigateway"), rest_throttle(target.shape.account_rate)
    methods = client.get_stage(**rest).get("methodSettings", {}).get("*/*", {})
    limits = {"throttlingRateLimit": float(rate), "throttlingBurstLimit": burst}
    if not limits.items() <= methods.items():
        patches = [
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)}
            for name, value in (("rateLimit", rate), ("burstLimit", burst))
        ]
        client.update_stage(**rest, patchOperations=patches)
        progress.detail(f"the REST API takes {rate} requests a second")


def _same(key: str, actual: Any, wanted: Any) -> bool:
    if key == "FilterCriteria":
        return [json.loads(one["Pattern"]) for one in (actual or {}).get("Filters", ())] == PATTERNS
    return bool(actual == wanted)
