"""Does what a stage needs after ``chalice deploy``, since Chalice has no setting for it.

Each function brings one thing to the wanted state, says what it changed, and does nothing the second time.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from infra.budget import rest_throttle, websocket_throttle
from infra.deploy.aws import when_free
from infra.deploy.chalice.state import mappings, rules, settled_mappings
from infra.deploy.output import DeploymentError, code_of
from infra.deploy.target import Target, environment_of
from infra.event_sources import ASYNCHRONOUS, INVOKE_CONFIG, PATTERNS, STREAM_MAPPING, queue_mapping

ABSENT = {"NotFoundException", "ResourceNotFoundException"}


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not as declared: ``what`` says so, ``mend`` sets it. It raises DeploymentError."""

    what: str
    mend: Callable[[], object]


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


def websocket_deployment(target: Target, *, changed: bool) -> None:
    """Put the WebSocket API's routes into service if Chalice has deployed or the API has no stage yet."""
    client, stage, api_id = target.aws.client("apigatewayv2"), target.stage, target.websocket_api
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


def settings(target: Target) -> None:
    """Bring all settings to what is declared. Raises DeploymentError where one can't be."""
    settled_mappings(target.aws, target.stage)
    for difference in differing_settings(target):
        difference.mend()
        target.progress.detail(f"{difference.what}: set as declared")
    settled_mappings(target.aws, target.stage)


def differing_settings(target: Target) -> Iterator[Difference]:
    """Yield each setting that is not as declared. What is not there at all is not a setting."""
    apis = [*[_rest_stage] * bool(target.rest_api), *[_websocket_stage] * bool(target.websocket_api)]
    for look in (_schedules, _event_sources, _asynchronous_invokes, *apis):
        try:
            yield from look(target)
        except ClientError as error:
            if code_of(error) not in ABSENT:
                raise


def _schedules(target: Target) -> Iterator[Difference]:
    """Yield the rules that somebody disabled; Chalice leaves one as it is."""
    events = target.aws.client("events")
    for rule in rules(target.aws, target.stage):
        if rule["State"] != "ENABLED":
            enable = partial(events.enable_rule, Name=rule["Name"])
            yield Difference(f"the rule {rule['Name']} is disabled", enable)


def _event_sources(target: Target) -> Iterator[Difference]:
    """Yield what differs in how Lambda reads the stream and the queue."""
    sources = target.config.entry(target.stage).get("environment_variables", {})
    failures = {"OnFailure": {"Destination": target.stack.outputs().get("StreamFailureQueueArn", "")}}
    reserved = target.config.of_function(target.stage, "deliver").reserved_concurrency is not None
    stream = {**STREAM_MAPPING, "DestinationConfig": failures}
    found = {one["EventSourceArn"]: one for one in mappings(target.aws, target.stage)}
    for kind, name, wanted in (
        ("stream", "SESSIONS_STREAM_ARN", stream),
        ("queue", "DELIVERY_QUEUE_ARN", queue_mapping(reserved=reserved)),
    ):
        arn = sources.get(name)
        yield from _mapping(target, kind, f"{arn}", found.get(arn), wanted)


def _mapping(
    target: Target, kind: str, arn: str, actual: Mapping[str, Any] | None, wanted: Mapping[str, Any]
) -> Iterator[Difference]:
    if actual is None:
        yield Difference(f"nothing reads the {kind} {arn}", partial(_refuse, kind, arn))
        return
    differ = [key for key, value in wanted.items() if not _same(key, actual.get(key), value)]
    if actual["State"] in {"Disabled", "Disabling"}:
        differ.append("Enabled")
    if differ:
        client = target.aws.client("lambda")
        update = partial(client.update_event_source_mapping, UUID=actual["UUID"], **wanted, Enabled=True)
        mend = partial(when_free, f"the {kind}'s mapping", update)
        yield Difference(f"the {kind}'s mapping differs in {', '.join(differ)}", mend)


def _refuse(kind: str, arn: str) -> None:
    raise DeploymentError(
        f"No function reads the {kind} {arn}. Run this again; if that does not help, "
        "`gamenight stage status` shows what differs."
    )


def _asynchronous_invokes(target: Target) -> Iterator[Difference]:
    """Yield the asynchronously invoked functions that Lambda retries."""
    client = target.aws.client("lambda")
    for name in ASYNCHRONOUS:
        function = target.stage.function(name)
        try:
            actual = client.get_function_event_invoke_config(FunctionName=function)
        except ClientError as error:
            if code_of(error) not in ABSENT:
                raise
            actual = {}
        if not INVOKE_CONFIG.items() <= actual.items():
            put = partial(client.put_function_event_invoke_config, FunctionName=function, **INVOKE_CONFIG)
            yield Difference(f"a failed {name} is retried", put)


def _websocket_stage(target: Target) -> Iterator[Difference]:
    """Yield what differs in the WebSocket API's throttle."""
    client, (rate, burst) = target.aws.client("apigatewayv2"), websocket_throttle(target.shape.account_rate)
    stage = {"ApiId": target.websocket_api, "StageName": target.stage.name}
    actual = client.get_stage(**stage).get("DefaultRouteSettings", {})
    limits = {"ThrottlingRateLimit": float(rate), "ThrottlingBurstLimit": burst}
    if not limits.items() <= actual.items():
        put = partial(client.update_stage, **stage, DefaultRouteSettings={**actual, **limits})
        yield Difference(f"the WebSocket API does not take {rate} frames a second, {burst} at once", put)


def _rest_stage(target: Target) -> Iterator[Difference]:
    """Yield what differs in the REST API's throttle and tracing."""
    client, (rate, burst) = target.aws.client("apigateway"), rest_throttle(target.shape.account_rate)
    stage = {"restApiId": target.rest_api, "stageName": target.stage.name}
    actual = client.get_stage(**stage)
    methods = actual.get("methodSettings", {}).get("*/*", {})
    traced = target.config.of_function(target.stage).xray_enabled

    def patch(**values: Any) -> Callable[[], object]:
        patches = [{"op": "replace", "path": path, "value": str(value)} for path, value in values.items()]
        return partial(client.update_stage, **stage, patchOperations=patches)

    if (methods.get("throttlingRateLimit"), methods.get("throttlingBurstLimit")) != (rate, burst):
        limits = {"/*/*/throttling/rateLimit": rate, "/*/*/throttling/burstLimit": burst}
        what = f"the REST API does not take {rate} requests a second, {burst} at once"
        yield Difference(what, patch(**limits))
    if actual.get("tracingEnabled", False) != traced:
        switch = patch(**{"/tracingEnabled": str(traced).lower()})
        yield Difference(f"tracing of the REST API is {not traced}, declared {traced}", switch)


def _same(key: str, actual: Any, wanted: Any) -> bool:
    if key == "FilterCriteria":
        return [json.loads(one["Pattern"]) for one in (actual or {}).get("Filters", ())] == PATTERNS
    return bool(actual == wanted)
