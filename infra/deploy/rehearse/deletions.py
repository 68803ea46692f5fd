"""Disables and deletes all that a deployment made, and sees that the next one brings it back."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore import xform_name

from infra.deploy.aws import Aws, if_there
from infra.deploy.chalice.state import settled_mappings
from infra.deploy.rehearse.terminal import STAGE, Terminal, must
from infra.event_sources import ASYNCHRONOUS
from infra.template import tables

DISABLES = {
    "AWS::CloudWatch::Alarm": "disable_alarm_actions",
    "AWS::IAM::Role": "delete_role_policy",
    "AWS::Logs::LogGroup": "delete_retention_policy",
    "AWS::Pipes::Pipe": "stop_pipe",
}
"""What disables or empties a resource of the stacks."""

MADE = frozenset(
    {"apigateway:POST", "cloudformation:CreateChangeSet", "events:PutRule", "events:PutTargets"}
    | {"lambda:AddPermission", "lambda:CreateEventSourceMapping", "lambda:CreateFunction"}
    | {"lambda:PutFunctionConcurrency", "lambda:PutFunctionEventInvokeConfig", "ssm:PutParameter"}
)
"""The actions by which a deployment makes things. Each is undone here."""

MAKING = ("Add", "Create", "Import", "POST", "PUT", "Put", "Register", "Subscribe")


def bring_back_what_was_deleted(terminal: Terminal) -> None:
    """Disable all, then delete all, then the stack; each time look at the status and deploy."""
    aws, before = Aws.connect(), _inventory(terminal)
    terminal.progress.step("Everything disabled or emptied by hand, and deployed again")
    _heal(terminal, [*_disable(aws)])
    terminal.progress.step("Everything deleted by hand, and deployed again")
    _heal(terminal, [*_delete(aws)])
    after = _inventory(terminal)
    must(after == before, f"there is more or less than before: {after} instead of {before}")
    terminal.progress.step("The stack deleted around its tables, and deployed again")
    terminal.start_night()
    items = _items(aws)
    aws.client("cloudformation").delete_stack(StackName=STAGE.stack)
    aws.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=STAGE.stack, WaiterConfig={"Delay": 1}
    )
    _heal(terminal, ["not deployed"])
    must(_items(aws) == items, "the sessions table does not hold what it held")
    terminal.progress.detail(f"all {len(items)} items of the sessions table are still there")


def look_for_what_nothing_deletes(terminal: Terminal) -> None:
    """Raise RehearsalFailed if the first deployment made a kind of thing that nothing here deletes."""
    calls = map(json.loads, terminal.account.calls().splitlines())
    actions = {call["action"] for call in calls if ":user/" in call["principal"]}
    made = {one for one in actions if one.partition(":")[2].startswith(MAKING)}
    must(made <= MADE, f"nothing here deletes what is made by {', '.join(sorted(made - MADE))}")


def _heal(terminal: Terminal, names: list[str]) -> None:
    said = terminal.gamenight("stage", "status", "--check", expect=1)
    unnamed = [name for name in names if name not in said]
    must(not unnamed, f"the status does not say: {', '.join(unnamed)}")
    terminal.gamenight("stage", "deploy")
    terminal.gamenight("stage", "status", "--check")


def _disable(aws: Aws) -> Iterator[str]:
    """Disable or empty things, and yield what the status should say of each."""
    events = aws.client("events")
    for rule in events.list_rules(NamePrefix=STAGE.stack)["Rules"]:
        events.disable_rule(Name=rule["Name"])
        events.remove_targets(Rule=rule["Name"], Ids=["1"])
        yield f"the rule {rule['Name']} is disabled"
    yield "sweep: is not started by rate(1 minute)"
    yield from (*_empty_apis(aws), *_disable_functions(aws))
    for one in _stack_resources(aws):
        if operation := DISABLES.get(one["ResourceType"]):
            _undo(aws, one, operation)
            yield f"{one['LogicalResourceId']} modified"


def _empty_apis(aws: Aws) -> Iterator[str]:
    rest, live = aws.client("apigateway"), aws.client("apigatewayv2")
    [api] = rest.get_rest_apis()["items"]
    rest.delete_stage(restApiId=api["id"], stageName=STAGE.name)
    for resource in rest.get_resources(restApiId=api["id"])["items"]:
        if resource["path"] == "/api/sessions":
            rest.delete_resource(restApiId=api["id"], resourceId=resource["id"])
    yield "routes are missing"
    [api] = live.get_apis()["Items"]
    live.delete_stage(ApiId=api["ApiId"], StageName=STAGE.name)
    for route in live.get_routes(ApiId=api["ApiId"])["Items"]:
        live.delete_route(ApiId=api["ApiId"], RouteId=route["RouteId"])
        yield f"is not started by {route['RouteKey']}"


def _disable_functions(aws: Aws) -> Iterator[str]:
    lambdas = aws.client("lambda")
    for mapping in lambdas.list_event_source_mappings()["EventSourceMappings"]:
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    settled_mappings(aws, STAGE)
    yield from ("broadcast: is not started by stream", "deliver: is not started by queue")
    yield from ("the stream's mapping differs in Enabled", "the queue's mapping differs in Enabled")
    for function in (one["FunctionName"] for one in lambdas.list_functions()["Functions"]):
        lambdas.delete_function_concurrency(FunctionName=function)
        policy = if_there(lambdas.get_policy, FunctionName=function).get("Policy", '{"Statement": []}')
        for statement in json.loads(policy)["Statement"]:
            lambdas.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    for name in ASYNCHRONOUS:
        lambdas.delete_function_event_invoke_config(FunctionName=STAGE.function(name))
        yield f"a failed {name} is retried"
    yield from ("broadcast: ReservedConcurrentExecutions", "deliver: ReservedConcurrentExecutions")


def _delete(aws: Aws) -> Iterator[str]:
    """Delete all but the stack itself, and yield what the status should say of each."""
    lambdas, events = aws.client("lambda"), aws.client("events")
    for mapping in lambdas.list_event_source_mappings()["EventSourceMappings"]:
        lambdas.delete_event_source_mapping(UUID=mapping["UUID"])
    for rule in events.list_rules(NamePrefix=STAGE.stack)["Rules"]:
        events.remove_targets(Rule=rule["Name"], Ids=["1"])
        events.delete_rule(Name=rule["Name"])
    for api in aws.client("apigateway").get_rest_apis()["items"]:
        aws.client("apigateway").delete_rest_api(restApiId=api["id"])
    for api in aws.client("apigatewayv2").get_apis()["Items"]:
        aws.client("apigatewayv2").delete_api(ApiId=api["ApiId"])
    for function in (one["FunctionName"] for one in lambdas.list_functions()["Functions"]):
        lambdas.delete_function(FunctionName=function)
        yield f"{STAGE.short_name(function)}: is not there"
        if function != STAGE.stack:  # its missing routes are only counted
            yield f"{STAGE.short_name(function)}: is not started by"
    aws.client("ssm").delete_parameter(Name=STAGE.secret_parameter)
    yield f"the token secret {STAGE.secret_parameter} is not there"
    for one in _stack_resources(aws):
        if one["ResourceType"] == "AWS::IAM::Role":
            _undo(aws, one, DISABLES["AWS::IAM::Role"])
        _undo(aws, one)
        yield f"{one['LogicalResourceId']} deleted"


def _undo(aws: Aws, resource: Any, operation: str = "") -> None:
    """Call an operation for a resource of a stack, or else the one that deletes its kind."""
    _, service, kind = resource["ResourceType"].split("::")
    client = aws.client(service.lower())
    names = client.meta.method_to_api_mapping
    delete = f"delete_{xform_name(kind)}"
    operation = operation or (delete if delete in names else f"{delete}s")
    key = client.meta.service_model.operation_model(names[operation]).input_shape.required_members[0]
    name = resource["PhysicalResourceId"]
    arguments = {key: [name] if key.endswith("Names") else name}
    if operation == "delete_role_policy":
        arguments["PolicyName"] = "does"
    getattr(client, operation)(**arguments)


def _stack_resources(aws: Aws) -> Iterator[Any]:
    for stack in (STAGE.stack, f"{STAGE.stack}-events"):
        yield from aws.pages(
            "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack
        )


def _inventory(terminal: Terminal) -> Counter[str]:
    return Counter(one.partition(":")[0] for one in terminal.account.inventory())


def _items(aws: Aws) -> list[str]:
    name = tables(STAGE.name)["SessionsTable"].name
    return sorted(
        json.dumps(one, sort_keys=True) for one in aws.pages("dynamodb", "scan", "Items", TableName=name)
    )
