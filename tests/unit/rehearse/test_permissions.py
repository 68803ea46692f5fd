import json

from infra.deploy.rehearse.permissions import findings

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/t"
POLICY = {
    "Statement": [
        {
            "Sid": "Table",
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
            "Resource": TABLE,
        },
        {"Sid": "LambdaTraces", "Effect": "Allow", "Action": "xray:PutTraceSegments", "Resource": "*"},
    ]
}


def call(action: str, resource: str = TABLE, *, allowed: bool = True, function: str = "f") -> str:
    principal = f"arn:aws:sts::000000000000:assumed-role/role-of-{function}/{function}"
    return json.dumps({"principal": principal, "action": action, "resource": resource, "allowed": allowed})


def found(*calls: str) -> list[str]:
    return findings({"f": [POLICY]}, "\n".join(calls))


def test_a_call_that_was_denied_is_found() -> None:
    calls = call("dynamodb:GetItem"), call("dynamodb:PutItem"), call("ssm:GetParameter", "p", allowed=False)

    assert found(*calls) == ["f was denied ssm:GetParameter on p"]


def test_a_grant_that_nobody_used_is_found() -> None:
    calls = call("dynamodb:GetItem"), call("dynamodb:PutItem", function="another")

    assert found(*calls) == [f"f may do dynamodb:PutItem on {TABLE} (Table), and never did"]


def test_what_a_user_was_denied_is_found_and_what_the_account_does_is_not() -> None:
    made = [
        {"principal": f"arn:aws:iam::000000000000:{who}", "action": "a:B", "resource": "r", "allowed": False}
        for who in ("user/deployer", "root")
    ]

    assert findings({}, "\n".join(map(json.dumps, made))) == ["deployer was denied a:B on r"]
