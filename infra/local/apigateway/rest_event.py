"""The event that API Gateway's REST API (payload 1.0, proxy integration) hands to Lambda.

As documented under "Input format of a Lambda function for proxy integration".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from infra.local.apigateway.asgi import last_values, multi_values
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


def rest_event(request: RestRequest, match: Match, moment: Moment) -> dict[str, Any]:
    """Return the event for a request that was routed to a resource."""
    headers = multi_values(request.headers)
    last = last_values(headers)
    query = multi_values(parse_qsl(request.query, keep_blank_values=True))
    host = last.get("host", "localhost")
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": last,
        "multiValueHeaders": headers,
        # Absent members are null, not empty.
        "queryStringParameters": last_values(query) or None,
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
            "identity": {"sourceIp": request.source_ip, "userAgent": last.get("user-agent")},
            "path": f"/{STAGE}{request.path}",
            "protocol": "HTTP/1.1",
            "requestId": moment.request_id,
            "requestTime": moment.request_time,
            "requestTimeEpoch": moment.milliseconds,
            "resourceId": "local",
            "resourcePath": match.resource,
            "stage": STAGE,
        },
        "body": request.body.decode(errors="replace") or None,
        "isBase64Encoded": False,
    }
