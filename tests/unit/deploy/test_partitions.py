"""A function that may write some partitions only can't write another, by the conditions of its role."""

import json
import subprocess

import pytest

from infra.ministack import PYTHON
from infra.template import resources

EVALUATE = """
import json, sys
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
policy, action, keys = json.load(sys.stdin)
context = {"dynamodb:leadingkeys": keys}
asked = EvalContext("arn:r", "AssumedRole", "1", action, "*", "us-east-1", service_context=context)
print(evaluate(asked, [parse_policy_document(policy)]).decision)
"""


def decision(role: str, action: str, keys: list[str]) -> str:
    """Return what IAM decides of a call on the sessions table; MiniStack's evaluation knows set operators."""
    [policy] = resources("dev")[f"{role}Role"]["Properties"]["Policies"]
    of_sessions = [
        {**one, "Resource": "*"}
        for one in policy["PolicyDocument"]["Statement"]
        if "SessionsTable" in json.dumps(one["Resource"])
    ]
    asked = [{"Version": "2012-10-17", "Statement": of_sessions}, f"dynamodb:{action}", keys]
    done = subprocess.run(
        [PYTHON, "-c", EVALUATE], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("role", "action", "keys", "decided"),
    [
        ("WebsocketMessage", "PutItem", ["sessions"], "Allow"),
        ("WebsocketMessage", "PutItem", ["session#1"], "ImplicitDeny"),
        ("WebsocketMessage", "PutItem", ["sessions#1"], "ImplicitDeny"),
        ("WebsocketMessage", "PutItem", ["sessions", "session#1"], "ImplicitDeny"),
        ("WebsocketMessage", "DeleteItem", ["sessions"], "ImplicitDeny"),
        ("Broadcast", "PutItem", ["session#1"], "Allow"),
        ("Broadcast", "DeleteItem", ["pending#17"], "Allow"),
        ("Broadcast", "UpdateItem", ["sessions"], "ImplicitDeny"),
        ("Broadcast", "PutItem", ["revoked#1"], "ImplicitDeny"),
        ("Broadcast", "BatchGetItem", ["session#1", "sessions"], "ImplicitDeny"),
        ("Broadcast", "Query", ["xsession#1"], "ImplicitDeny"),
        ("Broadcast", "Scan", ["session#1"], "ImplicitDeny"),
        ("Deliver", "PutItem", ["session#1"], "ImplicitDeny"),
        ("ApiHandler", "PutItem", ["sessions"], "Allow"),
    ],
)
def test_a_write_is_allowed_in_a_functions_own_partitions_only(
    role: str, action: str, keys: list[str], decided: str
) -> None:
    assert decision(role, action, keys) == decided
