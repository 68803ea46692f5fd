"""Lists the first event of each function, as Lambda hands it over."""

import json
from typing import Any

import msgspec

from benchmarks.cold_start.stub import CONNECTION_ID, SECRETS
from chalicelib.auth.claims import Role
from chalicelib.auth.secrets import TokenSecrets
from chalicelib.auth.tokens import TokenIssuer
from chalicelib.delivery.jobs import FanOutJob
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType

EVENT_KEYS = {"PK": {"S": "sessions"}, "SK": {"S": "event#0000000017"}}
RECORD = {
    "eventID": "1",
    "eventName": "INSERT",
    "eventSource": "aws:dynamodb",
    "awsRegion": "us-east-1",
    "dynamodb": {
        "Keys": EVENT_KEYS,
        "SequenceNumber": "100000000001",
        "StreamViewType": "NEW_IMAGE",
        "NewImage": {
            **EVENT_KEYS,
            "type": {"S": "session.started"},
            "envelope": {"S": '{"type":"session.started"}'},
            "epoch": {"S": "e0"},
        },
    },
}
EVENT = Event("sessions", Cursor("e0", 17), EventType.SESSION_STARTED, '{"type":"session.started"}')
JOB = msgspec.to_builtins(FanOutJob(EVENT, shard=0, first=17, pending=None))
MESSAGE = {
    "messageId": "1",
    "receiptHandle": "r",
    "body": json.dumps(JOB),
    "attributes": {"MessageGroupId": "sessions#0", "ApproximateReceiveCount": "1"},
}
SOCKET = {
    "connectionId": CONNECTION_ID,
    "apiId": "abcdef1234",
    "stage": "prod",
    "connectedAt": 1_762_000_000_000,
    "domainName": "nights.example",
    "identity": {"sourceIp": "127.0.0.1"},
}
SCHEDULED = {
    "version": "0",
    "id": "1",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2025-11-01T20:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:events:us-east-1:123456789012:rule/sweep"],
    "detail": {},
}


class _Secrets:
    def load(self) -> TokenSecrets:
        return TokenSecrets.parse(SECRETS)


def first_events() -> dict[str, dict[str, Any]]:
    """Return the events by the name of their function."""
    token = TokenIssuer(_Secrets(), "game-night-live").mint("host", Role.ADMIN, 600)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Host": "nights.example",
    }
    start = {
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": "{}",
        "isBase64Encoded": False,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/api/sessions", "path": "/api/sessions"},
    }
    return {
        "api_handler": start,
        "websocket_connect": {"requestContext": {**SOCKET, "eventType": "CONNECT"}},
        "websocket_message": {
            "requestContext": {**SOCKET, "eventType": "MESSAGE"},
            "body": json.dumps({"type": "auth", "token": token}),
        },
        "websocket_disconnect": {"requestContext": {**SOCKET, "eventType": "DISCONNECT"}},
        "broadcast": {"Records": [RECORD]},
        "deliver": {"Records": [MESSAGE]},
        "sweep": SCHEDULED,
    }
