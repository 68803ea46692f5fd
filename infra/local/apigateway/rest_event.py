"""The event that API Gateway's REST API (payload 1.0, proxy integration) hands to Lambda.

As documented under "Input format of a Lambda function for proxy integration".
"""

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from infra.local.apigateway.rest_routes import Match
from infra.local.deployment import ACCOUNT_ID, API_ID, STAGE, Moment


@dataclass(frozen=True, slots=True)
class RestRequest:
    """An HTTP request. ``path`` is as it was sent, still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str


def rest_event(
    request: RestRequest, match: Match, moment: Moment, binary_types: Collection[str] = ()
) -> dict[str, Any]:
    """Return the event for a request that was routed to a resource."""
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name, []).append(value)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    host = _last(headers).get("host", "localhost")
    binary = _last(headers).get("content-type", "") in binary_types
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": headers,
        # What is absent is null, not empty.
        "queryStringParameters": _last(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(match.path_parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "extendedRequestId": moment.request_id,
            "httpMethod": request.method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "apiKey": None,
                "caller": None,
                "sourceIp": request.source_ip,
                "user": None,
                "userAgent": _last(headers).get("user-agent"),
                "userArn": None,
            },
            "path": f"/{STAGE}{request.path}",
            "protocol": "HTTP/1.1",
            "requestId": moment.request_id,
            "requestTime": moment.request_time,
            "requestTimeEpoch": moment.milliseconds,
            "resourceId": "local",
            "resourcePath": match.resource,
            "stage": STAGE,
        },
        "body": _body(request.body, binary=binary),
        "isBase64Encoded": binary,
    }


def _last(values: dict[str, list[str]]) -> dict[str, str]:
    return {name: all_values[-1] for name, all_values in values.items()}


def _body(body: bytes, *, binary: bool) -> str | None:
    if not body:
        return None
    if binary:
        return base64.b64encode(body).decode()
    return body.decode(errors="replace")
