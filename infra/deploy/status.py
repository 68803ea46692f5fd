"""Shows what is deployed, and how it differs from what is declared here."""

import base64
import json
import urllib.request
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

from chalicelib import __version__
from infra.deploy import events
from infra.deploy.aws import if_there
from infra.deploy.chalice.package import Package, build
from infra.deploy.chalice.state import (
    Entry,
    deployed_functions,
    mappings,
    rest_api_ids,
    websocket_api_ids,
)
from infra.deploy.post_deploy import differing_settings
from infra.deploy.target import Target, environment_of
from infra.deploy.triggers import missing_triggers
from infra.template import queues, tables

NOT_THERE = "is not there"
"""What a function's line says if there is no function."""


def show(target: Target) -> bool:
    """Show the state of a stage; return whether it is as declared here."""
    aws, stage, progress, stack = target.aws, target.stage, target.progress, target.stack
    state = stack.status()
    progress.step(f"Stage {stage.name} in {aws.region}, account {aws.account}")
    if not state:
        progress.detail(f"not deployed: `gamenight stage deploy --stage {stage.name}` does it")
        return False
    progress.detail(f"stack {stage.stack}: {state}")
    rest = [_answering(target.rest_url(api)) for api in rest_api_ids(aws, stage)]
    live = [target.websocket_url(api) for api in websocket_api_ids(aws, stage)]
    progress.detail(*(rest or ["REST: no address"]), *(live or ["WebSocket: no address"]))
    progress.detail(f"here: version {__version__}, Chalice {version('chalice')}")
    progress.step("Functions")
    read = mappings(aws, stage)
    for entry in deployed_functions(aws, stage):
        progress.detail(*_function_lines(target, entry["name"], read))
    progress.step("Tables")
    progress.detail(*(_table(target, one.name) for one in tables(stage.name).values()))
    progress.step("Queues")
    progress.detail(*(_queue(target, one.name) for one in queues(stage.name).values()))
    if target.options.events:
        progress.step("Events")
        progress.detail(*events.lines(target), _queue(target, events.DEAD_LETTERS.format(stage.stack)))
    progress.step("Differences from what is declared here")
    found = differences(target, build(target.project, target.options.architecture))
    found += [one.what for one in differing_settings(target)]
    found += [f"stack: {line}" for line in stack.drift()]
    found += events.differences(target)
    if not has_secret(target):
        found.append(f"the token secret {stage.secret_parameter} is not there")
    progress.detail(*(found or ["none"]))
    return not found


def answered(url: str) -> dict[str, Any] | None:
    """Return the JSON that a URL answers with, None if it doesn't."""
    try:
        # The URL was made here, from an API's id.
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            content: dict[str, Any] = json.load(answer)
    except (OSError, ValueError):
        return None
    return content


def differences(target: Target, package: Package) -> list[str]:
    """Return a line for each difference between the functions and what is declared."""
    found = [f"{name}: {what}" for name in target.functions for what in _differences(target, name, package)]
    return found + missing_triggers(target)


def existing_tables(target: Target) -> list[str]:
    """Return the stage's tables that are there."""
    existing = {*target.aws.pages("dynamodb", "list_tables", "TableNames")}
    return [table.name for table in tables(target.stage.name).values() if table.name in existing]


def has_secret(target: Target) -> bool:
    """Say whether the secret that tokens are signed with is there."""
    names = [{"Key": "Name", "Values": [target.stage.secret_parameter]}]
    return bool(target.aws.client("ssm").describe_parameters(ParameterFilters=names)["Parameters"])


def deployed_function(target: Target, name: str) -> Any:
    """Return Lambda's description of a function, an empty dict if there is none."""
    return if_there(target.aws.client("lambda").get_function, FunctionName=target.stage.function(name))


def _differences(target: Target, name: str, package: Package) -> Iterator[str]:
    found = deployed_function(target, name)
    if not found:
        yield NOT_THERE
        return
    actual: dict[str, Any] = found["Configuration"]
    declared = target.config.of_function(target.stage, name)
    reserved = found.get("Concurrency", {}).get("ReservedConcurrentExecutions")
    tracing = "Active" if declared.xray_enabled else "PassThrough"
    for key, shown, expected in (
        ("Handler", actual["Handler"], target.functions[name].handler),
        ("Runtime", actual["Runtime"], declared.lambda_python_version),
        ("MemorySize", actual["MemorySize"], declared.lambda_memory_size),
        ("Timeout", actual["Timeout"], declared.lambda_timeout),
        ("Role", actual["Role"], declared.iam_role_arn),
        ("Architectures", actual.get("Architectures"), [declared.lambda_architecture]),
        ("TracingConfig", actual.get("TracingConfig", {}).get("Mode"), tracing),
        ("ReservedConcurrentExecutions", reserved, declared.reserved_concurrency),
    ):
        if shown != expected:
            yield f"{key} is {shown}, declared {expected}"
    if actual["CodeSha256"] != base64.b64encode(bytes.fromhex(package.sha256)).decode():
        yield "runs other code than is here"
    before, after = environment_of(actual).items(), declared.environment_variables.items()
    if names := sorted({name for name, _ in before ^ after}):
        yield f"its environment differs in {', '.join(names)}"


def _answering(url: str) -> str:
    health = answered(f"{url}/health")
    return f"{url}  serves version {health['version']}" if health else f"{url}  does not answer"


def _function_lines(target: Target, name: str, read: Iterable[Entry]) -> Iterator[str]:
    full_name = target.stage.function(name)
    function = target.aws.client("lambda").get_function_configuration(FunctionName=full_name)
    yield (
        f"{name:22} {function['MemorySize']:5} MB {function['Timeout']:3} s  {function['Runtime']}  "
        f"code {function['CodeSha256'][:8]}  of {function['LastModified'][:19]}"
    )
    for mapping in read:
        if target.stage.short_name(mapping["FunctionArn"]) == name:
            yield f"{'':22} reads {mapping['EventSourceArn'].split(':', 5)[5]}: {mapping['State']}"


def _table(target: Target, name: str) -> str:
    found = if_there(target.aws.client("dynamodb").describe_table, TableName=name).get("Table")
    if not found:
        return f"{name}: is not there"
    # DynamoDB counts about every six hours.
    return f"{name}: about {found['ItemCount']} items, {found['TableSizeBytes'] / 1e6:.1f} MB"


def _queue(target: Target, name: str) -> str:
    client = target.aws.client("sqs")
    waiting, taken = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
    url = if_there(client.get_queue_url, QueueName=name).get("QueueUrl")
    if not url:
        return f"{name}: is not there"
    counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=[waiting, taken])["Attributes"]
    return f"{name}: {counts[waiting]} waiting, {counts[taken]} being worked on"
