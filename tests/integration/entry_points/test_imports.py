"""What a cold start pays for: no function imports what only another one needs."""

import asyncio
import json
import os
import subprocess
import sys
from functools import partial
from typing import Any

import pytest

from infra.local.apigateway.rest_event import RestRequest, rest_event
from infra.local.deployment import Moment
from tests.bots.http_server import answering
from tests.gateway import ROOT

CONTEXT = {
    "connectionId": "abc=",
    "apiId": "api",
    "stage": "dev",
    "connectedAt": 1_762_000_000_000,
    "domainName": "api.example",
    "identity": {"sourceIp": "127.0.0.1"},
}
KEYS = {"PK": {"S": "sessions"}, "SK": {"S": "event#0000000017"}}
RECORD = {
    "eventName": "INSERT",
    "dynamodb": {
        "SequenceNumber": "1",
        "Keys": KEYS,
        "NewImage": {**KEYS, "type": {"S": "session.started"}, "envelope": {"S": "{}"}, "epoch": {"S": "e0"}},
    },
}
MESSAGE = {
    "messageId": "1",
    "receiptHandle": "r",
    "body": '{"job":"fan_out","stream":"sessions","epoch":"e0","sequence":17,"type":"session.started",'
    '"envelope":"{}","shard":0,"first":17,"pending":null}',
    "attributes": {"MessageGroupId": "sessions#0", "ApproximateReceiveCount": "1"},
}
SCHEDULED = {
    **dict.fromkeys(("version", "id", "detail-type", "source", "account", "region"), "any"),
    "time": "2025-11-01T20:00:00Z",
    "resources": [],
    "detail": {},
}
HEALTH = rest_event(
    ["/api/health"], RestRequest("GET", "/api/health", "", [], b"", "127.0.0.1"), Moment.present()
)

SDKS = {"boto3", "botocore", "pynamodb", "urllib3", "http.client"}
CHECKING = {"jwt", "chalicelib.auth.tokens", "chalicelib.api.rest.bodies"}
POSTING = {"httptools", "chalicelib.aws.connections_api"}
SECRETS = {"chalicelib.auth.secrets"}

ENTER = """
import json, sys
import app
class Context:
    def get_remaining_time_in_millis(self):
        return 60000
name, event = sys.argv[1], json.loads(sys.argv[2])
(app.app if name == "api_handler" else getattr(app, name))(event, Context())
print("\\n" + json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(
    ("function", "event", "unused"),
    [
        (
            "broadcast",
            {"Records": [RECORD]},
            SDKS | CHECKING | SECRETS | {"chalicelib.api", "chalicelib.idempotency", "uvloop"},
        ),
        ("deliver", {"Records": [MESSAGE]}, SDKS | CHECKING | SECRETS | {"chalicelib.api", "uvloop"}),
        (
            "sweep",
            SCHEDULED,
            {"boto3", "uvloop", "jwt", "chalicelib.auth.tokens", "chalicelib.aws.dynamodb.nights.sessions"},
        ),
        ("api_handler", HEALTH, SDKS | CHECKING | POSTING),
        (
            "websocket_connect",
            {"requestContext": CONTEXT | {"eventType": "CONNECT"}},
            POSTING | {"boto3", "jwt"},
        ),
        (
            "websocket_disconnect",
            {"requestContext": CONTEXT | {"eventType": "DISCONNECT"}},
            POSTING | {"boto3", "jwt"},
        ),
        ("websocket_message", {"requestContext": CONTEXT, "body": '{"type":"ping"}'}, {"boto3", "uvloop"}),
    ],
)
async def test_a_function_imports_only_what_it_needs(
    function: str, event: dict[str, Any], unused: set[str]
) -> None:
    empty = {"Items": [], "Count": 0, "ScannedCount": 0, "Attributes": {}}

    async with answering(otherwise=(200, empty)) as database:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_DYNAMODB": database.url,
            "PUSH_ENDPOINT": f"{database.url}/{{stage}}",
            "SESSIONS_STREAM_ARN": "arn:aws:dynamodb:us-east-1:123456789012:table/sessions/stream/now",
            "JWT_SECRET_PARAMETER": "never asked for",
        }
        command = [sys.executable, "-c", ENTER, function, json.dumps(event)]
        run = partial(subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True)
        done = await asyncio.to_thread(run)

    assert done.returncode == 0, done.stderr
    imported = set(json.loads(done.stdout.rpartition("\n[")[2].join(["[", ""])))
    assert imported & (unused | {"chalicelib.answers"}) == set()
