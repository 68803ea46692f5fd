"""Serves the REST API: turns a request into an event for ``api_handler``, and its answer into a response."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from chalice.app import Chalice

from infra.local.apigateway.asgi import Pairs, Receive, Scope, Send, headers_of, source_ip
from infra.local.apigateway.forwarded import as_the_client_asked
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.rest_event import RestRequest, rest_event
from infra.local.deployment import Moment
from infra.local.functions.environment import FunctionFailed, IntegrationTimedOut
from infra.local.functions.service import LambdaService


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Pairs
    body: bytes


def _error(status: int, message: str, error_type: str) -> Answer:
    """Return an answer of API Gateway's own, from before the function or after its failure."""
    headers = [("content-type", "application/json"), ("x-amzn-errortype", error_type)]
    return Answer(status, headers, json.dumps({"message": message}, separators=(",", ":")).encode())


NO_SUCH_ROUTE = _error(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
NO_SIGNATURE = _error(
    403,
    "Invalid key=value pair (missing equal-sign) in Authorization header.",
    "IncompleteSignatureException",
)
"""For an unknown path or method, API Gateway reads the Authorization header as a signature of AWS."""

TOO_LARGE = _error(413, "Request Too Long", "RequestEntityTooLargeException")
FUNCTION_FAILED = _error(502, "Internal server error", "InternalServerErrorException")
FUNCTION_TOO_SLOW = _error(504, "Endpoint request timed out", "InternalServerErrorException")


class RestApi:
    """The REST API of the application."""

    def __init__(self, app: Chalice, functions: LambdaService, limits: Limits) -> None:
        self._routes: dict[str, dict[str, Any]] = app.routes
        self._functions = functions
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises ConnectionError if the client leaves before it has sent the request."""
        body = await _body(receive, self._limits.request_bytes)
        answer = TOO_LARGE if body is None else await self._answer(_request(scope, body))
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, request: RestRequest) -> Answer:
        event = rest_event(self._routes, request, Moment.present())
        if event is None or request.method not in self._routes[event["resource"]]:
            return NO_SIGNATURE if dict(request.headers).get("authorization") else NO_SUCH_ROUTE
        within = self._limits.integration_seconds
        try:
            return rest_answer(await self._functions.invoke("api_handler", event, within))
        except IntegrationTimedOut:
            return FUNCTION_TOO_SLOW
        except FunctionFailed:
            return FUNCTION_FAILED


def rest_answer(response: Any) -> Answer:
    """Turn a function's answer into an HTTP answer: 502 if it is not a proxy response."""
    try:
        status = int(response["statusCode"])
        content = response.get("body") or ""
        body = base64.b64decode(content) if response.get("isBase64Encoded") else content.encode()
        headers = {name.lower(): [value] for name, value in (response.get("headers") or {}).items()}
        for name, values in (response.get("multiValueHeaders") or {}).items():
            headers[name.lower()] = [*values]
    except (KeyError, TypeError, ValueError, AttributeError):
        return FUNCTION_FAILED
    headers.setdefault("content-type", ["application/json"])
    return Answer(status, [(name, str(value)) for name, values in headers.items() for value in values], body)


async def _body(receive: Receive, limit: int) -> bytes | None:
    """Return a request's body, or None if it is larger than the limit."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client left before it had sent its request")
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def _request(scope: Scope, body: bytes) -> RestRequest:
    return RestRequest(
        method=scope["method"],
        path=scope["raw_path"].decode("ascii"),
        query=scope["query_string"].decode("latin-1"),
        headers=as_the_client_asked(headers_of(scope)),
        body=body,
        source_ip=source_ip(scope),
    )
