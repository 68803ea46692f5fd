"""Calls in each of AWS's protocols, right and wrong, as boto3 sends them when it checks nothing first."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
from botocore.config import Config

from infra.deploy.rehearse.models import problems
from infra.deploy.rehearse.unkind import Request

KEYS = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
CONFIG = Config(parameter_validation=False, retries={"total_max_attempts": 1})
LIST_TABLES = "DynamoDB_20120810.ListTables"
LACKS = 'Missing required parameter in input: "{}"'
UNKNOWN = 'Unknown parameter in input: "{}"'
SMALL = "Invalid value for parameter {}, value: 0, valid min value: 1"
TYPE = "Invalid type for parameter {}, value: {}, type: <class '{}'>, valid types: <class '{}'>"
SOURCE = "arn:aws:sqs:us-east-1:123456789012:jobs"


class Sent(Exception):
    """A request that was about to be sent."""


def problems_of(service: str, operation: str, **arguments: Any) -> list[str]:
    client: Any = boto3.client(service, **KEYS, config=CONFIG)

    def catch(request: Any, **_: Any) -> None:
        raise Sent(request)

    client.meta.events.register("before-send", catch)
    with pytest.raises(Sent) as sent:
        getattr(client, operation)(**arguments)
    request, signed_for = sent.value.args[0], client.meta.service_model.signing_name
    url, body = urlsplit(request.url), request.body or b""
    target = request.headers.get("x-amz-target", b"").decode()
    query = parse_qs(url.query, keep_blank_values=True)
    body = body if isinstance(body, bytes) else body.encode()
    return problems(Request("k", signed_for, target, request.method, unquote(url.path), query, body))


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("dynamodb", "get_item", {"TableName": "table", "Key": {"PK": {"S": "p"}}, "ConsistentRead": True}),
        ("sqs", "send_message", {"QueueUrl": "http://q", "MessageBody": "x", "DelaySeconds": 1}),
        ("lambda", "list_functions", {"MaxItems": 50}),
        ("lambda", "list_tags", {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}),
        ("lambda", "create_event_source_mapping", {"FunctionName": "f", "EventSourceArn": SOURCE}),
        ("lambda", "update_function_code", {"FunctionName": "f", "ZipFile": b"zip"}),
        ("apigateway", "get_resources", {"restApiId": "a", "embed": ["methods"]}),
        ("apigateway", "import_rest_api", {"body": b"{}", "parameters": {"basepath": "x"}}),
        ("apigatewayv2", "create_stage", {"ApiId": "a", "StageName": "dev", "AutoDeploy": True}),
        ("apigatewaymanagementapi", "post_to_connection", {"ConnectionId": "a=", "Data": b"{}"}),
        ("cloudformation", "create_change_set", {
            "StackName": "s", "ChangeSetName": "c", "TemplateBody": "a:\n",
            "Capabilities": ["CAPABILITY_IAM"], "Parameters": [{"ParameterKey": "a", "ParameterValue": "b"}],
            "ImportExistingResources": True,
        }),
        ("cloudformation", "delete_stack", {"StackName": "s"}),
        ("iam", "get_role", {"RoleName": "r"}),
        ("sns", "publish", {"Message": "m", "MessageAttributes": {"a": {"DataType": "String"}}}),
        ("sts", "get_caller_identity", {}),
        ("cloudwatch", "describe_alarms", {"AlarmNames": ["a"], "MaxRecords": 10}),
        ("logs", "put_retention_policy", {"logGroupName": "g", "retentionInDays": 7}),
        ("events", "put_targets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": "arn:aws:lambda"}]}),
    ],
)  # fmt: skip
def test_a_right_call_has_no_problems(service: str, operation: str, arguments: dict[str, Any]) -> None:
    assert problems_of(service, operation, **arguments) == []


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "found"),
    [
        ("dynamodb", "get_item", {"TableName": "t"}, [LACKS.format("Key")]),
        ("dynamodb", "get_item", {"TableName": "t", "Key": {"PK": {"S": 1}}},
         [TYPE.format("Key.PK.S", "1", "int", "str")]),
        ("dynamodb", "query", {"TableName": "t", "Limit": 0}, [SMALL.format("Limit")]),
        ("dynamodb", "query", {"TableName": "t", "Select": "ALL"},
         ["Select is 'ALL', none of ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES, SPECIFIC_ATTRIBUTES, COUNT"]),
        ("dynamodb", "query", {"TableName": "t", "Limit": True}, ["Limit is True, and no number"]),
        ("ssm", "get_parameter", {"WithDecryption": True}, [LACKS.format("Name")]),
        ("events", "put_rule", {"Name": "a b"}, [r"Name is 'a b', which does not match [\.\-_A-Za-z0-9]+"]),
        ("logs", "put_retention_policy", {"logGroupName": "g", "retentionInDays": "7"},
         [TYPE.format("retentionInDays", "7", "str", "int")]),
        ("lambda", "put_function_event_invoke_config", {"FunctionName": "f", "MaximumRetryAttempts": 3},
         ["MaximumRetryAttempts has 3, and may have 2"]),
        ("lambda", "list_functions", {"MaxItems": 0}, [SMALL.format("MaxItems")]),
        ("apigateway", "get_resources", {"restApiId": "a", "limit": "x"},
         [TYPE.format("limit", "x", "str", "int")]),
        ("apigatewayv2", "create_api", {"Name": "a", "ProtocolType": "WS"},
         ["ProtocolType is 'WS', none of WEBSOCKET, HTTP"]),
        ("cloudformation", "create_change_set", {"StackName": "s", "Capabilities": ["ALL"]},
         ["Capabilities[0] is 'ALL', none of CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND",
          LACKS.format("ChangeSetName")]),
        ("iam", "get_role", {}, [LACKS.format("RoleName")]),
        ("cloudwatch", "describe_alarms", {"MaxRecords": 1000}, ["MaxRecords has 1000, and may have 100"]),
    ],
)  # fmt: skip
def test_a_wrong_call_is_named_with_what_is_wrong(
    service: str, operation: str, arguments: dict[str, Any], found: list[str]
) -> None:
    named = [one.partition(": ")[2] for one in problems_of(service, operation, **arguments)]

    assert sorted(named) == sorted(found)


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (Request("k", "dynamodb", "DynamoDB_20120810.Get", "POST", "/", {}, b"{}"), "no operation"),
        (Request("k", "dynamodb", LIST_TABLES, "POST", "/", {}, b"{"), "no operation"),
        (Request("k", "dynamodb", LIST_TABLES, "POST", "/", {}, b'{"limit": 1}'), UNKNOWN.format("limit")),
        (Request("k", "lambda", "", "PATCH", "/2015-03-31/functions/f", {}, b""), "no operation"),
        (Request("k", "lambda", "", "GET", "/2015-03-31/functions", {"Max": ["1"]}, b""),
         UNKNOWN.format("Max")),
        (Request("k", "iam", "", "POST", "/", {}, b"Action=GetRol&Version=1"), "no operation"),
        (Request("k", "iam", "", "GET", "/", {}, b"Action=GetRole&Version=1&RoleName=r&A=r"),
         UNKNOWN.format("A")),
        (Request("k", "nothing", "", "POST", "/", {}, b""), "no operation"),
    ],
)  # fmt: skip
def test_what_boto3_cannot_send_is_named(request_: Request, problem: str) -> None:
    [found] = problems(request_)

    assert problem in found


def test_what_nobody_signed_is_not_judged() -> None:
    assert problems(Request("", "", "", "GET", "/api/nothing", {}, b"")) == []
