"""Does what a stage needs after ``chalice deploy``, since Chalice has no setting for it.

Each function brings one thing to the wanted state, says what it changed, and does nothing the second time.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from infra.budget import rest_throttle, websocket_throttle
from infra.deploy.aws import if_there, update_function, when_free
from infra.deploy.chalice.state import mappings, rules, settled_mappings
from infra.deploy.output import DeploymentError
from infra.deploy.target import Target, environment_of
from infra.event_sources import ASYNCHRONOUS, INVOKE_CONFIG, PATTERNS, STREAM_MAPPING, queue_mapping


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
            target.progress.detail(f"{name} has the handler {handler}, and no longer {actual['Handler']}")
        if environment_of(actual) != declared:
            changes["Environment"] = {"Variables": declared}
            target.progress.detail(f"{name} has a new environment")
        if changes:
            update_function(target.aws, full_name, **changes)


def websocket_deployment(target: Target, *, changed: bool) -> None:
    """Put the WebSocket API's routes into service if Chalice has deployed or the API has no stage yet."""
    client, there = target.aws.client("apigatewayv2"), target.websocket_stage()
    if there and not changed:
        return
    of_api = {"ApiId": target.websocket_api}
    deployment = client.create_deployment(**of_api)["DeploymentId"]
    put = client.update_stage if there else client.create_stage
    put(**of_api, StageName=target.stage.name, DeploymentId=deployment)
    target.progress.detail("the WebSocket routes are in service")
    for old in client.get_deployments(**of_api)["Items"]:
        if old["DeploymentId"] != deployment:
            client.delete_deployment(**of_api, DeploymentId=old["DeploymentId"])


def settings(target: Target) -> bool:
    """Bring all settings to what is declared; return whether one differed.

    Raises DeploymentError where one can't be set.
    """
    settled_mappings(target.aws, target.stage)
    differing = [*differing_settings(target)]
    for difference in differing:
        difference.mend()
        target.progress.detail(f"{difference.what}: set as declared")
    settled_mappings(target.aws, target.stage)
    return bool(differing)


def differing_settings(target: Target) -> Iterator[Difference]:
    """Yield each setting that is not as declared. What is not there at all is not a setting."""
    for look in (_schedules, _event_sources, _asynchronous_invokes, _rest_stage, _websocket_stage):
        yield from look(target)


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
    client = target.aws.client("lambda")
    for kind, name, wanted in (
        ("stream", "SESSIONS_STREAM_ARN", stream),
        ("queue", "DELIVERY_QUEUE_ARN", queue_mapping(reserved=reserved)),
    ):
        arn = sources.get(name)
        if (actual := found.get(arn)) is None:
            yield Difference(f"nothing reads the {kind} {arn}", partial(_refuse, f"{kind} {arn}"))
            continue
        differ = [key for key, value in wanted.items() if not _same(key, actual.get(key), value)]
        differ += ["Enabled"] * (actual["State"] in {"Disabled", "Disabling"})
        if differ:
            update = partial(client.update_event_source_mapping, UUID=actual["UUID"], **wanted, Enabled=True)
            mend = partial(when_free, f"the {kind}'s mapping", update)
            yield Difference(f"the {kind}'s mapping differs in {', '.join(differ)}", mend)


def _refuse(source: str) -> None:
    raise DeploymentError(
        f"No function reads the {source}. Run this again; if that does not help, "
        "`gamenight stage status` shows what differs."
    )


def _asynchronous_invokes(target: Target) -> Iterator[Difference]:
    """Yield the asynchronously invoked functions that Lambda retries."""
    client = target.aws.client("lambda")
    for name in ASYNCHRONOUS:
        function = target.stage.function(name)
        actual = if_there(client.get_function_event_invoke_config, FunctionName=function)
        if not INVOKE_CONFIG.items() <= actual.items():
            put = partial(client.put_function_event_invoke_config, FunctionName=function, **INVOKE_CONFIG)
            yield Difference(f"a failed {name} is retried, and should not be", put)


def _websocket_stage(target: Target) -> Iterator[Difference]:
    """Yield what differs in the WebSocket API's throttle."""
    rate, burst = websocket_throttle(target.options.account_rate)
    limits = {"ThrottlingRateLimit": float(rate), "ThrottlingBurstLimit": burst}
    if not (found := target.websocket_stage()):
        return
    actual = found.get("DefaultRouteSettings", {})
    if not limits.items() <= actual.items():
        put = partial(
            target.aws.client("apigatewayv2").update_stage,
            ApiId=target.websocket_api,
            StageName=target.stage.name,
            DefaultRouteSettings={**actual, **limits},
        )
        yield Difference(f"the WebSocket throttle is not {rate} a second with a burst of {burst}", put)


def _rest_stage(target: Target) -> Iterator[Difference]:
    """Yield what differs in the REST API's throttle and tracing."""
    rate, burst = rest_throttle(target.options.account_rate)
    if not (actual := target.rest_stage()):
        return
    methods = actual.get("methodSettings", {}).get("*/*", {})
    traced = target.config.of_function(target.stage).xray_enabled

    def patch(**values: object) -> Callable[[], object]:
        return partial(
            target.aws.client("apigateway").update_stage,
            restApiId=target.rest_api,
            stageName=target.stage.name,
            patchOperations=[{"op": "replace", "path": path, "value": f"{values[path]}"} for path in values],
        )

    if (methods.get("throttlingRateLimit"), methods.get("throttlingBurstLimit")) != (rate, burst):
        limits = {"/*/*/throttling/rateLimit": rate, "/*/*/throttling/burstLimit": burst}
        what = f"the REST throttle is not {rate} a second with a burst of {burst}"
        yield Difference(what, patch(**limits))
    if actual.get("tracingEnabled", False) != traced:
        switch = patch(**{"/tracingEnabled": str(traced).lower()})
        yield Difference(f"tracing of the REST API is {not traced}, declared {traced}", switch)


def _same(key: str, actual: Any, wanted: Any) -> bool:
    if key == "FilterCriteria":
        return [json.loads(one["Pattern"]) for one in (actual or {}).get("Filters", ())] == PATTERNS
    return bool(actual == wanted)
