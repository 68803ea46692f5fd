"""Taking a stage down, and making sure that nothing of it is left."""

from collections.abc import Callable, Iterator
from functools import partial

from infra.deploy.aws import Aws
from infra.deploy.chalice.command import chalice
from infra.deploy.chalice.state import (
    adopt,
    deployed_functions,
    mappings,
    rest_api_ids,
    rule_names,
    websocket_api_ids,
)
from infra.deploy.errors import DeploymentError
from infra.deploy.progress import Progress
from infra.deploy.stack import Stack
from infra.deploy.stage import Stage
from infra.deploy.target import Target

Part = tuple[str, Callable[[], object]]
"""Something that belongs to a stage, and what removes it."""


def tables_of(stage: Stage) -> list[str]:
    """Return the names of a stage's tables, as ``stack.yaml`` gives them."""
    return [f"{stage.stack}-sessions", f"{stage.stack}-connections"]


def tables_with_data(aws: Aws, stage: Stage) -> list[str]:
    """Return the stage's tables that hold anything."""
    scan = aws.client("dynamodb").scan
    return [name for name in _tables(aws, stage) if scan(TableName=name, Limit=1, Select="COUNT")["Count"]]


def left(aws: Aws, stage: Stage) -> Iterator[str]:
    """Yield everything on AWS that belongs to a stage, a line each."""
    yield from (what for what, _ in _functions_and_apis(aws, stage))
    if (status := Stack(aws.client("cloudformation"), stage.stack, Progress()).status()) is not None:
        yield f"stack {stage.stack} ({status})"
    yield from (what for what, _ in _data(aws, stage))


def destroy(target: Target) -> None:
    """Remove all of a stage, its tables as well; whoever calls has asked about their data."""
    aws, stage, progress = target.aws, target.stage, target.progress
    progress.step("Functions and APIs")
    adopt(aws, target.record, None, progress)
    if target.config.entry(stage):
        chalice(target.project, ["delete", "--stage", stage.name], aws.region)
    # What Chalice has no record of, such as the second of two APIs.
    _remove([*_functions_and_apis(aws, stage)], progress)
    progress.step(f"Stack {stage.stack}")
    target.stack.delete()
    progress.step("Tables, token secret and logs")
    # A function that still ran while the stack was deleted has made its log group again.
    _remove([*_data(aws, stage)], progress)
    target.record.forget()
    target.config.forget(stage)
    progress.step("What is left")
    remaining = [*left(aws, stage)]
    for line in remaining or ["nothing"]:
        progress.detail(line)
    if remaining:
        raise DeploymentError(
            "Something is left. Run `destroy` again; what is left then has to be removed by hand."
        )


def _remove(parts: list[Part], progress: Progress) -> None:
    for what, remove in parts:
        remove()
        progress.detail(f"deleted the {what}")


def _functions_and_apis(aws: Aws, stage: Stage) -> Iterator[Part]:
    lambdas, events = aws.client("lambda"), aws.client("events")
    for rule in rule_names(aws, stage):
        # A rule is only deleted once it has no targets.
        if targets := [one["Id"] for one in events.list_targets_by_rule(Rule=rule)["Targets"]]:
            remove = partial(events.remove_targets, Rule=rule, Ids=targets)
            yield f"targets of the EventBridge rule {rule}", remove
        yield f"EventBridge rule {rule}", partial(events.delete_rule, Name=rule)
    for entry in deployed_functions(aws, stage):
        function = stage.function(entry["name"])
        for uuid in (mapping["UUID"] for mapping in mappings(aws, function)):
            yield f"event source mapping {uuid}", partial(lambdas.delete_event_source_mapping, UUID=uuid)
        yield f"function {function}", partial(lambdas.delete_function, FunctionName=function)
    for api_id in rest_api_ids(aws, stage):
        yield f"REST API {api_id}", partial(aws.client("apigateway").delete_rest_api, restApiId=api_id)
    for api_id in websocket_api_ids(aws, stage):
        yield f"WebSocket API {api_id}", partial(aws.client("apigatewayv2").delete_api, ApiId=api_id)


def _data(aws: Aws, stage: Stage) -> Iterator[Part]:
    ssm, logs, secret = aws.client("ssm"), aws.client("logs"), stage.secret_parameter
    for name in _tables(aws, stage):
        yield f"table {name}", partial(_delete_table, aws, name)
    if ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [secret]}])["Parameters"]:
        yield f"SSM parameter {secret}", partial(ssm.delete_parameter, Name=secret)
    own = stage.log_group("api_handler")
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=own):
        for group in (one["logGroupName"] for one in page["logGroups"]):
            if group == own or group.startswith(f"{own}-"):
                yield f"log group {group}", partial(logs.delete_log_group, logGroupName=group)


def _tables(aws: Aws, stage: Stage) -> list[str]:
    """Return the stage's tables that are there."""
    pages = aws.client("dynamodb").get_paginator("list_tables").paginate()
    existing = {name for page in pages for name in page["TableNames"]}
    return [name for name in tables_of(stage) if name in existing]


def _delete_table(aws: Aws, name: str) -> None:
    client = aws.client("dynamodb")
    client.delete_table(TableName=name)
    client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
