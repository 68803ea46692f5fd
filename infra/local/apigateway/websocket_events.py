"""Makes the events that API Gateway's WebSocket API hands to Lambda: CONNECT, MESSAGE and DISCONNECT.

They are documented under "Lambda proxy integration for WebSocket APIs". Logs on AWS show the rest: a MESSAGE
has no headers, and a DISCONNECT has a reason.
"""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from infra.local.apigateway.asgi import Pairs, multi_values
from infra.local.deployment import API_ID, STAGE, Moment


@dataclass(frozen=True, slots=True)
class Caller:
    """Who opened a connection, and when (milliseconds since 1970)."""

    connection_id: str
    domain_name: str
    source_ip: str
    user_agent: str | None
    connected_at: int


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a connection was closed: a WebSocket close code and a reason."""

    code: int
    reason: str


def new_connection_id() -> str:
    """Return an id like AWS's. It ends in ``=``, which has to be encoded in a path."""
    return urlsafe_b64encode(secrets.token_bytes(11)).decode()


def connect_event(caller: Caller, moment: Moment, headers: Pairs, query: str) -> dict[str, Any]:
    """Return the event of ``$connect``."""
    event = {
        **_headers(headers),
        "requestContext": _context(caller, moment, "$connect", "CONNECT"),
        "isBase64Encoded": False,
    }
    if query:
        pairs = parse_qsl(query, keep_blank_values=True)
        event["queryStringParameters"] = dict(pairs)
        event["multiValueQueryStringParameters"] = multi_values(pairs)
    return event


def message_event(caller: Caller, moment: Moment, text: str) -> dict[str, Any]:
    """Return the event of ``$default``."""
    context = _context(caller, moment, "$default", "MESSAGE")
    context["messageId"] = moment.request_id
    return {"requestContext": context, "body": text, "isBase64Encoded": False}


def disconnect_event(caller: Caller, moment: Moment, closing: Closing) -> dict[str, Any]:
    """Return the event of ``$disconnect``."""
    context = _context(caller, moment, "$disconnect", "DISCONNECT")
    context["disconnectStatusCode"] = closing.code
    context["disconnectReason"] = closing.reason
    headers = [("Host", caller.domain_name), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")]
    return {**_headers(headers), "requestContext": context, "isBase64Encoded": False}


def _context(caller: Caller, moment: Moment, route: str, event_type: str) -> dict[str, Any]:
    identity = {"sourceIp": caller.source_ip}
    if caller.user_agent is not None:
        identity["userAgent"] = caller.user_agent
    return {
        "routeKey": route,
        "eventType": event_type,
        "extendedRequestId": moment.request_id,
        "requestTime": moment.request_time,
        "messageDirection": "IN",
        "stage": STAGE,
        "connectedAt": caller.connected_at,
        "requestTimeEpoch": moment.milliseconds,
        "identity": identity,
        "requestId": moment.request_id,
        "domainName": caller.domain_name,
        "connectionId": caller.connection_id,
        "apiId": API_ID,
    }


def _headers(headers: Pairs) -> dict[str, Any]:
    return {"headers": dict(headers), "multiValueHeaders": multi_values(headers)}
