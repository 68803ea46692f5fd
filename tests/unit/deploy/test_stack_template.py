import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from app import app
from chalicelib.aws.dynamodb.keys import SESSIONS, pending_key, session_key
from infra.deploy.chalice.command import functions_of
from infra.deploy.stage import ARCHITECTURES, LOG_RETENTION_DAYS, Stage, role_output
from infra.template import MAX_SENT, sent

ROOT = Path(__file__).parents[3]
FUNCTIONS = functions_of(app)
TEMPLATE: Any = cfn_yaml.load(str(ROOT / "infra" / "deploy" / "stack.yaml"))
RESOURCES = TEMPLATE["Resources"]
CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text())


def logical(function: str) -> str:
    return role_output(function).removesuffix("RoleArn")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_a_role_logs_alarms_and_a_size(function: str) -> None:
    name = logical(function)

    assert {f"{name}Role", f"{name}Logs", f"{name}ErrorsAlarm", f"{name}ThrottlesAlarm"} <= RESOURCES.keys()
    assert role_output(function) in TEMPLATE["Outputs"]
    assert CONFIG["lambda_functions"][function].keys() == {"lambda_memory_size", "lambda_timeout"}


def test_roles_are_one_a_function_and_allow_little() -> None:
    roles = {name: one for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"}
    assert roles.keys() == {f"{logical(function)}Role" for function in FUNCTIONS}
    assert CONFIG["lambda_functions"].keys() == FUNCTIONS.keys()
    for role in roles.values():
        [policy] = role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]:
            assert "*" not in str(statement["Action"]), statement
            assert statement["Resource"] != "*" or statement["Sid"].startswith("Lambda"), statement
        assert "LambdaTraces" in {one["Sid"] for one in policy["PolicyDocument"]["Statement"]}
    assert CONFIG["xray"] is True


def test_a_function_writes_only_what_it_must_of_the_sessions() -> None:
    writing = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    writes = {}
    for name, role in RESOURCES.items():
        if role["Type"] == "AWS::IAM::Role":
            [policy] = role["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = {
                    *([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
                }
                if actions & writing and statement["Resource"] == {"Fn::GetAtt": ["SessionsTable", "Arn"]}:
                    writes[name] = actions & writing, statement.get("Condition")

    only_there = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [SESSIONS]}}
    partitions = [pending_key("*"), session_key("*")]  # type: ignore[arg-type] # a pattern for all sessions
    assert writes == {
        "ApiHandlerRole": (writing, None),
        "BroadcastRole": (writing, {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": partitions}}),
        "WebsocketMessageRole": ({"dynamodb:PutItem"}, only_there),
    }


def test_the_secret_is_nowhere_in_the_stack() -> None:
    assert not [one for one in RESOURCES.values() if re.search("::(SSM|SecretsManager)::", one["Type"])]


def test_the_tables_outlive_the_stack() -> None:
    tables = [one for one in RESOURCES.values() if one["Type"] == "AWS::DynamoDB::Table"]

    assert len(tables) == 2
    for table in tables:
        assert table["DeletionPolicy"] == "Retain"
        assert table["UpdateReplacePolicy"] == "Retain"


def test_no_list_or_map_is_empty() -> None:
    # CloudFormation calls an empty list that a service leaves out drift. AWS::NoValue leaves it out.
    def empty(value: Any, where: str) -> list[str]:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [where] * (not value) + [
            found
            for key, one in items
            if isinstance(one, dict | list)
            for found in empty(one, f"{where}.{key}")
        ]

    assert empty(RESOURCES, "Resources") == []


def test_no_widget_of_the_dashboard_hides_another() -> None:
    body = re.sub(r"\$\{[^}]*\}", "x", RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    widgets = json.loads(body)["widgets"]
    cells = [
        (x, y)
        for one in widgets
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]

    assert len(widgets) > 5
    assert len(cells) == len({*cells})
    assert {x for x, _ in cells} == {*range(24)}  # the width of a dashboard


def test_logs_are_kept_for_days_that_cloudwatch_has() -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::Logs::LogGroup").schema
    days = schema["properties"]["RetentionInDays"]["enum"]

    assert [*LOG_RETENTION_DAYS] == TEMPLATE["Parameters"]["LogRetentionDays"]["AllowedValues"] == days
    assert [*ARCHITECTURES] == TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]


def named(value: Any) -> Any:
    """Write out the names that contain the stage's and nothing else that is not known."""
    if isinstance(value, dict):
        text = value["Fn::Sub"].replace("${Stage}", "dev") if [*value] == ["Fn::Sub"] else "${"
        return {key: named(one) for key, one in value.items()} if "${" in text else text
    return [*map(named, value)] if isinstance(value, list) else value


def test_what_outlives_the_stack_can_be_imported_by_name() -> None:
    resources = cfn_yaml.loads(sent("dev"))["Resources"].values()

    kept = [one["Properties"] for one in resources if one.get("DeletionPolicy") == "Retain"]
    assert {one.get("TableName") or one.get("LogGroupName") for one in kept} == {
        "game-night-live-dev-sessions",
        "game-night-live-dev-connections",
        *(Stage("dev").log_group(function) for function in FUNCTIONS),
    }


def test_the_template_fits_into_one_request() -> None:
    text = sent("dev")

    assert named(cfn_yaml.loads(text)) == named(TEMPLATE)
    assert len(text.encode()) <= MAX_SENT, (
        "CloudFormation would not take infra/deploy/stack.yaml any more. Have `sent` leave out what the "
        "dashboard's body is indented by, or `provision` put the template into a bucket and send its URL."
    )


def test_the_sizes_that_are_explained_are_those_that_are_deployed() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text()
    explained = re.findall(r"^\| `(\w+)` \| (\d+) MB \| (\d+) s \|", page, flags=re.MULTILINE)

    assert {name: (int(memory), int(seconds)) for name, memory, seconds in explained} == {
        name: (one["lambda_memory_size"], one["lambda_timeout"])
        for name, one in CONFIG["lambda_functions"].items()
    }
