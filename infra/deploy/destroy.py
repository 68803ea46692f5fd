"""Removes a stage, and makes sure that nothing of it is left."""

from collections.abc import Callable, Iterator
from functools import partial

from infra.deploy import events
from infra.deploy.aws import if_there
from infra.deploy.chalice.state import (
    delete_mapping,
    deployed_functions,
    mappings,
    rest_api_ids,
    rules,
    websocket_api_ids,
)
from infra.deploy.output import DeploymentError
from infra.deploy.status import existing_tables, has_secret
from infra.deploy.target import Part, Target, remove
from infra.template import tables

NOTHING_LEFT = "nothing of the stage; restored tables and backups stay, if there are any"


def table_with_nights(target: Target) -> str | None:
    """Return the name of the sessions table if it holds anything. The other table has only connections."""
    name = tables(target.stage.name)["SessionsTable"].name
    found = if_there(target.aws.client("dynamodb").scan, TableName=name, Limit=1, Select="COUNT")
    return name if found.get("Count") else None


def left(target: Target) -> Iterator[str]:
    """Yield everything on AWS that belongs to a stage, a line each."""
    yield from (what for what, _ in events.parts(target))
    yield from (what for what, _ in _functions_and_apis(target))
    yield from (what for what, _ in _stack(target))
    yield from (what for what, _ in _data(target))


def destroy(target: Target) -> None:
    """Remove all of a stage, also its tables. The caller has asked whether their data may go."""
    stage, progress = target.stage, target.progress
    progress.step("Event bus")
    _remove(target, events.parts)
    progress.step("Functions and APIs")
    # Chalice would delete only what it has a record of, and not the second of two APIs.
    _remove(target, _functions_and_apis)
    progress.step(f"Stack {stage.stack}")
    _remove(target, _stack)
    progress.step("Tables, token secret and logs")
    # A function that still ran while the stack was deleted has made its log group again.
    _remove(target, _data)
    target.record.path.unlink(missing_ok=True)
    target.config.record(stage, None)
    progress.step("What is left")
    remaining = [*left(target)]
    progress.detail(*(remaining or [NOTHING_LEFT]))
    if remaining:
        raise DeploymentError(
            "Something is left. Run the same command again, and remove by hand what is left then."
        )


def _remove(target: Target, parts: Callable[[Target], Iterator[Part]]) -> None:
    if not remove(parts(target), target.progress):
        target.progress.detail("nothing was there")


def _stack(target: Target) -> Iterator[Part]:
    if status := target.stack.status():
        yield f"stack {target.stage.stack} ({status})", target.stack.delete


def _functions_and_apis(target: Target) -> Iterator[Part]:
    aws, stage = target.aws, target.stage
    lambdas, schedules = aws.client("lambda"), aws.client("events")
    for rule in (one["Name"] for one in rules(aws, stage)):
        # A rule is only deleted once it has no targets.
        if targets := [one["Id"] for one in schedules.list_targets_by_rule(Rule=rule)["Targets"]]:
            remove = partial(schedules.remove_targets, Rule=rule, Ids=targets)
            yield f"targets of the EventBridge rule {rule}", remove
        yield f"EventBridge rule {rule}", partial(schedules.delete_rule, Name=rule)
    for uuid in (one["UUID"] for one in mappings(aws, stage) if one["State"] != "Deleting"):
        yield f"event source mapping {uuid}", partial(delete_mapping, aws, uuid)
    for entry in deployed_functions(aws, stage):
        function = stage.function(entry["name"])
        yield f"function {function}", partial(lambdas.delete_function, FunctionName=function)
    for api_id in rest_api_ids(aws, stage):
        yield f"REST API {api_id}", partial(aws.client("apigateway").delete_rest_api, restApiId=api_id)
    for api_id in websocket_api_ids(aws, stage):
        yield f"WebSocket API {api_id}", partial(aws.client("apigatewayv2").delete_api, ApiId=api_id)


def _data(target: Target) -> Iterator[Part]:
    aws, secret = target.aws, target.stage.secret_parameter
    logs = aws.client("logs")
    for name in existing_tables(target):
        yield f"table {name}", partial(_delete_table, target, name)
    if has_secret(target):
        yield f"SSM parameter {secret}", partial(aws.client("ssm").delete_parameter, Name=secret)
    own = target.stage.log_group("api_handler")
    for found in aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=own):
        group = found["logGroupName"]
        if group == own or group.startswith(f"{own}-"):
            yield f"log group {group}", partial(logs.delete_log_group, logGroupName=group)


def _delete_table(target: Target, name: str) -> None:
    client = target.aws.client("dynamodb")
    client.delete_table(TableName=name)
    client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
