"""Finds what starts a stage's functions on AWS: routes, schedules, the stream, the queue."""

import re
from collections.abc import Iterator

from infra.deploy.aws import if_there
from infra.deploy.chalice.state import mappings, rest_methods, rules
from infra.deploy.target import Target

FUNCTION = re.compile(r":function:([\w-]+)")

SOURCES = {"SESSIONS_STREAM_ARN": "stream", "DELIVERY_QUEUE_ARN": "queue"}
"""What event source mappings read: its name in the functions' environment, and in ``Function``."""

NAMED_UP_TO = 3
"""More missing routes are only counted."""

Trigger = tuple[str, str]
"""A function's full name, and one of its ``Function.triggers``."""


def missing_triggers(target: Target) -> list[str]:
    """Return a line for each function that lacks a trigger which app.py declares."""
    found = {*_rest_routes(target), *_websocket_routes(target), *_schedules(target), *_sources(target)}
    lines = []
    for name, function in target.functions.items():
        full_name = target.stage.function(name)
        gone = [one for one in function.triggers if (full_name, one) not in found]
        if len(gone) > NAMED_UP_TO:
            lines.append(f"{name}: {len(gone)} routes are missing")
        elif gone:
            lines.append(f"{name}: is not started by {', '.join(gone)}")
    return lines


def _rest_routes(target: Target) -> Iterator[Trigger]:
    aws, stage, api_id = target.aws, target.stage, target.rest_api
    if target.rest_stage() and _allowed(target, stage.stack, f":{api_id}/"):
        for route, uri in rest_methods(aws, api_id):
            if invoked := FUNCTION.search(uri):
                yield invoked[1], route


def _websocket_routes(target: Target) -> Iterator[Trigger]:
    aws, api_id = target.aws, target.websocket_api
    if not target.websocket_stage():
        return
    integrations = {
        one["IntegrationId"]: FUNCTION.search(one.get("IntegrationUri", ""))
        for one in aws.pages("apigatewayv2", "get_integrations", "Items", ApiId=api_id)
    }
    for route in aws.pages("apigatewayv2", "get_routes", "Items", ApiId=api_id):
        invoked = integrations.get(route.get("Target", "").removeprefix("integrations/"))
        if invoked and _allowed(target, invoked[1], f":{api_id}/"):
            yield invoked[1], route["RouteKey"]


def _schedules(target: Target) -> Iterator[Trigger]:
    for rule in rules(target.aws, target.stage):
        found = target.aws.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
        for invoked in filter(None, (FUNCTION.search(one["Arn"]) for one in found)):
            if rule["State"] == "ENABLED" and _allowed(target, invoked[1], f":rule/{rule['Name']}"):
                yield invoked[1], rule["ScheduleExpression"]


def _sources(target: Target) -> Iterator[Trigger]:
    environment = target.config.entry(target.stage).get("environment_variables", {})
    kinds = {environment.get(name): kind for name, kind in SOURCES.items()}
    for mapping in mappings(target.aws, target.stage):
        if mapping["State"] not in {"Disabled", "Disabling", "Deleting"}:
            full_name = mapping["FunctionArn"].split(":")[6]
            yield full_name, kinds.get(mapping["EventSourceArn"], "another source")


def _allowed(target: Target, full_name: str, caller: str) -> bool:
    """Say whether a function's policy lets a caller invoke it; ``caller`` is part of an ARN."""
    policy = if_there(target.aws.client("lambda").get_policy, FunctionName=full_name)
    return caller in policy.get("Policy", "")
