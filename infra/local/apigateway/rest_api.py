"""API Gateway's REST API: HTTP in, an event to ``api_handler``, HTTP out."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from chalice.app import Chalice

from infra.local.apigateway.asgi import Answer, BodyTooLarge, Receive, Scope, Send, headers_of, read_body
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.rest_event import RestRequest, rest_event
from infra.local.apigateway.rest_routes import Routes
from infra.local.deployment import Moment
from infra.local.functions.environment import FunctionFailed, IntegrationTimedOut
from infra.local.functions.service import LambdaService


def _error(status: int, message: str, error_type: str) -> Answer:
    """Return an answer that API Gateway gives without having reached the function, or after it failed."""
    headers = (("content-type", "application/json"), ("x-amzn-errortype", error_type))
    return Answer(status, headers, json.dumps({"message": message}, separators=(",", ":")).encode())


NO_SUCH_ROUTE = _error(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
TOO_LARGE = _error(413, "Request Too Long", "RequestEntityTooLargeException")
FUNCTION_FAILED = _error(502, "Internal server error", "InternalServerErrorException")
FUNCTION_TOO_SLOW = _error(504, "Endpoint request timed out", "InternalServerErrorException")


class RestApi:
    """The REST API of the application."""

    def __init__(self, app: Chalice, functions: LambdaService, limits: Limits) -> None:
        self._routes = Routes(app.routes)
        self._methods: Mapping[str, Mapping[str, Any]] = app.routes
        self._functions = functions
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            body = await read_body(receive, self._limits.request_bytes)
        except BodyTooLarge:
            answer = TOO_LARGE
        else:
            answer = await self._answer(_request(scope, body))
        await answer.send(send)

    async def _answer(self, request: RestRequest) -> Answer:
        match = self._routes.match(request.path)
        if match is None or request.method not in self._methods[match.resource]:
            return NO_SUCH_ROUTE
        event = rest_event(request, match, Moment.present())
        within = self._limits.integration_seconds
        try:
            return rest_answer(await self._functions.invoke("api_handler", event, within))
        except IntegrationTimedOut:
            return FUNCTION_TOO_SLOW
        except FunctionFailed:
            return FUNCTION_FAILED


def rest_answer(response: Any) -> Answer:
    """Return what a client gets for a function's answer; one that is no proxy response is a 502."""
    try:
        status = int(response["statusCode"])
        content = response.get("body") or ""
        body = base64.b64decode(content) if response.get("isBase64Encoded") else content.encode()
        headers = [(name.lower(), str(value)) for name, value in (response.get("headers") or {}).items()]
        for name, values in (response.get("multiValueHeaders") or {}).items():
            headers = [header for header in headers if header[0] != name.lower()]
            headers += [(name.lower(), str(value)) for value in values]
    except (KeyError, TypeError, ValueError, AttributeError):
        return FUNCTION_FAILED
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    return Answer(status, tuple(headers), body)


def _request(scope: Scope, body: bytes) -> RestRequest:
    return RestRequest(
        method=scope["method"],
        path=scope["raw_path"].decode("ascii"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers_of(scope),
        body=body,
        source_ip=(scope.get("client") or ("127.0.0.1", 0))[0],
    )
