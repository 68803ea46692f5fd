"""Who deploys may do what the deployment calls, on what is named after the application, and no more."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from cfnlint.decode import cfn_yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from infra.deploy.stage import APP_NAME
from infra.template import DEPLOYER_POLICY, EVENTS, EVENTS_POLICY, STACK

POLICIES = (DEPLOYER_POLICY, EVENTS_POLICY)
STATEMENTS: Any = [one for path in POLICIES for one in json.loads(path.read_text())["Statement"]]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


ALLOWED = {action for one in STATEMENTS for action in listed(one["Action"])}
SERVICES = (
    *("apigateway", "apigatewayv2", "cloudformation", "dynamodb", "dynamodbstreams", "events", "lambda"),
    *("logs", "pipes", "sns", "sqs", "ssm"),
)
BUILT_IN = {*dir(dict), *dir(list), *dir(Path)}
PREFIXES = {"dynamodbstreams": "dynamodb", "apigatewayv2": "apigateway"}
READS = ":(Get|List|Describe|BatchDescribe)"
PERMISSIONS_ONLY = {"cloudformation:TagResource", "cloudformation:UntagResource", "iam:PassRole"}
UNUSED_PARTS = re.compile(
    "(firehose|kinesis|kms|s3):|events:(Put|Remove)Permission|iam:CreateServiceLinkedRole|dynamodb:.*(Replica|Import|KinesisStreaming|Insights)"
    "|dynamodb:(BatchWriteItem|(Put|Delete)ResourcePolicy)|iam:(Attach|Detach)RolePolicy|iam:.*Boundary"
    "|logs:(Create|Update|Delete|Get|List)LogDeliver(y|ies)|logs:(AssociateKmsKey|DisassociateKmsKey|CreateLogDelivery|Put(Bearer|Data|Index|Resource|LogGroupDel).*)"
    "|logs:(CreateLogStream|PutLogEvents|DescribeLogStreams|Delete(DataProtection|Index|Resource)Policy)"
)
"""What CloudFormation calls for parts of a resource that the stack has none of."""


def called_by_cloudformation() -> Iterator[str]:
    stacks = [cfn_yaml.load(str(path))["Resources"].values() for path in (STACK, EVENTS)]
    for kind in {one["Type"] for stack in stacks for one in stack}:
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
        for name in ("create", "read", "update", "delete"):
            yield from (one for one in handlers[name]["permissions"] if not UNUSED_PARTS.match(one))


def called_by_the_code() -> Iterator[set[str]]:
    """Yield what each method that code of the deployment calls may be of AWS's operations."""
    methods: dict[str, set[str]] = {}
    for service in SERVICES:
        model = botocore.session.get_session().get_service_model(service)
        for operation in model.operation_names:
            verb = model.operation_model(operation).http["method"]
            name = verb if service.startswith("apigateway") else operation
            methods.setdefault(xform_name(operation), set()).add(f"{PREFIXES.get(service, service)}:{name}")
    folder = STACK.parent
    for path in [one for one in folder.rglob("*.py") if "rehearse" not in one.parts]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in methods and node.attr not in BUILT_IN:
                yield methods[node.attr]
            if isinstance(node, ast.Constant) and node.value in methods and "_" in node.value:
                yield methods[node.value]


def test_everything_that_cloudformation_calls_is_allowed() -> None:
    calls = {*called_by_cloudformation()}

    assert len(calls) > 50
    assert calls - ALLOWED == set()


def test_everything_that_the_code_calls_is_allowed() -> None:
    calls = [*called_by_the_code()]

    assert {"ssm:DescribeParameters"} in calls
    assert {"lambda:GetAccountSettings"} in calls
    assert [sorted(call) for call in calls if not call & ALLOWED] == []


def test_a_resource_is_named_after_the_application() -> None:
    nameless = {"apigateway", "execute-api"}  # an API has an id only
    for statement in STATEMENTS:
        for resource in listed(statement["Resource"]):
            service = resource.split(":")[2] if resource != "*" else ""
            if APP_NAME not in resource and service not in nameless:
                assert "Condition" in statement or statement["Sid"] == "WhatNamesNoResource"
        assert not [action for action in listed(statement["Action"]) if "*" in action]


def test_what_is_allowed_on_everything_changes_nothing_that_is_there() -> None:
    actions = [action for one in STATEMENTS if one["Resource"] == "*" for action in listed(one["Action"])]

    assert {action for action in actions if not re.search(READS, action)} == {
        "lambda:CreateEventSourceMapping",  # of a function that has to be allowed to read the source
        "sns:Unsubscribe",  # takes no resource; whoever is subscribed can do it too, from each mail
    }


@pytest.mark.parametrize("action", sorted(ALLOWED))
def test_an_action_is_one_that_aws_has(action: str) -> None:
    service, _, name = action.partition(":")
    if service in {"apigateway", "execute-api"} or action in PERMISSIONS_ONLY:
        return
    named = {"states": ("stepfunctions",), "dynamodb": ("dynamodb", "dynamodbstreams")}
    models = [botocore.session.get_session().get_service_model(one) for one in named.get(service, (service,))]

    assert any(name in model.operation_names for model in models)


@pytest.mark.parametrize("path", POLICIES)
def test_a_policy_can_be_attached(path: Path) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space is not counted
    assert len(re.sub(r"\s", "", path.read_text())) <= 6_144
