import base64
from datetime import UTC, datetime

from infra.local.apigateway.websocket_events import (
    Caller,
    Closing,
    connect_event,
    disconnect_event,
    message_event,
    new_connection_id,
)
from infra.local.deployment import Moment

MOMENT = Moment(datetime(2025, 11, 1, 20, 0, 1, 0, UTC), "request-1")
CALLER = Caller("L0SM9cOFvHcCIhw=", "localhost:5000", "127.0.0.1", "node", 1_762_027_200_000)
COMMON = {
    "extendedRequestId": "request-1",
    "requestTime": "01/Nov/2025:20:00:01 +0000",
    "messageDirection": "IN",
    "stage": "local",
    "connectedAt": 1_762_027_200_000,
    "requestTimeEpoch": 1_762_027_201_000,
    "identity": {"sourceIp": "127.0.0.1", "userAgent": "node"},
    "requestId": "request-1",
    "domainName": "localhost:5000",
    "connectionId": "L0SM9cOFvHcCIhw=",
    "apiId": "local",
}


def test_connect_has_the_handshakes_headers_and_query() -> None:
    event = connect_event(CALLER, MOMENT, [("host", "localhost:5000"), ("origin", "a")], "a=1&a=2")

    assert event == {
        "headers": {"host": "localhost:5000", "origin": "a"},
        "multiValueHeaders": {"host": ["localhost:5000"], "origin": ["a"]},
        "queryStringParameters": {"a": "2"},
        "multiValueQueryStringParameters": {"a": ["1", "2"]},
        "requestContext": {"routeKey": "$connect", "eventType": "CONNECT", **COMMON},
        "isBase64Encoded": False,
    }


def test_a_message_has_a_body_and_no_headers() -> None:
    event = message_event(CALLER, MOMENT, '{"type":"ping"}')

    assert event == {
        "requestContext": {
            "routeKey": "$default",
            "eventType": "MESSAGE",
            "messageId": "request-1",
            **COMMON,
        },
        "body": '{"type":"ping"}',
        "isBase64Encoded": False,
    }


def test_disconnect_says_why() -> None:
    event = disconnect_event(CALLER, MOMENT, Closing(1001, "Going away"))

    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("$disconnect", "DISCONNECT")
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (1001, "Going away")


def test_connection_ids_look_like_awss_and_differ() -> None:
    ids = {new_connection_id() for _ in range(100)}

    assert len(ids) == 100
    assert all(len(base64.urlsafe_b64decode(one)) == 11 and one.endswith("=") for one in ids)
