"""Taking a stage down, and making sure that nothing of it is left."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

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
from infra.deploy.errors import DeploymentError, code_of
from infra.deploy.progress import Progress
from infra.deploy.secret import delete_secret
from infra.deploy.stack import Stack
from infra.deploy.stage import Stage
from infra.deploy.target import Target


def tables_of(stage: Stage) -> list[str]:
    """Return the names of a stage's tables, as ``stack.yaml`` gives them."""
    return [f"{stage.stack}-sessions", f"{stage.stack}-connections"]


def tables_with_data(aws: Aws, stage: Stage) -> list[str]:
    """Return the stage's tables that hold anything."""
    scan = aws.client("dynamodb").scan
    return [name for name in _tables(aws, stage) if scan(TableName=name, Limit=1, Select="COUNT")["Count"]]


def left(aws: Aws, stage: Stage) -> Iterator[str]:
    """Yield everything on AWS that belongs to a stage, a line each."""
    for function in deployed_functions(aws, stage):
        full_name = stage.function(function["name"])
        yield f"function {full_name}"
        yield from (f"event source mapping {mapping['UUID']}" for mapping in mappings(aws, full_name))
    yield from (f"EventBridge rule {name}" for name in rule_names(aws, stage))
    yield from (f"REST API {api_id}" for api_id in rest_api_ids(aws, stage))
    yield from (f"WebSocket API {api_id}" for api_id in websocket_api_ids(aws, stage))
    if (status := Stack(aws.client("cloudformation"), stage.stack, Progress()).status()) is not None:
        yield f"stack {stage.stack} ({status})"
    yield from (f"table {name}" for name in _tables(aws, stage))
    names = aws.client("ssm").describe_parameters(
        ParameterFilters=[{"Key": "Name", "Values": [stage.secret_parameter]}]
    )["Parameters"]
    yield from (f"SSM parameter {one['Name']}" for one in names)
    yield from (f"log group {name}" for name in _log_groups(aws, stage))


def destroy(target: Target) -> None:
    """Remove all of a stage, its tables as well; whoever calls has asked about their data."""
    aws, stage, progress = target.aws, target.stage, target.progress
    progress.step("Functions and APIs")
    adopt(aws, target.record, None, progress)
    if target.config.entry(stage):
        chalice(target.project, ["delete", "--stage", stage.name], aws.region, progress)
    for what in _remove_what_chalice_left(aws, stage):
        progress.detail(f"deleted {what}")
    progress.step(f"Stack {stage.stack}")
    target.stack.delete()
    progress.step("Tables")
    dynamodb = aws.client("dynamodb")
    for name in _tables(aws, stage):
        dynamodb.delete_table(TableName=name)
        dynamodb.get_waiter("table_not_exists").wait(
            TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 150}
        )
        progress.detail(f"deleted {name}")
    progress.step("Token secret and logs")
    if delete_secret(aws.client("ssm"), stage.secret_parameter):
        progress.detail(f"deleted {stage.secret_parameter}")
    for group in _log_groups(aws, stage):
        # A function that still ran while the stack was deleted has made its log group again.
        aws.client("logs").delete_log_group(logGroupName=group)
        progress.detail(f"deleted {group}")
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


def _remove_what_chalice_left(aws: Aws, stage: Stage) -> Iterator[str]:
    """Remove what Chalice has no record of, such as the second of two APIs, and yield what it was."""
    events, functions = aws.client("events"), aws.client("lambda")
    for rule in rule_names(aws, stage):
        # A rule is only deleted once it has no targets.
        if targets := [one["Id"] for one in events.list_targets_by_rule(Rule=rule)["Targets"]]:
            events.remove_targets(Rule=rule, Ids=targets)
        events.delete_rule(Name=rule)
        yield f"the rule {rule}"
    for entry in [*deployed_functions(aws, stage)]:
        full_name = stage.function(entry["name"])
        for mapping in mappings(aws, full_name):
            functions.delete_event_source_mapping(UUID=mapping["UUID"])
        functions.delete_function(FunctionName=full_name)
        yield full_name
    for api_id in rest_api_ids(aws, stage):
        aws.client("apigateway").delete_rest_api(restApiId=api_id)
        yield f"the REST API {api_id}"
    for api_id in websocket_api_ids(aws, stage):
        aws.client("apigatewayv2").delete_api(ApiId=api_id)
        yield f"the WebSocket API {api_id}"


def _tables(aws: Aws, stage: Stage) -> list[str]:
    """Return the stage's tables that are there."""
    found = []
    for name in tables_of(stage):
        try:
            aws.client("dynamodb").describe_table(TableName=name)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
        else:
            found.append(name)
    return found


def _log_groups(aws: Aws, stage: Stage) -> list[str]:
    own = stage.log_group("api_handler")
    pages = aws.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=own)
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [name for name in names if name == own or name.startswith(f"{own}-")]
