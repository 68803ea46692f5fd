"""Makes the event that API Gateway's REST API hands to Lambda (proxy integration, payload 1.0).

It is documented under "Input format of a Lambda function for proxy integration".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from infra.local.apigateway.asgi import Pairs, multi_values
from infra.local.deployment import ACCOUNT_ID, API_ID, STAGE, Moment


@dataclass(frozen=True, slots=True)
class RestRequest:
    """An HTTP request. ``path`` is still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Pairs
    body: bytes
    source_ip: str


def rest_event(resources: Iterable[str], request: RestRequest, moment: Moment) -> dict[str, Any] | None:
    """Return the event for a request, or None if no resource has its path."""
    found = routed(resources, request.path)
    if found is None:
        return None
    resource, path_parameters = found
    headers = dict(request.headers)
    query = parse_qsl(request.query, keep_blank_values=True)
    host = headers.get("host", "localhost")
    return {
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": multi_values(request.headers),
        # Empty members are null.
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": multi_values(query) or None,
        "pathParameters": path_parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "extendedRequestId": moment.request_id,
            "httpMethod": request.method,
            "identity": {"sourceIp": request.source_ip, "userAgent": headers.get("user-agent")},
            "path": f"/{STAGE}{request.path}",
            "protocol": "HTTP/1.1",
            "requestId": moment.request_id,
            "requestTime": moment.request_time,
            "requestTimeEpoch": moment.milliseconds,
            "resourceId": "local",
            "resourcePath": resource,
            "stage": STAGE,
        },
        "body": request.body.decode(errors="replace") or None,
        "isBase64Encoded": False,
    }


def routed(resources: Iterable[str], path: str) -> tuple[str, dict[str, str]] | None:
    """Return the resource of a path, and the values of its parameters. A trailing slash is ignored.

    A literal part of a path wins over a parameter.
    """
    parts = (path.rstrip("/") or "/").split("/")
    for resource in sorted(resources):  # "{" sorts behind every letter
        names = resource.split("/")
        if len(names) == len(parts):
            pairs = [*zip(names, parts, strict=True)]
            if all(name == part or name.startswith("{") for name, part in pairs):
                return resource, {name[1:-1]: part for name, part in pairs if name.startswith("{")}
    return None
