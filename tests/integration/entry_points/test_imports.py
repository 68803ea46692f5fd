"""What a cold start pays for: no function imports what only another one needs."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.local.apigateway.rest_event import RestRequest, rest_event
from infra.local.deployment import Moment

ROOT = Path(__file__).parents[3]
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
CHECKING = {"jwt", "msgspec", "chalicelib.auth.tokens", "chalicelib.api.rest.bodies"}
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


class _EmptyDatabase(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = b'{"Items":[],"Count":0,"ScannedCount":0,"Attributes":{}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _EmptyDatabase) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


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
def test_a_function_imports_only_what_it_needs(
    database: str, function: str, event: dict[str, Any], unused: set[str]
) -> None:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": database,
        "PUSH_ENDPOINT": f"{database}/{{stage}}",
        "SESSIONS_STREAM_ARN": "arn:aws:dynamodb:us-east-1:123456789012:table/sessions/stream/now",
        "JWT_SECRET_PARAMETER": "never asked for",
    }

    done = subprocess.run(
        [sys.executable, "-c", ENTER, function, json.dumps(event)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    imported = set(json.loads(done.stdout.rpartition("\n[")[2].join(["[", ""])))
    assert imported & (unused | {"chalicelib.answers"}) == set()
